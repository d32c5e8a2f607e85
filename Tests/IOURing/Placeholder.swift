import Testing

@Suite struct IOURingPlaceholder {
    @Test func builds() {}
}
