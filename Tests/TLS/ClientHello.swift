/// ClientHellos that no library of today sends: with compression, and with ciphers of long ago.

/// A ClientHello of TLS 1.2 or DTLS 1.2 (RFC 5246 7.4.1.2, RFC 6347 4.2.1) for the certificates of the suites.
struct ClientHello {
    /// TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256.
    var suites: [UInt16] = [0xC02B]
    /// 0 is none, 1 is DEFLATE (RFC 3749).
    var compressions: [UInt8] = [0]

    /// X25519 and P-256, two kinds of signature, points as they are.
    private static let extensions: [UInt8] =
        [0, 10, 0, 6, 0, 4, 0, 29, 0, 23] + [0, 13, 0, 6, 0, 4, 4, 3, 8, 4] + [0, 11, 0, 2, 1, 0]

    /// The record of a stream.
    var record: [UInt8] {
        let body = body([3, 3], cookie: nil)
        let message = [1, 0] + Self.wide(body.count) + body
        return [22, 3, 1] + Self.wide(message.count) + message
    }

    /// The datagram; `sequence` counts the messages of the client.
    func datagram(cookie: [UInt8] = [], sequence: UInt8 = 0) -> [UInt8] {
        let body = body([0xFE, 0xFD], cookie: cookie)
        let count = [0] + Self.wide(body.count)
        let message = [1] + count + [0, sequence, 0, 0, 0] + count + body
        return [22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, sequence] + Self.wide(message.count) + message
    }

    private func body(_ version: [UInt8], cookie: [UInt8]?) -> [UInt8] {
        let random = [UInt8](repeating: 7, count: 32)
        let suites = suites.flatMap { Self.wide(Int($0)) }
        return version + random + [0] + (cookie.map { [UInt8($0.count)] + $0 } ?? [])
            + Self.wide(suites.count) + suites + [UInt8(compressions.count)] + compressions
            + Self.wide(Self.extensions.count) + Self.extensions
    }

    private static func wide(_ number: Int) -> [UInt8] {
        [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)]
    }

    /// What a ServerHello says, from behind the headers of record and message on.
    static func chosen(_ hello: ArraySlice<UInt8>) -> (suite: UInt16, compression: UInt8) {
        let hello = Array(hello)
        let end = 35 + Int(hello[34])
        return (UInt16(hello[end]) << 8 | UInt16(hello[end + 1]), hello[end + 2])
    }
}
