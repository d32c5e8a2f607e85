import Testing

@Suite struct RelayLoopPlaceholder {
    @Test func builds() {}
}
