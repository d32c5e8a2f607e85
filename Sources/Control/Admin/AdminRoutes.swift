/// `/api/v1/admin/…`: what the command line asks over the admin socket, and `/api/v1/live` for the live page.

import Exchange
import Logging
import NIOCore
import NIOHTTP1

/// Status of the server, allocations, and the end of one.
struct AdminRoutes {
    /// Allocations of each thread that one answer lists, and at most.
    private static let listLimit = 1000, listMaximum = 10_000

    private let context: ControlContext
    private let desk: AllocationDesk
    private let live: LiveFeed

    /// Routes that show and change the server of the context.
    init(_ context: ControlContext, _ watch: RelayWatch) {
        self.context = context
        desk = AllocationDesk(context.relay, on: context.eventLoop)
        live = LiveFeed(context, watch)
    }

    /// Adds the routes.
    func add(to router: inout Router) {
        router.on(.GET, "/api/v1/admin/status") { request, _ in
            administering(request) { .now(.json(.ok, live.status())) }
        }
        router.on(.GET, "/api/v1/admin/allocations") { request, _ in
            administering(request) { list(request) }
        }
        router.on(.DELETE, "/api/v1/admin/allocations/{id}") { request, parameters in
            administering(request) { end(parameters["id"] ?? "") }
        }
        router.on(.GET, "/api/v1/live") { request, _ in
            guard request.mayWatch(context.configuration) else { return .now(.adminOnly) }
            guard live.hasRoom else { return .now(.problem(.serviceUnavailable, "too many watch")) }
            return .events { live.add($0) }
        }
    }

    private func administering(_ request: Request, _ answer: () -> Reply) -> Reply {
        request.isFromAdmin(context.configuration) ? answer() : .now(.adminOnly)
    }

    private func list(_ request: Request) -> Reply {
        let text = request.parameter("limit") ?? "\(Self.listLimit)"
        guard let limit = Int(text), (1...Self.listMaximum).contains(limit) else {
            return .now(.problem(.badRequest, "limit: a number from 1 to \(Self.listMaximum)"))
        }
        let addresses = context.relay.addresses
        return answering(desk.list(limit: limit)) {
            .json(.ok, AllocationDocument($0, addresses: addresses))
        }
    }

    private func end(_ name: String) -> Reply {
        let missing = Response.problem(.notFound, "no such allocation")
        guard let id = AllocationID(name) else { return .now(missing) }
        let log = context.log
        let end = desk.end(thread: id.thread, place: id.place, stamp: id.stamp)
        return answering(end) { isDone in
            guard isDone else { return missing }
            log.notice("allocation ended by the admin", metadata: ["id": "\(id)"])
            return .empty(.noContent)
        }
    }

    private func answering<Value>(
        _ future: EventLoopFuture<Value>,
        _ response: @escaping (Value) -> Response
    ) -> Reply {
        let answer = future.assumeIsolated().map(response).flatMapErrorThrowing { error in
            switch error as? NoAnswer {
            case .silent(let thread)?:
                .problem(.gatewayTimeout, "relay thread \(thread) does not answer")
            case .crowded?, nil: .problem(.serviceUnavailable, "too many ask; try again")
            }
        }
        return .later(answer.nonisolated())
    }
}

extension Request {
    /// Whether it came over the admin socket, which only the server's own user may open.
    var isFromAdminSocket: Bool { peer.isLocal && peer.address.isEmpty }

    /// Whether it may look at figures: an admin, or a program of this machine.
    func mayWatch(_ configuration: ControlConfiguration) -> Bool {
        peer.isLocal || isFromAdmin(configuration)
    }
}

extension Response {
    /// The refusal of what only admins may do.
    static var adminOnly: Response {
        .unauthorized("the admin token is needed: Authorization: Bearer TOKEN")
    }
}
