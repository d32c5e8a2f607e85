import Testing

@Suite struct TunablesPlaceholder {
    @Test func builds() {}
}
