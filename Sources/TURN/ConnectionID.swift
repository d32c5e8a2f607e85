/// CONNECTION-ID (RFC 6062 6.2.1): the client's name for a connection with a peer.
internal import STUN

/// A number that tells which thread has the connection, and else is random.
///
/// The kernel may hand the client's data connection to any thread. The one that gets it reads the number of the
/// owner here, before its own server sees the message, and passes the connection on. Whoever guesses an id
/// gains nothing: ConnectionBind is for the allocation's own user.
public struct ConnectionID: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The value of the attribute.
    public let rawValue: UInt32

    /// The connection named `rawValue`.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The connection of a thread; `random` beyond its place is cut off.
    init(thread: Int, random: UInt64) {
        let number = UInt32(truncatingIfNeeded: thread) << ConnectionID.randomBits
        let mask: UInt32 = 1 << ConnectionID.randomBits - 1
        rawValue = number | UInt32(truncatingIfNeeded: random) & mask
    }

    /// Threads have numbers below this.
    public static let threadLimit = 1 << (32 - randomBits)

    private static let randomBits = 22

    /// The number of the thread that has the connection.
    public var thread: Int { Int(rawValue >> UInt32(ConnectionID.randomBits)) }

    /// The connection that a ConnectionBind request asks for; nil of any other message.
    ///
    /// Nothing is proved by it: the owner's server judges the request.
    public static func wanted(by message: RawSpan) -> ConnectionID? {
        guard message.byteCount >= 20, message.byte(0) == 0,
            message.byte(1) == UInt8(Method.connectionBind.rawValue),
            let request = Message(message), let attribute = request.first(.connectionID),
            attribute.count == 4
        else { return nil }
        return request.uint32(attribute).map { ConnectionID(rawValue: $0) }
    }
}

extension ConnectionID: FlatTableKey {
    /// Of the number.
    public func hashed(by hash: KeyedHash) -> UInt64 { hash(UInt64(rawValue)) }
}
