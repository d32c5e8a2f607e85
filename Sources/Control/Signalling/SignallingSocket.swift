/// Sockets as signalling sees them, and signalling as sockets see it.

import NIOCore

/// A client's WebSocket; lives on the event loop.
protocol SignallingSocket: AnyObject {
    /// Sends one text message; a client too slow to take it is dropped.
    func send(_ text: String)
    /// Closes with code 1000, after what was sent.
    func close()
}

/// Who hears of every WebSocket: what it said, and once that it ended.
///
/// All calls come on the event loop. Nothing is received after `close`, and `closed` never comes from inside a call of
/// the socket's own `send` or `close`.
protocol SocketListener: AnyObject {
    /// A whole text or binary message came; it is UTF-8.
    func received(_ text: String, from socket: any SignallingSocket)
    /// The socket ended, whoever ended it.
    func closed(_ socket: any SignallingSocket)
}
