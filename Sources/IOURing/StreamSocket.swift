internal import CLinux
internal import Glibc

/// What is asked of a TCP socket when it is opened.
public struct StreamSocketOptions: Sendable {
    /// Several sockets may bind the address, and the kernel spreads the clients over them (`SO_REUSEPORT`).
    public var sharesPort = false
    /// Bytes of the kernel's receive queue; 0 lets the kernel find the size.
    public var receiveBuffer = 0
    /// Bytes of the kernel's send queue; 0 lets the kernel find the size.
    public var sendBuffer = 0

    /// The defaults of a relay.
    public init() {}
}

/// A TCP socket, closed when it goes out of scope.
public struct StreamSocket: ~Copyable {
    /// The descriptor; stays this socket's.
    public let descriptor: Int32

    /// Takes over a descriptor that nobody else closes.
    public init(adopting descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Opens a socket, binds it and listens.
    ///
    /// Connections inherit its options: nothing is held back for more (`TCP_NODELAY`), and queues have its sizes.
    ///
    /// - Throws: `EADDRINUSE`, `EADDRNOTAVAIL`, `EMFILE`, and what else the kernel says.
    public init(
        listeningOn address: SocketAddress,
        options: StreamSocketOptions = StreamSocketOptions()
    ) throws(Errno) {
        let opened = try StreamSocket(boundTo: address, options: options)
        try Errno.check(listen(opened.descriptor, Limits.backlog))
        self.init(adopting: opened.release())
    }

    /// Opens a socket and binds it.
    public init(
        boundTo address: SocketAddress,
        options: StreamSocketOptions = StreamSocketOptions()
    ) throws(Errno) {
        let family = address.family == .ipv4 ? AF_INET : AF_INET6
        let type = Int32(turnpike_stream_socket)
        // An owner from the start, so that the descriptor is closed when the rest is refused.
        let opened = StreamSocket(adopting: try Errno.check(socket(family, type, 0)))
        let descriptor = opened.descriptor
        if family == AF_INET6 {
            try SocketCall.set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1)
        }
        // Connections of the last run may still be closing.
        try SocketCall.set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        if options.sharesPort { try SocketCall.set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
        try SocketCall.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        SocketCall.setQueue(descriptor, SO_RCVBUFFORCE, SO_RCVBUF, options.receiveBuffer)
        SocketCall.setQueue(descriptor, SO_SNDBUFFORCE, SO_SNDBUF, options.sendBuffer)
        try SocketCall.bind(descriptor, to: address)
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

    /// The address the socket is bound to, with the port the kernel chose.
    public func localAddress() throws(Errno) -> SocketAddress {
        try SocketCall.localAddress(of: descriptor)
    }

    /// The address at the other end of a connection; `ENOTCONN` when it has gone already.
    public static func peerAddress(of descriptor: Int32) throws(Errno) -> SocketAddress {
        try SocketCall.peerAddress(of: descriptor)
    }

    /// Lets other sockets of this process have the address too (`SO_REUSEPORT`), from now on.
    ///
    /// Unlike ``StreamSocketOptions/sharesPort`` this does not share an address that another socket listens on already.
    public func sharePort() throws(Errno) {
        try SocketCall.set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1)
    }

    /// Begins to connect: the socket takes bytes once the connection is made, or has failed.
    public func beginConnecting(to address: SocketAddress) throws(Errno) {
        do throws(Errno) {
            try SocketCall.connect(descriptor, to: address)
        } catch  where error == .inProgress {
        }
    }

    /// Why a connection was not made, or ended; reading it forgets it.
    public static func error(of descriptor: Int32) -> Errno? {
        SocketCall.error(of: descriptor)
    }

    /// Says that nothing more comes; the other direction goes on.
    public static func endSending(_ descriptor: Int32) {
        // Fails only when the other end was faster.
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Ends both directions of a connection: what waits for it in a ring completes.
    public static func shutDown(_ descriptor: Int32) {
        // Fails only when the other end was faster.
        shutdown(descriptor, Int32(SHUT_RDWR))
    }
}

extension Errno {
    /// Whether an accept answers this because of the connection that was next: it has failed already, or is forbidden.
    ///
    /// Linux gives pending errors of the network in place of the connection (accept(2)); the next may be a good one.
    public var isOfOneConnection: Bool {
        switch rawValue {
        case ECONNABORTED, EPERM, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
            EOPNOTSUPP, ENETUNREACH, ETIMEDOUT, EINTR, EAGAIN:
            true
        default: false
        }
    }
}
