import Testing

@Suite struct TURNPlaceholder {
    @Test func builds() {}
}
