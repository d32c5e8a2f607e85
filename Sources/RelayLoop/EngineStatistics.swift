/// Plain counters of the relay engine; published to `Exchange` once a pass.

internal import IOURing

/// Facts about datagrams and sends that the TURN server does not see.
public struct EngineStatistics: Sendable, BitwiseCopyable {
    /// Datagrams that came from clients, and their bytes.
    public var datagramsFromClients: UInt64 = 0, bytesFromClients: UInt64 = 0
    /// Datagrams that came from peers, and their bytes.
    public var datagramsFromPeers: UInt64 = 0, bytesFromPeers: UInt64 = 0
    /// Datagrams handed to sends towards clients, and their bytes with headers.
    public var datagramsToClients: UInt64 = 0, bytesToClients: UInt64 = 0
    /// Datagrams handed to sends towards peers, and their bytes.
    public var datagramsToPeers: UInt64 = 0, bytesToPeers: UInt64 = 0
    /// Receives that held more than one datagram (UDP GRO).
    public var coalescedReceives: UInt64 = 0
    /// Sends that the kernel took, and those among them with more than one datagram (UDP GSO).
    public var sends: UInt64 = 0, segmentedSends: UInt64 = 0
    /// Segmented sends that the kernel refused and that went one by one.
    public var segmentationRefused: UInt64 = 0
    /// ICMP errors about datagrams to peers, and those among them that clients were told of.
    public var icmpErrors: UInt64 = 0, icmpIndications: UInt64 = 0
    /// Sends made again, because the kernel had answered the error of an earlier datagram.
    public var sendsRepeated: UInt64 = 0
    /// Datagrams dropped because they did not fit a buffer.
    public var dropsTruncated: UInt64 = 0
    /// Datagrams to our own relay address at a port that is no open relayed port.
    public var dropsNotLiveRelayedPort: UInt64 = 0
    /// Answers dropped because no buffer was free.
    public var dropsNoReplyBuffer: UInt64 = 0
    /// Datagrams dropped because no send slot was free.
    public var dropsNoSendSlot: UInt64 = 0
    /// Datagrams dropped because the socket's send buffer was full.
    public var dropsSocketFull: UInt64 = 0
    /// Datagrams dropped because the destination cannot be reached.
    public var dropsUnreachable: UInt64 = 0
    /// Datagrams dropped for another error of a send.
    public var dropsOtherSendError: UInt64 = 0
    /// Words to other threads, and allocations from them, for which there was no room.
    public var dropsHandover: UInt64 = 0

    /// Sorts the datagrams of a failed send by what the kernel said.
    mutating func count(drops datagrams: Int, for errno: Errno) {
        let datagrams = UInt64(truncatingIfNeeded: datagrams)
        switch errno {
        case .tryAgain, .noBuffers: dropsSocketFull &+= datagrams
        case .networkUnreachable, .hostUnreachable, .connectionRefused, .accessDenied,
            .notPermitted, .invalidArgument:
            dropsUnreachable &+= datagrams
        default: dropsOtherSendError &+= datagrams
        }
    }
}
