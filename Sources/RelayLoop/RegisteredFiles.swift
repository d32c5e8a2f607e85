/// Where a socket stands in the ring's table of registered files: listeners first, relayed sockets behind.

public import TURN

/// The layout of a thread's registered files.
public struct RegisteredFiles: Sendable, BitwiseCopyable {
    /// Listening sockets of this thread.
    public let listeners: Int
    /// Relayed sockets this thread may hold.
    public let relays: Int

    /// Lays out a table.
    public init(listeners: Int, relays: Int) {
        self.listeners = listeners
        self.relays = relays
    }

    /// Entries of the table.
    public var count: Int { listeners + relays }

    /// The entry of a listening socket.
    public func file(of listener: ListenerIndex) -> UInt32 { UInt32(listener.rawValue) }

    /// The entry of a relayed socket.
    public func file(of relay: RelayIndex) -> UInt32 {
        UInt32(truncatingIfNeeded: listeners) &+ relay.rawValue
    }

    /// The socket behind an entry.
    public func endpoint(of file: UInt32) -> Endpoint {
        file < listeners
            ? .listener(ListenerIndex(rawValue: UInt16(truncatingIfNeeded: file)))
            : .relay(RelayIndex(rawValue: file &- UInt32(truncatingIfNeeded: listeners)))
    }
}

/// A socket of a relay thread, by what it is for.
public enum Endpoint: Sendable, BitwiseCopyable {
    /// Faces the clients.
    case listener(ListenerIndex)
    /// Faces the peers of one allocation.
    case relay(RelayIndex)
}
