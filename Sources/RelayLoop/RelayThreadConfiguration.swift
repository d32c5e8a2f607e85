/// All that one relay thread is told at its start.

public import STUN
public import TURN

/// The settings of one relay thread; none changes while it runs.
public struct RelayThreadConfiguration: Sendable {
    /// The TURN server on this thread.
    public var server: ServerConfiguration
    /// Addresses to listen on for UDP; every thread of a server has the same.
    public var listeners: [TransportAddress]
    /// Addresses to listen on for streams.
    public var streamListeners: [TransportAddress] = []
    /// How many connections this thread takes.
    public var connections = ConnectionLimits()
    /// SO_RCVBUF and SO_SNDBUF of each connection in bytes; 0 lets the kernel find the sizes.
    public var streamReceiveBuffer = 0, streamSendBuffer = 0
    /// The CPU this thread is pinned to; `nil` leaves it to the scheduler.
    public var cpu: Int?
    /// Whether memory is taken on the NUMA node of `cpu`.
    public var numa = true
    /// Entries of the submission queue; the completion queue has four times as many.
    public var ringEntries = 4096
    /// How long a pass waits for more datagrams once it has submitted, in microseconds; 0: not at all.
    public var batchWaitMicroseconds: UInt32 = 400
    /// How long the thread polls its ring before it sleeps, in microseconds; 0: not at all.
    public var busyPollMicroseconds = 0
    /// Receive buffers that the kernel may have at a time.
    public var bufferCount = 1024
    /// Bytes of a datagram, or of a train of them, that fit a buffer.
    public var bufferSize = 65_536
    /// Whether buffers are put on huge pages.
    public var hugePages = false
    /// Whether the kernel may join datagrams it received (UDP GRO); needs buffers of 64 KiB.
    public var receiveOffload = true
    /// Whether datagrams of one size to one destination leave as one send (UDP GSO).
    public var segmentation = true
    /// What becomes of DSCP and ECN.
    public var trafficClasses = TrafficClasses.copied
    /// SO_RCVBUF of each socket in bytes; 0 leaves the kernel's default.
    public var receiveBuffer = 0
    /// SO_SNDBUF of each socket in bytes; 0 leaves the kernel's default.
    public var sendBuffer = 0

    /// Settings for a server and its listeners, all else at its default.
    public init(server: ServerConfiguration, listeners: [TransportAddress]) {
        self.server = server
        self.listeners = listeners
    }
}
