/// The hashes of credentials. Only the digests themselves are the server's own code; they have the
/// vectors of their RFCs as tests.

import STUN

/// Which of the two integrity attributes, and thereby which hash.
enum IntegrityHash {
    case sha1
    case sha256

    var type: UInt16 {
        switch self {
        case .sha1: WireType.messageIntegrity
        case .sha256: WireType.messageIntegritySHA256
        }
    }

    var count: Int {
        switch self {
        case .sha1: 20
        case .sha256: 32
        }
    }

    /// The HMAC of `bytes`.
    func code(key: [UInt8], of bytes: [UInt8]) -> [UInt8] {
        switch self {
        case .sha1:
            let digest = hmacSHA1(key: key.span.bytes, bytes.span.bytes)
            return copy(digest.bytes)
        case .sha256:
            let digest = hmacSHA256(key: key.span.bytes, bytes.span.bytes)
            return copy(digest.bytes)
        }
    }
}

/// The two password algorithms (RFC 8489, 18.5).
enum KeyAlgorithm: UInt16 {
    case md5 = 1
    case sha256 = 2

    /// The long-term key of RFC 8489, 9.2.2.
    func key(user: String, realm: String, password: String) -> [UInt8] {
        let text = Array("\(user):\(realm):\(password)".utf8)
        switch self {
        case .md5:
            let digest = STUN.md5(text.span.bytes)
            return copy(digest.bytes)
        case .sha256:
            let digest = STUN.sha256(text.span.bytes)
            return copy(digest.bytes)
        }
    }
}

/// The USERHASH of RFC 8489, 14.4.
func userhash(user: String, realm: String) -> [UInt8] {
    let text = Array("\(user):\(realm)".utf8)
    let digest = sha256(text.span.bytes)
    return copy(digest.bytes)
}

/// The bytes of a span.
func copy(_ span: RawSpan) -> [UInt8] {
    span.withUnsafeBytes { Array($0) }
}
