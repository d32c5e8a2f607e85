import Testing

@Suite struct ExchangePlaceholder {
    @Test func builds() {}
}
