import Testing

@Suite struct SimulationPlaceholder {
    @Test func builds() {}
}
