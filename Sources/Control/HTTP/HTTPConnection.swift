/// One HTTP connection: requests are put together, bounded, answered in order; `/ws` becomes a WebSocket.

import NIOCore
import NIOHTTP1

/// The last handler of an HTTP channel.
final class HTTPConnection: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// Requests that may wait for the answer of an earlier one.
    static let pipelined = 16
    /// How long a client may take to close once it has the last answer.
    static let lingeringTime = TimeAmount.seconds(2)

    /// A request as far as it came.
    struct Incoming {
        var head: HTTPRequestHead
        var body = ByteBuffer()
        /// `Upgrade` and `CONNECT` end HTTP on a connection: the decoder reads no further.
        var isLast: Bool {
            !head.isKeepAlive || head.method == .CONNECT || head.headers.contains(name: "Upgrade")
        }
    }

    enum State {
        /// Waits for a request, or for the rest of one.
        case reading
        /// A request waits for its answer.
        case answering
        /// Events are sent until either side ends.
        case streaming
        /// The last answer is on its way, or with the client; what still comes is thrown away.
        case lingering(until: NIODeadline)
        /// It is a WebSocket now.
        case upgraded
    }

    let site: Site
    let connections: Connections
    var peer: Peer
    var context: ChannelHandlerContext?
    var state = State.reading
    var isStopping = false
    /// A whole request must have come by then, however many bytes of it came; in other states, what they wait for.
    var deadline: NIODeadline
    private var incoming: Incoming?
    private var waiting: [Incoming] = []
    private var held = 0

    /// The connection of a channel that was accepted now.
    init(_ site: Site, _ connections: Connections, peer: Peer, now: NIODeadline) {
        self.site = site
        self.connections = connections
        self.peer = peer
        deadline = now + .seconds(Int64(connections.limits.idleSeconds))
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        hold(0)
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .reading, .answering: break
        case .streaming, .lingering, .upgraded: return
        }
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head)
        case .body(let bytes): add(bytes)
        case .end: finish()
        }
    }

    /// A client that does not read its answers is not read either.
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let isWritable = context.channel.isWritable
        try? context.channel.syncOptions?.setOption(.autoRead, value: isWritable)
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .lingering = state { return }
        guard case .reading = state, context.channel.isActive, let error = error as? HTTPParserError
        else { return context.close(promise: nil) }
        switch error {
        case .headerOverflow: refuse(.requestHeaderFieldsTooLarge)
        case .invalidVersion: refuse(.httpVersionNotSupported)
        default: refuse(.badRequest)
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        incoming = Incoming(head: head)
        let size = head.headers.first(name: "Content-Length").flatMap { Int($0) } ?? 0
        if size > connections.limits.bodyBytes { return refuse(.payloadTooLarge) }
        let expectation = head.headers.first(name: "Expect")?.lowercased()
        if expectation == "100-continue", case .reading = state {
            let goOn = HTTPResponseHead(version: .http1_1, status: .continue)
            context?.writeAndFlush(wrapOutboundOut(.head(goOn)), promise: nil)
        }
    }

    private func add(_ bytes: ByteBuffer) {
        guard incoming != nil else { return }
        if held + bytes.readableBytes > connections.limits.bodyBytes {
            refuse(.payloadTooLarge)
        } else if !hold(held + bytes.readableBytes) {
            refuse(.serviceUnavailable)
        } else {
            incoming?.body.writeImmutableBuffer(bytes)
        }
    }

    private func finish() {
        guard let whole = incoming else { return }
        incoming = nil
        hold(0)
        if case .reading = state { return answer(whole) }
        waiting.append(whole)
        if waiting.count > Self.pipelined { context?.close(promise: nil) }
    }

    /// Goes on to the request that waits, or to the next that comes.
    func goOn() {
        deadline = .now() + .seconds(Int64(connections.limits.idleSeconds))
        state = .reading
        if !waiting.isEmpty { answer(waiting.removeFirst()) }
    }

    /// True when part of a request has come.
    var isInRequest: Bool { incoming != nil }

    /// Accounts for the bytes of an unfinished body; false when all connections together hold too many.
    @discardableResult
    private func hold(_ count: Int) -> Bool {
        defer { held = count }
        return connections.budget.change(from: held, to: count)
    }
}
