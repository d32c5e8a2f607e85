/// One HTTP connection: requests are put together, bounded, answered in order; `/ws` becomes a WebSocket.

import NIOCore
import NIOHTTP1

/// The last handler of an HTTP channel.
final class HTTPConnection: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// Requests that may wait for the answer of an earlier one.
    private static let pipelined = 16

    /// A request as far as it came.
    struct Incoming {
        var head: HTTPRequestHead
        var body = ByteBuffer()
    }

    enum State {
        /// Waits for a request, or for the rest of one.
        case reading
        /// This request waits for its answer.
        case answering(HTTPRequestHead)
        /// Events are sent until either side ends.
        case streaming
        /// The last answer is on its way, or with the client; what still comes is thrown away.
        case lingering
    }

    let site: Site
    var peer: Peer
    var context: ChannelHandlerContext?
    var state = State.reading
    /// A whole request must have come by then, however many bytes of it came; in other states, what they wait for.
    var deadline: NIODeadline
    /// What stands between HTTP and bytes.
    let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    let encoder = HTTPResponseEncoder()
    /// A client that does not read its answers is not read either.
    let backPressure = BackPressureHandler()
    /// The part of a request that has come.
    private(set) var incoming: Incoming?
    private var waiting: [Incoming] = []
    private var held = 0

    /// The connection of a channel that was accepted now.
    init(_ site: Site, peer: Peer) {
        self.site = site
        self.peer = peer
        deadline = site.connections.idleDeadline
        var limits = NIOHTTPDecoderLimitConfiguration()
        let size = site.connections.limits.headerBytes
        limits.maxHeaderFieldSize = size
        limits.maxHeaderListSize = size
        limits.maxHeaderFieldCount = 100
        decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits),
            // What the decoder does not read, after an upgrade that was refused, must not pile up in it.
            maximumBufferSize: size + 65_536
        )
    }

    /// All handlers of a channel that speaks HTTP.
    var handlers: [any ChannelHandler] { [decoder, encoder, backPressure, self] }

    var connections: Connections { site.connections }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        forget()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (state, unwrapInboundIn(data)) {
        case (.streaming, _), (.lingering, _): break
        case (_, .head(let head)): begin(head)
        case (_, .body(let bytes)): add(bytes)
        case (_, .end): finish()
        }
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
            write(.continue, [:])
            context?.flush()
        }
    }

    private func add(_ bytes: ByteBuffer) {
        guard incoming != nil else { return }
        let size = held + bytes.readableBytes
        if size > connections.limits.bodyBytes {
            refuse(.payloadTooLarge)
        } else if !connections.hold(size, insteadOf: &held) {
            refuse(.serviceUnavailable)
        } else {
            incoming?.body.writeImmutableBuffer(bytes)
        }
    }

    private func finish() {
        guard let whole = incoming else { return }
        forget()
        if case .reading = state { return answer(whole) }
        waiting.append(whole)
        if waiting.count > Self.pipelined { context?.close(promise: nil) }
    }

    /// Goes on to the request that waits, or to the next that comes.
    func goOn() {
        deadline = connections.idleDeadline
        state = .reading
        if !waiting.isEmpty { answer(waiting.removeFirst()) }
    }

    /// Lets go of the part of a request that has come.
    func forget() {
        incoming = nil
        connections.hold(0, insteadOf: &held)
    }
}
