/// Why a datagram was dropped; each is a counter.
public enum DropReason: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    /// Says that it is STUN or ChannelData, and is not well formed.
    case malformed
    /// Neither STUN nor ChannelData by its first byte (RFC 7983).
    case notSTUN
    /// A STUN method that this server does not know (RFC 8489 6.3).
    case unknownMethod
    /// A response, or a method in a class in which it does not exist.
    case unexpectedClass
    /// A Binding indication: keeps a NAT's binding alive and asks for nothing (RFC 8489 6.3.2).
    case keepAlive
    /// An indication with a comprehension-required attribute that is not known (RFC 8489 6.3.2).
    case unknownAttribute
    /// The FINGERPRINT does not match.
    case badFingerprint
    /// An unauthenticated request above what its source, or all sources together, may ask.
    case rateLimited
    /// Data of a 5-tuple, or on a relayed socket, without an allocation.
    case noAllocation
    /// Data to or from a peer without a live permission.
    case noPermission
    /// ChannelData on a channel that is not bound.
    case unboundChannel
    /// A Send indication without, or with an unusable, XOR-PEER-ADDRESS or DATA (RFC 8656 11.2).
    case badSend
    /// Data above the bandwidth of the allocation.
    case bandwidth
    /// Data that would not fit into a datagram behind its header.
    case oversized
    /// Datagrams through a TCP allocation, or a peer's connection to one for UDP (RFC 6062 3).
    case wrongTransport
    /// A peer's connection above what its allocation, or the thread, may have.
    case connectionLimit
    /// The outcome of a connection with a peer that nobody waits for any more.
    case staleConnection
    /// An ICMP error of a type that is not told, or above what an allocation is told a second (RFC 8656 11.5).
    case icmp
    /// An answer that does not fit into the reply buffer.
    case replyOverflow
}
