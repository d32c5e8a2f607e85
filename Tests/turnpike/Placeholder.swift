import Testing

@Suite struct turnpikePlaceholder {
    @Test func builds() {}
}
