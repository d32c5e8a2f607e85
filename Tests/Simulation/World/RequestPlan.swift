/// A request before it is written: what is in it, and what is wrong with it.
struct RequestPlan {
    /// One attribute; peers are XORed when the transaction is known.
    enum Content {
        case bytes(UInt16, [UInt8])
        case peer(Endpoint)
    }

    /// A mistake in the credentials.
    enum Defect: CaseIterable {
        case unsigned
        case wrongPassword
        case wrongUser
        case unknownUser
        case foreignNonce
        case inventedNonce
        case noUsername
        case noRealm
        case noNonce
        case wrongRealm
        case foreignAlgorithms
        case algorithmAlone
        case truncatedIntegrity
        case attributeAfterIntegrity
        case badFingerprint
    }

    let method: UInt16
    var contents: [Content]
    var defect: Defect?
    /// How often it was sent again with a newer nonce.
    var attempts = 0

    static func number(_ type: UInt16, _ value: UInt32) -> Content {
        .bytes(type, bigEndian(value))
    }

    /// A channel number as RFC 8656, 18.1 writes it.
    static func channel(_ number: UInt16) -> Content {
        .bytes(WireType.channelNumber, bigEndian(number) + [0, 0])
    }
}

/// How a client signs: chosen once, as its implementation would have it.
struct SigningHabit {
    let usesUserhash: Bool
    /// Nil: a client of RFC 5389, which knows nothing of password algorithms.
    let algorithm: KeyAlgorithm?
    let hashes: [IntegrityHash]
    let addsFingerprint: Bool

    init(for user: User, _ chance: inout SeededGenerator) {
        usesUserhash = user.expirySeconds == nil && chance.chance(20)
        algorithm = chance.pick([nil, .md5, .sha256])
        hashes = algorithm == nil ? [.sha1] : chance.pick([[.sha1], [.sha256], [.sha1, .sha256]])
        addsFingerprint = chance.chance(40)
    }
}

/// What a client knows of the server's challenge.
struct Challenge {
    var nonce: [UInt8]
    var realm: [UInt8]
    var algorithms: [UInt8]?
}
