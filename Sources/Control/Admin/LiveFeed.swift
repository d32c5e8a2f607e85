/// Figures of the whole server: asked for by admins, and sent to the live page once a second.

import Glibc
import NIOCore

/// Everyone who watches `/api/v1/live`, and what they are sent; lives on the event loop.
final class LiveFeed {
    /// Who may watch at a time.
    private static let watchersMaximum = 64

    private let context: ControlContext
    private var watchers: [HTTPConnection] = []
    private var lastCPU: (seconds: Double, time: NIODeadline)
    private var load = 0.0

    /// Looks at the threads once a second from now on, whether somebody watches or not.
    init(_ context: ControlContext) {
        self.context = context
        lastCPU = (ControlThread.cpuSeconds, .now())
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let second = TimeAmount.seconds(1)
        context.eventLoop.scheduleRepeatedTask(initialDelay: second, delay: second) { _ in
            bound.value.look(at: .now())
        }
    }

    /// Whether one more may watch.
    var hasRoom: Bool { watchers.count < Self.watchersMaximum }

    /// Sends the last figures at once, and new ones every second.
    func add(_ stream: HTTPConnection) {
        if stream.send(jsonText(status())) { watchers.append(stream) }
    }

    private func look(at now: NIODeadline) {
        context.watch.look(at: now)
        let used = ControlThread.cpuSeconds
        let seconds = Double(max((now - lastCPU.time).nanoseconds, 1)) / 1e9
        load = ((used - lastCPU.seconds) / seconds * 1e3).rounded() / 1e3
        lastCPU = (used, now)
        if watchers.isEmpty { return }
        let event = jsonText(status())
        watchers = watchers.filter { $0.send(event) }
    }

    /// The figures now; rates are those of the last look.
    func status() -> ServerStatus {
        let counters = ControlCounter.allCases.map { ($0.name, context.counters[$0]) }
        return ServerStatus(
            version: context.configuration.version,
            process: Int(getpid()),
            uptimeSeconds: Int(context.uptimeSeconds),
            threads: context.watch.threads(at: .now()),
            control: Dictionary(uniqueKeysWithValues: counters),
            controlCPUSeconds: ControlThread.cpuSeconds,
            controlLoad: load
        )
    }
}
