/// `/api/v1/admin/…`: what the command line asks over the admin socket, and `/api/v1/live` for the live page.

import Exchange
import FoundationEssentials
import Glibc
import Logging
import NIOCore
import NIOHTTP1

/// Status of the server, allocations, and the end of one.
struct AdminRoutes {
    /// Allocations of each thread that one answer lists, and at most.
    private static let listLimit = 1000, listMaximum = 10_000

    private let context: ControlContext
    private let watch: RelayWatch
    private let desk: AllocationDesk
    private let live: LiveFeed

    /// Routes that show and change the server of the context.
    init(_ context: ControlContext, _ watch: RelayWatch) {
        self.context = context
        self.watch = watch
        desk = AllocationDesk(context.relay, on: context.eventLoop)
        live = LiveFeed(context, watch)
    }

    /// Adds the routes.
    func add(to router: inout Router) {
        router.on(.GET, "/api/v1/admin/status") { request, _ in
            administering(request) { .now(.json(.ok, status())) }
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

    private func status() -> ServerStatus {
        let stalled = watch.stalled(at: .now())
        let threads = context.relay.threads.enumerated().map { index, thread in
            let sample = watch.samples[index]
            return ServerStatus.Thread(
                thread: index,
                cpu: thread.cpu,
                isMoving: !stalled.contains(index),
                allocations: thread.counters.value(.allocations),
                permissions: thread.counters.value(.permissions),
                channels: thread.counters.value(.channels),
                datagramsPerSecond: sample.datagrams,
                bitsPerSecond: sample.bits,
                dropsPerSecond: sample.drops,
                load: sample.cpu,
                cpuSeconds: Double(thread.cpuNanoseconds() ?? 0) / 1e9
            )
        }
        let counters = ControlCounter.allCases.map {
            (snakeCased($0.rawValue), context.counters[$0])
        }
        return ServerStatus(
            version: context.configuration.version,
            process: Int(getpid()),
            uptimeSeconds: Int((NIODeadline.now() - context.started).nanoseconds / 1_000_000_000),
            threads: threads,
            control: Dictionary(uniqueKeysWithValues: counters),
            controlCPUSeconds: Double(ControlThread.cpuNanoseconds) / 1e9
        )
    }
}
