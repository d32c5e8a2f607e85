/// `/api/v1/live`: one event a second for the live page.

import FoundationEssentials
import NIOCore
import NIOHTTP1

/// Everyone who watches, and what they are sent; lives on the event loop.
final class LiveFeed {
    /// Who may watch at a time.
    private static let watchersMaximum = 64

    /// The data of one event.
    private struct Event: Encodable {
        struct Control: Encodable {
            var cpu: Double
            var connections: Int, webSockets: Int, rooms: Int, participants: Int
        }

        var uptimeSeconds: Int
        var threads: [ThreadSample]
        var control: Control
    }

    private let context: ControlContext
    private let watch: RelayWatch
    private var watchers: [any EventStream] = []
    private var lastCPU: (nanoseconds: UInt64, time: NIODeadline)
    private var load = 0.0

    /// Looks at the threads once a second from now on, whether somebody watches or not.
    init(_ context: ControlContext, _ watch: RelayWatch) {
        self.context = context
        self.watch = watch
        lastCPU = (ControlThread.cpuNanoseconds, .now())
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleRepeatedTask(
            initialDelay: .seconds(1),
            delay: .seconds(1)
        ) { _ in bound.value.look(at: .now()) }
    }

    /// Whether one more may watch.
    var hasRoom: Bool { watchers.count < Self.watchersMaximum }

    /// Sends the last figures at once, and new ones every second.
    func add(_ stream: any EventStream) {
        if stream.send(event()) { watchers.append(stream) }
    }

    private func look(at now: NIODeadline) {
        watch.look(at: now)
        let used = ControlThread.cpuNanoseconds
        let span = max((now - lastCPU.time).nanoseconds, 1)
        load = (Double(used - lastCPU.nanoseconds) / Double(span) * 1e3).rounded() / 1e3
        lastCPU = (used, now)
        if watchers.isEmpty { return }
        let event = event()
        watchers = watchers.filter { $0.send(event) }
    }

    private func event() -> String {
        let counters = context.counters
        let event = Event(
            uptimeSeconds: Int((NIODeadline.now() - context.started).nanoseconds / 1_000_000_000),
            threads: watch.samples,
            control: Event.Control(
                cpu: load,
                connections: counters[.connections],
                webSockets: counters[.openWebSockets],
                rooms: counters[.rooms],
                participants: counters[.participants]
            )
        )
        return jsonText(event)
    }
}
