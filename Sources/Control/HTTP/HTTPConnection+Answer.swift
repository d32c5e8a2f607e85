/// How requests of a connection are answered, and how the connection ends.

import NIOCore
import NIOHTTP1

extension HTTPConnection {
    /// Answers a whole request.
    func answer(_ incoming: Incoming) {
        connections.counters.add(.requests)
        guard let request = Request(incoming.head, body: incoming.body, peer: peer) else {
            return refuse(.badRequest)
        }
        state = .answering
        if request.path == "/ws", let listener = site.sockets {
            return open(request, incoming, listener)
        }
        switch site.reply(to: request) {
        case .now(let response):
            send(response, to: request, incoming)
        case .later(let answer):
            deadline = .now() + .seconds(Int64(connections.limits.idleSeconds))
            answer.assumeIsolated().whenComplete { [weak self] result in
                let failure = Response.text(.internalServerError, "Internal Server Error\n")
                self?.send((try? result.get()) ?? failure, to: request, incoming)
            }
        case .events(let start):
            stream(start, request, incoming)
        }
    }

    private func send(_ response: Response, to request: Request, _ incoming: Incoming) {
        guard case .answering = state, let context, context.channel.isActive else { return }
        if context.channel.pendingBytes > connections.limits.pendingBytes {
            return context.close(promise: nil)
        }
        let isLast = incoming.isLast || isStopping
        if response.status.code >= 500 { connections.counters.add(.httpErrors) }
        let response = site.finished(response, to: request)
        write(response, isLast: isLast, hasBody: request.method != .HEAD)
        if isLast { linger() } else { goOn() }
    }

    /// Answers what cannot be a request of ours, and ends the connection.
    func refuse(_ status: HTTPResponseStatus) {
        // Its turn has not come while an earlier one is being answered.
        if case .answering = state, isInRequest {
            context?.close(promise: nil)
            return
        }
        var response = Response.text(status, "\(status.reasonPhrase)\n")
        response.addCommonHeaders()
        write(response, isLast: true, hasBody: true)
        linger()
    }

    private func begin(_ status: HTTPResponseStatus, _ headers: HTTPHeaders) {
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context?.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    private func write(_ response: Response, isLast: Bool, hasBody: Bool) {
        guard let context else { return }
        var headers = response.headers
        headers.replaceOrAdd(name: "Content-Length", value: "\(response.body.readableBytes)")
        if isLast { headers.replaceOrAdd(name: "Connection", value: "close") }
        begin(response.status, headers)
        if hasBody && response.status.mayHaveResponseBody && response.body.readableBytes > 0 {
            context.write(wrapOutboundOut(.body(.byteBuffer(response.body))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// Ends our side and throws away what still comes: closing at once could take the answer from the client.
    private func linger() {
        let now = NIODeadline.now()
        state = .lingering(until: now + .seconds(Int64(connections.limits.idleSeconds)))
        deadline = now + Self.lingeringTime
        context?.close(mode: .output, promise: nil)
    }

    private func stream(
        _ start: (any EventStream) -> Void,
        _ request: Request,
        _ incoming: Incoming
    ) {
        guard let context, incoming.head.version == .http1_1 else {
            return refuse(.httpVersionNotSupported)
        }
        let empty = Response(.ok, type: "text/event-stream", ByteBuffer())
        if request.method == .HEAD { return send(empty, to: request, incoming) }
        var headers = site.finished(empty, to: request).headers
        headers.replaceOrAdd(name: "Connection", value: "close")
        begin(.ok, headers)
        context.flush()
        state = .streaming
        deadline = .distantFuture
        start(self)
    }
}

/// Server-sent events: a response that goes on (WHATWG HTML, section 9.2).
extension HTTPConnection: EventStream {
    func send(_ data: String) -> Bool {
        guard case .streaming = state, let context, context.channel.isActive else { return false }
        if context.channel.pendingBytes > connections.limits.pendingBytes {
            context.close(promise: nil)
            return false
        }
        let line = data.replacing("\n", with: " ").replacing("\r", with: " ")
        let event = ByteBuffer(string: "data: \(line)\n\n")
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(event))), promise: nil)
        return true
    }

    func end() {
        guard case .streaming = state, let context else { return }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        linger()
    }
}

extension HTTPConnection: Connection {
    func expire(now: NIODeadline) {
        guard now >= deadline else { return }
        switch state {
        case .reading where isInRequest: refuse(.requestTimeout)
        case .lingering(let limit) where now < limit && context?.channel.pendingBytes ?? 0 > 0:
            deadline = now + Self.lingeringTime
        default: context?.close(promise: nil)
        }
    }

    func stop() {
        isStopping = true
        switch state {
        case .reading where isInRequest: break
        case .answering, .upgraded: break
        case .streaming: end()
        case .reading, .lingering: context?.close(promise: nil)
        }
    }
}

extension HTTPConnection {
    /// Makes the connection a WebSocket, or says why not.
    private func open(_ request: Request, _ incoming: Incoming, _ listener: any SocketListener) {
        if let refusal = WebSocketHandshake.refusal(of: request, site.origins) {
            connections.counters.add(.webSocketErrors)
            return send(refusal, to: request, incoming)
        }
        guard let channel = context?.channel else { return }
        let accepted = WebSocketHandshake.accept(incoming.head, on: channel)
        accepted.assumeIsolated().whenComplete { [self] result in
            switch result {
            case .success(let headers): upgrade(headers, listener)
            case .failure: refuse(.badRequest)
            }
        }
    }

    /// Nothing can come in between: the decoder reads no further after an upgrade, and forwards the rest when it goes.
    private func upgrade(_ headers: HTTPHeaders, _ listener: any SocketListener) {
        guard let context, context.channel.isActive else { return }
        begin(.switchingProtocols, headers)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        state = .upgraded
        let channel = context.channel
        let socket = WebSocketConnection(connections, listener, now: .now())
        let pipeline = channel.pipeline.syncOperations
        do {
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            let encoder = try pipeline.handler(type: HTTPResponseEncoder.self)
            pipeline.removeHandler(encoder, promise: nil)
            connections.attend(socket, of: channel)
            try pipeline.addHandler(socket)
            pipeline.removeHandler(decoder, promise: nil)
            pipeline.removeHandler(self, promise: nil)
        } catch {
            channel.close(promise: nil)
        }
    }
}
