import Testing

@Suite struct STUNPlaceholder {
    @Test func builds() {}
}
