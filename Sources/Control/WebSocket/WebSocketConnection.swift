/// An open WebSocket: frames, pings, and the end of it.

import NIOCore
import NIOWebSocket
import TURN

/// A connection after its upgrade; the last handler of its channel.
final class WebSocketConnection: ChannelInboundHandler, Connection {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = WebSocketFrame

    /// A burst of so many seconds' worth of frames is let through: candidates come all at once.
    private static let burstSeconds: UInt64 = 5
    /// How long a client may take to close once we have.
    private static let closingTime = TimeAmount.seconds(1)

    private let connections: Connections
    /// Nobody once it was told that the socket ended.
    private weak var listener: (any SocketListener)?
    private var context: ChannelHandlerContext?
    /// False once we have said goodbye.
    private var isOpen = true
    private var reader: FrameReader
    private let rate: TokenRate
    private var bucket = TokenBucket()
    private var unansweredPings = 0
    private var held = 0
    /// When to ping next; once it is closing, when to stop waiting.
    private var deadline: NIODeadline
    /// When the message that has begun must be whole.
    private var messageDeadline: NIODeadline?

    /// A connection that was upgraded now.
    init(_ connections: Connections, _ listener: any SocketListener) {
        self.connections = connections
        self.listener = listener
        let limits = connections.limits
        reader = FrameReader(limit: limits.bodyBytes)
        let perSecond = UInt64(limits.messagesPerSecond)
        rate = TokenRate(perSecond: perSecond, burst: perSecond * Self.burstSeconds)
        // Anywhere in the first interval, so that sockets that came together are not pinged together.
        deadline = .now() + .milliseconds(.random(in: 0...Int64(limits.pingSeconds) * 1000))
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        connections.counters.add(.webSocketsOpened)
        connections.counters.add(.openWebSockets)
    }

    /// Comes in a turn of its own after the channel has closed, never from inside a write that failed.
    func handlerRemoved(context: ChannelHandlerContext) {
        connections.counters.add(.openWebSockets, -1)
        connections.hold(0, insteadOf: &held)
        self.context = nil
        tellClosed()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        unansweredPings = 0
        while isOpen, let event = reader.next(&bytes) {
            // Once for each message, or the parts of one would share the deadline of the first.
            if case .message = event { messageDeadline = nil }
            receive(event)
        }
        guard isOpen else { return }
        if !connections.hold(reader.heldBytes, insteadOf: &held) { fail(.unexpectedServerError) }
        messageDeadline =
            reader.isWaitingForMore ? messageDeadline ?? connections.idleDeadline : nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func expire(now: NIODeadline) {
        if let messageDeadline, now >= messageDeadline, isOpen { fail(.policyViolation) }
        guard now >= deadline else { return }
        if !isOpen || unansweredPings == 2 {
            context?.close(promise: nil)
            return
        }
        unansweredPings += 1
        deadline = now + .seconds(Int64(connections.limits.pingSeconds))
        write(.ping, ByteBuffer())
    }

    func stop() {
        close(.goingAway)
    }

    private func receive(_ event: FrameReader.Event) {
        guard bucket.take(of: rate, at: Now.current.monotonic) else {
            connections.counters.add(.messagesRefused)
            return fail(.policyViolation)
        }
        switch event {
        case .message(let bytes):
            let text = String(validating: bytes.readableBytesView, as: UTF8.self)
            guard let text else { return fail(.dataInconsistentWithMessage) }
            listener?.received(text, from: self)
        case .ping(let bytes): write(.pong, bytes)
        case .fragment, .pong: break
        case .close(let code):
            close(code ?? .normalClosure)
            tellClosed()
        case .violation(let code): fail(code)
        }
    }

    /// Ends the socket of a client that broke a rule.
    private func fail(_ code: WebSocketErrorCode) {
        connections.counters.add(.webSocketErrors)
        close(code)
        tellClosed()
    }

    /// Says goodbye; the client's end of the stream, or the deadline, closes the channel.
    private func close(_ code: WebSocketErrorCode) {
        var payload = ByteBuffer()
        payload.write(webSocketErrorCode: code)
        write(.connectionClose, payload)
        guard isOpen else { return }
        isOpen = false
        deadline = .now() + Self.closingTime
        context?.close(mode: .output, promise: nil)
    }

    private func write(_ opcode: WebSocketOpcode, _ payload: ByteBuffer) {
        guard isOpen, let context, context.channel.isActive else { return }
        if connections.keepsUp(context.channel) {
            let frame = WebSocketFrame(fin: true, opcode: opcode, data: payload)
            context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
        } else {
            connections.counters.add(.webSocketErrors)
            isOpen = false
            context.close(promise: nil)
        }
    }

    private func tellClosed() {
        listener.take()?.closed(self)
    }
}

extension WebSocketConnection: SignallingSocket {
    func send(_ text: String) {
        write(.text, ByteBuffer(string: text))
    }

    func close() {
        close(.normalClosure)
    }
}
