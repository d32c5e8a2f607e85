internal import CLinux
internal import Glibc

/// What is asked of a datagram socket when it is opened.
public struct DatagramSocketOptions: Sendable {
    /// Several sockets may bind the address, and the kernel spreads the senders over them
    /// (`SO_REUSEPORT`).
    public var sharesPort = false
    /// Datagrams of one sender may arrive joined in one buffer (`UDP_GRO`).
    public var coalescesReceives = true
    /// Bytes of the kernel's receive queue; 0 leaves the system's default.
    public var receiveBuffer = 0
    /// Bytes of the kernel's send queue; 0 leaves the system's default.
    public var sendBuffer = 0
    /// Each receive tells the traffic class of its datagrams (`IP_RECVTOS`, `IPV6_RECVTCLASS`).
    public var receivesTrafficClass = false
    /// ICMP errors about what was sent wait to be taken (`IP_RECVERR`, `IPV6_RECVERR`), and the next send or
    /// receive fails for each; see ``DatagramSocket/takeError()``.
    public var queuesErrors = false

    /// The defaults of a relay.
    public init() {}
}

/// A UDP socket, closed when it goes out of scope.
public struct DatagramSocket: ~Copyable {
    /// The descriptor; stays this socket's.
    public let descriptor: Int32

    /// Takes over a descriptor that nobody else closes.
    public init(adopting descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Opens a socket and binds it.
    ///
    /// An IPv6 socket is for IPv6 only. Port 0 lets the kernel choose.
    ///
    /// - Throws: `EADDRINUSE`, `EADDRNOTAVAIL`, `EMFILE`, and what else the kernel says.
    public init(
        boundTo address: SocketAddress,
        options: DatagramSocketOptions = DatagramSocketOptions()
    ) throws(Errno) {
        let family = address.family == .ipv4 ? AF_INET : AF_INET6
        let type = Int32(turnpike_datagram_socket)
        // An owner from the start, so that the descriptor is closed when the rest is refused.
        let opened = DatagramSocket(adopting: try Errno.check(socket(family, type, 0)))
        try opened.set(options, family: address.family)
        try SocketCall.bind(opened.descriptor, to: address)
        self.init(adopting: opened.release())
    }

    deinit {
        close(descriptor)
    }

    /// Gives the descriptor away: the caller closes it, or adopts it on another thread.
    public consuming func release() -> Int32 {
        let descriptor = descriptor
        discard self
        return descriptor
    }

    /// Another descriptor of the socket, which the caller closes; nil when the system has none.
    public static func duplicate(_ descriptor: Int32) -> Int32? {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        return copy < 0 ? nil : copy
    }

    /// The address the socket is bound to, with the port the kernel chose.
    public func localAddress() throws(Errno) -> SocketAddress {
        try SocketCall.localAddress(of: descriptor)
    }
}

extension DatagramSocket {
    private func set(
        _ options: DatagramSocketOptions,
        family: SocketAddress.Family
    ) throws(Errno) {
        if family == .ipv6 { try set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
        if options.sharesPort { try set(SOL_SOCKET, SO_REUSEPORT, 1) }
        if options.coalescesReceives { try set(SOL_UDP, UDP_GRO, 1) }
        if options.receivesTrafficClass {
            switch family {
            case .ipv4: try set(Int32(IPPROTO_IP), IP_RECVTOS, 1)
            case .ipv6: try set(Int32(IPPROTO_IPV6), IPV6_RECVTCLASS, 1)
            }
        }
        if options.queuesErrors {
            switch family {
            case .ipv4: try set(Int32(IPPROTO_IP), IP_RECVERR, 1)
            case .ipv6: try set(Int32(IPPROTO_IPV6), IPV6_RECVERR, 1)
            }
        }
        SocketCall.setQueue(descriptor, SO_RCVBUFFORCE, SO_RCVBUF, options.receiveBuffer)
        SocketCall.setQueue(descriptor, SO_SNDBUFFORCE, SO_SNDBUF, options.sendBuffer)
        try setFragmentation(false, family: family)
    }

    /// Sets DF on what leaves from here, or lets it be fragmented.
    ///
    /// By default a datagram larger than the path is fragmented, not lost.
    /// For IPv4 that is `IP_PMTUDISC_OMIT`: no DF, and no path MTU that a forged ICMP message could
    /// lower. For IPv6 only the source fragments, so it has to believe what it is told.
    public func setFragmentation(
        _ setsDontFragment: Bool,
        family: SocketAddress.Family
    ) throws(Errno) {
        switch family {
        case .ipv4:
            let policy = setsDontFragment ? IP_PMTUDISC_DO : IP_PMTUDISC_OMIT
            try set(Int32(IPPROTO_IP), IP_MTU_DISCOVER, policy)
        case .ipv6:
            let policy = setsDontFragment ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_DONT
            try set(Int32(IPPROTO_IPV6), IPV6_MTU_DISCOVER, policy)
        }
    }

    private func set(_ level: Int32, _ option: Int32, _ value: Int32) throws(Errno) {
        try SocketCall.set(descriptor, level, option, value)
    }
}
