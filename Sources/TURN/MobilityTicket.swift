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

/// A ticket as it travels: a tag of 16 bytes, then the content under a pad that the tag chooses.
struct SealedTicket: BitwiseCopyable {
    static let tagCount = 16
    static let count = 32

    fileprivate var storage: [32 of UInt8] = .init(repeating: 0)

    /// The value of the attribute.
    var bytes: RawSpan {
        @_lifetime(borrow self) borrowing get { storage.span.rawBytes }
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

    /// The ticket as it travels.
    func seal(_ ticket: MobilityTicket) -> SealedTicket {
        let plain = ticket.content
        let tag = hmacSHA256(key: tagKey.bytes, plain.span.rawBytes)
        let pad = hmacSHA256(key: padKey.bytes, tag.bytes.extracting(0..<SealedTicket.tagCount))
        var sealed = SealedTicket()
        for index in 0..<SealedTicket.tagCount { sealed.storage[index] = tag.bytes.byte(index) }
        for index in plain.indices {
            sealed.storage[SealedTicket.tagCount + index] = plain[index] ^ pad.bytes.byte(index)
        }
        return sealed
    }

    /// What a ticket says; nil when it is none of ours.
    func open(_ bytes: RawSpan) -> MobilityTicket? {
        guard bytes.byteCount == SealedTicket.count else { return nil }
        let tag = bytes.extracting(0..<SealedTicket.tagCount)
        let pad = hmacSHA256(key: padKey.bytes, tag)
        var plain: [16 of UInt8] = .init(repeating: 0)
        for index in plain.indices {
            plain[index] = bytes.byte(SealedTicket.tagCount + index) ^ pad.bytes.byte(index)
        }
        let expected = hmacSHA256(key: tagKey.bytes, plain.span.rawBytes)
        let isGenuine = tag.isEqualInConstantTime(
            to: expected.bytes.extracting(0..<SealedTicket.tagCount)
        )
        return isGenuine ? MobilityTicket(content: plain) : nil
    }
}

extension MobilityTicket {
    /// Both fields in network byte order.
    fileprivate var content: [16 of UInt8] {
        let words: [2 of UInt64] = [stamp.rawValue, UInt64(number)]
        return .init { index in
            UInt8(truncatingIfNeeded: words[index / 8] &>> UInt64(56 - index % 8 * 8))
        }
    }

    fileprivate init(content: [16 of UInt8]) {
        var words: [2 of UInt64] = .init(repeating: 0)
        for index in content.indices {
            words[index / 8] = words[index / 8] &<< 8 | UInt64(content[index])
        }
        stamp = TicketStamp(rawValue: words[0])
        number = UInt32(truncatingIfNeeded: words[1])
    }
}
