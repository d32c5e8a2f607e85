/// The header by which the web server behind a shared port learns who its client is.

internal import STUN
internal import TURN

extension ProxyHeader {
    /// Writes a header of version 2 for a client of ours, with the kind of its connection (section 2.2.6): PP2_TYPE_SSL.
    ///
    /// The address that it connected to is left out: who is told knows its own.
    ///
    /// - Returns: its bytes, at most 60.
    static func write(
        _ client: TransportAddress,
        isEncrypted: Bool,
        in bytes: inout MutableRawSpan
    ) -> Int {
        let ip = client.ip.canonical
        let addresses = ip.family == .ipv4 ? 12 : 36
        for (index, byte) in signature.utf8.enumerated() {
            bytes.store(byte, at: index)
        }
        bytes.store(UInt16(ip.family == .ipv4 ? 0x2111 : 0x2121), at: 12)
        let end = prefix + addresses
        for index in prefix..<end { bytes.store(UInt8(0), at: index) }
        switch ip.family {
        case .ipv4: bytes.store(UInt32(truncatingIfNeeded: ip.low), at: prefix)
        case .ipv6:
            bytes.store(ip.high, at: prefix)
            bytes.store(ip.low, at: prefix + 8)
        }
        bytes.store(client.port, at: end - 4)
        guard isEncrypted else {
            bytes.store(UInt16(truncatingIfNeeded: addresses), at: 14)
            return end
        }
        bytes.store(UInt16(truncatingIfNeeded: addresses + 8), at: 14)
        bytes.store(UInt8(0x20), at: end)
        bytes.store(UInt16(5), at: end + 1)
        // Over TLS, without a certificate of the client's.
        bytes.store(UInt8(1), at: end + 3)
        bytes.store(UInt32(1), at: end + 4)
        return end + 8
    }
}
