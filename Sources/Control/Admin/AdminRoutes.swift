/// `/api/v1/admin/…`: what the command line asks over the admin socket, and `/api/v1/live` for the live page.

import Exchange
import Logging
import NIOCore
import NIOHTTP1

/// Status of the server, allocations, and the end of one.
struct AdminRoutes {
    private let context: ControlContext
    private let desk: AllocationDesk
    private let live: LiveFeed

    /// Routes that show and change the server of the context.
    init(_ context: ControlContext) {
        self.context = context
        desk = AllocationDesk(context.relay, on: context.eventLoop)
        live = LiveFeed(context)
    }

    /// Adds the routes.
    func add(to router: inout Router) {
        router.on(.GET, "/api/v1/admin/status") { (request) throws(Response) in
            try context.gate.requireAdmin(request)
            return .json(.ok, live.status())
        }
        router.on(.GET, "/api/v1/admin/allocations", replying: list)
        router.on(.DELETE, "/api/v1/admin/allocations/{id}", replying: end)
        router.on(.GET, "/api/v1/live", replying: watch)
    }

    private func watch(_ request: Request) throws(Response) -> Reply {
        try context.gate.requireWatcher(request)
        if !live.hasRoom { throw .problem(.serviceUnavailable, "too many watch") }
        return .events { live.add($0) }
    }

    private func list(_ request: Request) throws(Response) -> Reply {
        try context.gate.requireAdmin(request)
        let limit = try request.limit(unlessGiven: 1000, maximum: 10_000)
        let addresses = context.relay.addresses
        return answering(desk.list(limit: limit)) {
            .json(.ok, AllocationDocument($0, addresses: addresses))
        }
    }

    private func end(_ request: Request) throws(Response) -> Reply {
        try context.gate.requireAdmin(request)
        let missing = Response.problem(.notFound, "no such allocation")
        guard let id = AllocationID(request.names["id"] ?? "") else { throw missing }
        return answering(desk.end(id)) { [log = context.log] isDone in
            guard isDone else { return missing }
            log.notice("allocation ended by the admin", metadata: ["id": "\(id)"])
            return .empty(.noContent)
        }
    }

    private func answering<Value>(
        _ future: EventLoopFuture<Value>,
        _ response: @escaping (Value) -> Response
    ) -> Reply {
        let answer = future.assumeIsolated().map(response).recover { error in
            error as? Response ?? .problem(.internalServerError, "\(error)")
        }
        return .later(answer.nonisolated())
    }
}
