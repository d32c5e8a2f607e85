/// How requests of a connection are answered, and how the connection ends.

import NIOCore
import NIOHTTP1
import NIOWebSocket

extension HTTPConnection {
    /// How long a client may take to close once it has the last answer.
    private static let lingeringTime = TimeAmount.seconds(2)

    /// Answers a whole request.
    func answer(_ incoming: Incoming) {
        let head = incoming.head
        connections.counters.add(.requests)
        guard let request = Request(head, body: incoming.body, peer: peer) else {
            return refuse(.badRequest)
        }
        state = .answering(head)
        if request.path == "/ws" { return open(request) }
        switch site.router.reply(to: request) ?? .now(site.fallback(request)) {
        case .now(let response): send(response)
        case .later(let answer):
            deadline = connections.idleDeadline
            answer.assumeIsolated().whenComplete { [weak self] result in
                let failure = Response.text(.internalServerError, "Internal Server Error\n")
                self?.send((try? result.get()) ?? failure)
            }
        case .events(let start): stream(start, to: head)
        }
    }

    private func send(_ response: Response) {
        guard case .answering(let head) = state, let channel = context?.channel else { return }
        guard connections.keepsUp(channel) else { return channel.close(promise: nil) }
        if response.status.code >= 500 { connections.counters.add(.httpErrors) }
        let isLast = head.isLast || site.context.isStopping
        write(site.finished(response, to: head), isLast: isLast, hasBody: head.method != .HEAD)
        if isLast { linger() } else { goOn() }
    }

    /// Answers what cannot be a request of ours, and ends the connection.
    func refuse(_ status: HTTPResponseStatus) {
        // Its turn has not come while an earlier one is being answered.
        if case .answering = state, incoming != nil {
            context?.close(promise: nil)
            return
        }
        var response = Response.text(status, "\(status.reasonPhrase)\n")
        response.addCommonHeaders()
        write(response, isLast: true, hasBody: true)
        linger()
    }

    private func write(_ response: Response, isLast: Bool, hasBody: Bool) {
        var headers = response.headers
        headers.replaceOrAdd(name: "Content-Length", value: "\(response.body.readableBytes)")
        if isLast { headers.replaceOrAdd(name: "Connection", value: "close") }
        write(response.status, headers)
        if hasBody && response.status.mayHaveResponseBody && response.body.readableBytes > 0 {
            context?.write(wrapOutboundOut(.body(.byteBuffer(response.body))), promise: nil)
        }
        context?.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// Writes the head of a response, without a flush.
    func write(_ status: HTTPResponseStatus, _ headers: HTTPHeaders) {
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context?.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    /// Ends our side and throws away what still comes: closing at once could take the answer from the client.
    private func linger() {
        forget()
        state = .lingering
        deadline = connections.idleDeadline
        context?.close(mode: .output).assumeIsolated().whenComplete { [weak self] _ in
            self?.deadline = .now() + Self.lingeringTime
        }
    }
}

extension HTTPRequestHead {
    /// `Upgrade` and `CONNECT` end HTTP on a connection: the decoder reads no further.
    fileprivate var isLast: Bool {
        !isKeepAlive || method == .CONNECT || headers.contains(name: "Upgrade")
    }
}

/// Server-sent events: a response that goes on (WHATWG HTML, section 9.2).
extension HTTPConnection {
    private func stream(_ start: (HTTPConnection) -> Void, to head: HTTPRequestHead) {
        if head.version != .http1_1 { return refuse(.httpVersionNotSupported) }
        let empty = Response(.ok, type: "text/event-stream", ByteBuffer())
        if head.method == .HEAD { return send(empty) }
        var headers = site.finished(empty, to: head).headers
        headers.replaceOrAdd(name: "Connection", value: "close")
        write(.ok, headers)
        context?.flush()
        state = .streaming
        deadline = .distantFuture
        start(self)
    }

    /// Sends one event with this data (one line); false once the client is gone or too slow.
    func send(_ data: String) -> Bool {
        guard case .streaming = state, let context, context.channel.isActive else { return false }
        guard connections.keepsUp(context.channel) else {
            context.close(promise: nil)
            return false
        }
        let line = data.replacing("\n", with: " ").replacing("\r", with: " ")
        let event = ByteBuffer(string: "data: \(line)\n\n")
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(event))), promise: nil)
        return true
    }

    /// Ends the events.
    func end() {
        guard case .streaming = state else { return }
        context?.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        linger()
    }
}

extension HTTPConnection: Connection {
    func expire(now: NIODeadline) {
        guard now >= deadline else { return }
        if case .reading = state, incoming != nil { return refuse(.requestTimeout) }
        context?.close(promise: nil)
    }

    func stop() {
        switch state {
        case .answering: break
        case .streaming: end()
        case .reading, .lingering: if incoming == nil { context?.close(promise: nil) }
        }
    }
}

extension HTTPConnection {
    /// Makes the connection a WebSocket, or says why not.
    private func open(_ request: Request) {
        if let refusal = request.webSocketRefusal(site.context.origins) {
            connections.counters.add(.webSocketErrors)
            return send(refusal)
        }
        guard let channel = context?.channel, channel.isActive else { return }
        write(.switchingProtocols, request.webSocketAcceptance)
        context?.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        let socket = WebSocketConnection(connections, site.sockets)
        connections.attend(socket, of: channel)
        let pipeline = channel.pipeline.syncOperations
        pipeline.removeHandler(encoder, promise: nil)
        pipeline.removeHandler(backPressure, promise: nil)
        try? pipeline.addHandlers([WebSocketFrameEncoder(), socket])
        pipeline.removeHandler(self, promise: nil)
        // The last to go: the decoder has read no further, and hands on what came behind the request.
        pipeline.removeHandler(decoder, promise: nil)
    }
}
