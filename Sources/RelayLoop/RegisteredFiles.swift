/// Where a socket stands in the ring's table of registered files: listeners first, then relayed sockets, then connections.

public import TURN

/// The layout of a thread's registered files.
public struct RegisteredFiles: Sendable, BitwiseCopyable {
    /// Listening sockets of this thread for datagrams.
    public let listeners: Int
    /// Listening sockets for streams.
    public let streamListeners: Int
    /// Relayed sockets this thread may hold.
    public let relays: Int
    /// Connections this thread may hold.
    public let connections: Int

    /// Lays out a table.
    public init(listeners: Int, streamListeners: Int = 0, relays: Int, connections: Int = 0) {
        self.listeners = listeners
        self.streamListeners = streamListeners
        self.relays = relays
        self.connections = connections
    }

    /// Entries of the table.
    public var count: Int { firstConnection + connections }

    private var firstRelay: Int { listeners + streamListeners }
    private var firstConnection: Int { firstRelay + relays }

    /// The entry of a listening socket; those of streams are numbered behind those of datagrams.
    public func file(of listener: ListenerIndex) -> UInt32 { UInt32(listener.rawValue) }

    /// The entry of a listening socket for streams, counted from 0.
    public func file(ofStreamListener index: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: listeners &+ index)
    }

    /// The entry of a relayed socket.
    public func file(of relay: RelayIndex) -> UInt32 {
        UInt32(truncatingIfNeeded: firstRelay) &+ relay.rawValue
    }

    /// The entry of a connection.
    public func file(of connection: ConnectionIndex) -> UInt32 {
        UInt32(truncatingIfNeeded: firstConnection) &+ connection.rawValue
    }

    /// The socket behind an entry.
    public func endpoint(of file: UInt32) -> Endpoint {
        let place = Int(file)
        if place < firstRelay {
            return .listener(ListenerIndex(rawValue: UInt16(truncatingIfNeeded: file)))
        }
        if place < firstConnection {
            return .relay(
                RelayIndex(rawValue: UInt32(truncatingIfNeeded: place &- firstRelay))
            )
        }
        return .connection(
            ConnectionIndex(rawValue: UInt32(truncatingIfNeeded: place &- firstConnection))
        )
    }
}

/// A socket of a relay thread, by what it is for.
public enum Endpoint: Sendable, BitwiseCopyable {
    /// Faces the clients.
    case listener(ListenerIndex)
    /// Faces the peers of one allocation.
    case relay(RelayIndex)
    /// Faces one client.
    case connection(ConnectionIndex)
}
