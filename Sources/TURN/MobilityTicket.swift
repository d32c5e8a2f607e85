/// MOBILITY-TICKET (RFC 8016 3.3): what lets a client take its allocation to another address.
internal import STUN

/// What a ticket says, to us alone.
///
/// It names no thread: an allocation may be on another one when the ticket is used.
struct MobilityTicket: Equatable, BitwiseCopyable {
    /// Which allocation of the server it is for.
    var stamp: TicketStamp
    /// Counts the allocation's tickets; only the newest is good for a move.
    var number: UInt32 = 0
}

/// A random number that tells allocations with tickets apart, over all threads.
struct TicketStamp: FlatTableKey {
    var rawValue: UInt64

    func hashed(by hash: KeyedHash) -> UInt64 { hash(rawValue) }
}

/// A ticket as it travels: 32 characters of base64, as coturn's client keeps it in a C string of that size.
struct SealedTicket: BitwiseCopyable {
    static let count = 32

    fileprivate var storage: [32 of UInt8] = .init(repeating: 0)

    /// The value of the attribute.
    var bytes: RawSpan {
        @_lifetime(borrow self) borrowing get { storage.span.rawBytes }
    }

    /// The characters of a tag of 12 bytes, then the content under a pad that the tag chooses.
    fileprivate init(_ raw: [24 of UInt8]) {
        for start in stride(from: 0, to: raw.count, by: 3) {
            let high = UInt32(raw[start]) &<< 16 | UInt32(raw[start + 1]) &<< 8
            let four = Base64.characters(high | UInt32(raw[start + 2]))
            for index in four.indices { storage[start / 3 * 4 + index] = four[index] }
        }
    }

    /// The bytes of the characters; nil when they are not all base64.
    fileprivate static func raw(_ text: RawSpan) -> [24 of UInt8]? {
        guard text.byteCount == count else { return nil }
        var raw: [24 of UInt8] = .init(repeating: 0)
        for start in stride(from: 0, to: count, by: 4) {
            guard let group = Base64.group(text, at: start) else { return nil }
            for index in 0..<3 {
                let shift = UInt32(16 - 8 * index)
                raw[start / 4 * 3 + index] = UInt8(truncatingIfNeeded: group &>> shift)
            }
        }
        return raw
    }
}

/// The key that seals tickets and opens them, the same on all threads of a server.
///
/// The tag is an HMAC over the content and the pad an HMAC over the tag, under keys of their own: a forged ticket
/// does not open, and a genuine one tells nothing (RFC 8016 5). 32 bytes fit any path (RFC 8016 3.1.2).
struct TicketKey: Sendable {
    private let tagKey: Digest32
    private let padKey: Digest32

    /// Keys of a secret.
    init(secret: [UInt8]) {
        tagKey = hmacSHA256(key: secret.span.rawBytes, Array("mobility tag".utf8).span.rawBytes)
        padKey = hmacSHA256(key: secret.span.rawBytes, Array("mobility pad".utf8).span.rawBytes)
    }

    private static let tagCount = 12

    /// The ticket as it travels.
    func seal(_ ticket: MobilityTicket) -> SealedTicket {
        let plain = ticket.content
        let tag = hmacSHA256(key: tagKey.bytes, plain.span.rawBytes)
        let pad = hmacSHA256(key: padKey.bytes, tag.bytes.extracting(0..<Self.tagCount))
        var raw: [24 of UInt8] = .init(repeating: 0)
        for index in 0..<Self.tagCount { raw[index] = tag.bytes.byte(index) }
        for index in plain.indices {
            raw[Self.tagCount + index] = plain[index] ^ pad.bytes.byte(index)
        }
        return SealedTicket(raw)
    }

    /// What a ticket says; nil when it is none of ours.
    func open(_ text: RawSpan) -> MobilityTicket? {
        guard let raw = SealedTicket.raw(text) else { return nil }
        let tag = raw.span.rawBytes.extracting(0..<Self.tagCount)
        let pad = hmacSHA256(key: padKey.bytes, tag)
        var plain: [12 of UInt8] = .init(repeating: 0)
        for index in plain.indices {
            plain[index] = raw[Self.tagCount + index] ^ pad.bytes.byte(index)
        }
        let expected = hmacSHA256(key: tagKey.bytes, plain.span.rawBytes)
        let isGenuine = tag.isEqualInConstantTime(
            to: expected.bytes.extracting(0..<Self.tagCount)
        )
        return isGenuine ? MobilityTicket(content: plain) : nil
    }
}

extension MobilityTicket {
    /// Both fields in network byte order.
    fileprivate var content: [12 of UInt8] {
        .init { index in
            let word = index < 8 ? stamp.rawValue : UInt64(number) &<< 32
            return UInt8(truncatingIfNeeded: word &>> UInt64(56 - index % 8 * 8))
        }
    }

    fileprivate init(content: [12 of UInt8]) {
        var stamp: UInt64 = 0
        for index in 0..<8 { stamp = stamp &<< 8 | UInt64(content[index]) }
        for index in 8..<12 { number = number &<< 8 | UInt32(content[index]) }
        self.stamp = TicketStamp(rawValue: stamp)
    }
}
