/// What everybody in the simulated world may know, so that they can misuse each other's things.
struct Directory {
    /// Where peers are.
    var peers: [Endpoint] = []
    /// Relayed addresses ever handed out, dead ones included.
    var relayed: [Endpoint] = []
    var nonces: [[UInt8]] = []
    var reservationTokens: [[UInt8]] = []
    var mobilityTickets: [[UInt8]] = []
    /// Numbers the payloads, so that no two are alike.
    private var payloads: UInt64 = 0

    /// A payload of about `count` bytes that no other datagram has, if it has room for a number.
    mutating func payload(_ count: Int) -> [UInt8] {
        payloads += 1
        let number = bigEndian(payloads)
        guard count > 8 else { return Array(number.suffix(count)) }
        let fill = UInt8(truncatingIfNeeded: payloads)
        return number + Array(repeating: fill, count: count - 8)
    }

    mutating func remember(relayed endpoint: Endpoint) { keep(endpoint, in: &relayed) }

    mutating func remember(nonce: [UInt8]) { keep(nonce, in: &nonces) }

    mutating func remember(token: [UInt8]) { keep(token, in: &reservationTokens) }

    mutating func remember(ticket: [UInt8]) { keep(ticket, in: &mobilityTickets) }

    private func keep<Element: Equatable>(_ element: Element, in list: inout [Element]) {
        guard !list.contains(element) else { return }
        if list.count >= 16 { list.removeFirst() }
        list.append(element)
    }
}
