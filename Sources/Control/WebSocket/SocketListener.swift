/// What is told of WebSockets.

import NIOCore

/// Who hears of every WebSocket: that it opened, what it said, and once that it ended.
///
/// All calls come on the event loop. `closed` never comes from inside a call of the socket's own `send` or `close`.
protocol SocketListener: AnyObject {
    /// A socket opened.
    func connected(_ socket: any SignallingSocket)
    /// A whole text or binary message came; it is UTF-8.
    func received(_ text: String, from socket: any SignallingSocket, now: NIODeadline)
    /// The socket ended, whoever ended it.
    func closed(_ socket: any SignallingSocket, now: NIODeadline)
}
