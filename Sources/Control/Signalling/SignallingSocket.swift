/// The socket as signalling sees it.

/// A client's WebSocket; lives on the event loop.
protocol SignallingSocket: AnyObject {
    /// Sends one text message; a client too slow to take it is dropped.
    func send(_ text: String)
    /// Closes with code 1000, after what was sent.
    func close()
}
