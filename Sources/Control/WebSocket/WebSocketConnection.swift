/// An open WebSocket: frames, pings, and the end of it.

import NIOCore
import NIOHTTP1
import NIOWebSocket
import TURN

/// A connection after its upgrade; the only handler of its channel.
final class WebSocketConnection: ChannelInboundHandler, Connection {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A burst of so many seconds' worth of frames is let through: candidates come all at once.
    private static let burstSeconds: UInt64 = 5
    /// How long a client may take to close once we have.
    private static let closingTime = TimeAmount.seconds(1)

    private enum State {
        case open, closing
    }

    private let limits: ControlConfiguration.Limits
    private let counters: ControlCounters
    private let budget: ByteBudget
    private weak var listener: (any SocketListener)?
    private var context: ChannelHandlerContext?
    private var state = State.open
    private var reader: FrameReader
    private var bucket = TokenBucket()
    private var unansweredPings = 0
    private var isTold = false
    private var held = 0
    /// When to ping next; in `closing`, when to stop waiting.
    private var deadline: NIODeadline
    /// When the message that has begun must be whole.
    private var messageDeadline: NIODeadline?

    /// A connection that was upgraded now.
    init(_ connections: Connections, _ listener: any SocketListener, now: NIODeadline) {
        limits = connections.limits
        counters = connections.counters
        budget = connections.budget
        self.listener = listener
        reader = FrameReader(limit: limits.bodyBytes)
        // Anywhere in the first interval, so that sockets that came together are not pinged together.
        let first = Int64.random(in: 0...Int64(limits.pingSeconds) * 1000)
        deadline = now + .milliseconds(first)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        counters.add(.webSocketsOpened)
        counters.add(.openWebSockets)
    }

    /// Comes in a turn of its own after the channel has closed, never from inside a write that failed.
    func handlerRemoved(context: ChannelHandlerContext) {
        counters.add(.openWebSockets, -1)
        _ = hold(0)
        self.context = nil
        tellClosed()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state == .open else { return }
        var bytes = unwrapInboundIn(data)
        let now = NIODeadline.now()
        unansweredPings = 0
        while state == .open, let event = reader.next(&bytes) {
            // Once for each message, or the parts of one would share the deadline of the first.
            if case .message = event { messageDeadline = nil }
            receive(event, now)
        }
        if !hold(reader.heldBytes) && state == .open { fail(.unexpectedServerError) }
        let time = TimeAmount.seconds(Int64(limits.idleSeconds))
        messageDeadline = reader.isWaitingForMore ? messageDeadline ?? now + time : nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func expire(now: NIODeadline) {
        if let messageDeadline, now >= messageDeadline, state == .open { fail(.policyViolation) }
        guard now >= deadline else { return }
        if state == .closing || unansweredPings == 2 {
            context?.close(promise: nil)
            return
        }
        unansweredPings += 1
        deadline = now + .seconds(Int64(limits.pingSeconds))
        write(.ping, [])
    }

    func stop() {
        close(.goingAway)
    }

    private func receive(_ event: FrameReader.Event, _ now: NIODeadline) {
        let perSecond = UInt64(limits.messagesPerSecond)
        let rate = TokenRate(perSecond: perSecond, burst: perSecond * Self.burstSeconds)
        guard bucket.take(of: rate, at: Instant(nanoseconds: now.uptimeNanoseconds)) else {
            counters.add(.messagesRefused)
            fail(.policyViolation)
            return
        }
        switch event {
        case .message(let bytes):
            let text = String(validating: bytes.readableBytesView, as: UTF8.self)
            guard let text else { return fail(.dataInconsistentWithMessage) }
            listener?.received(text, from: self)
        case .ping(let bytes): write(.pong, bytes.readableBytesView)
        case .fragment, .pong: break
        case .close(let code):
            close(code ?? .normalClosure)
            tellClosed()
        case .violation(let code): fail(code)
        }
    }

    /// Ends the socket of a client that broke a rule.
    private func fail(_ code: WebSocketErrorCode) {
        counters.add(.webSocketErrors)
        close(code)
        tellClosed()
    }

    /// Says goodbye; the client's end of the stream, or the deadline, closes the channel.
    private func close(_ code: WebSocketErrorCode) {
        guard state == .open else { return }
        var payload = ByteBuffer()
        payload.write(webSocketErrorCode: code)
        write(.connectionClose, payload.readableBytesView)
        guard state == .open else { return }
        state = .closing
        deadline = .now() + Self.closingTime
        context?.close(mode: .output, promise: nil)
    }

    private func write(_ opcode: WebSocketOpcode, _ payload: some Collection<UInt8>) {
        guard state == .open, let context, context.channel.isActive else { return }
        if context.channel.pendingBytes > limits.pendingBytes {
            counters.add(.webSocketErrors)
            state = .closing
            context.close(promise: nil)
        } else {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(frame: opcode, payload)), promise: nil)
        }
    }

    /// Accounts for the bytes of an unfinished message; false when all connections together hold too many.
    private func hold(_ count: Int) -> Bool {
        defer { held = count }
        return budget.change(from: held, to: count)
    }

    private func tellClosed() {
        if isTold { return }
        isTold = true
        listener?.closed(self)
    }
}

extension WebSocketConnection: SignallingSocket {
    func send(_ text: String) {
        write(.text, text.utf8)
    }

    func close() {
        close(.normalClosure)
    }
}
