/// Server-sent events: a response that goes on (WHATWG HTML, section 9.2).

import NIOCore
import NIOHTTP1

/// The sending end of one stream.
final class ServerSentEvents: EventStream {
    private let channel: any Channel
    private let pendingBytes: Int
    private let finish: () -> Void
    private var isOpen = true

    /// A stream whose head was sent.
    ///
    /// - Parameters:
    ///   - channel: Where it is sent.
    ///   - pendingBytes: How much may wait for a slow client.
    ///   - finish: Ends the response.
    init(on channel: any Channel, pendingBytes: Int, finish: @escaping () -> Void) {
        self.channel = channel
        self.pendingBytes = pendingBytes
        self.finish = finish
    }

    func send(_ data: String) -> Bool {
        guard isOpen, channel.isActive else { return false }
        if channel.pendingBytes > pendingBytes {
            isOpen = false
            channel.close(promise: nil)
            return false
        }
        let line = data.replacing("\n", with: " ").replacing("\r", with: " ")
        let event = ByteBuffer(string: "data: \(line)\n\n")
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(event)), promise: nil)
        return true
    }

    func end() {
        guard isOpen else { return }
        isOpen = false
        finish()
    }
}
