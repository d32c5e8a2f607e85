/// The control thread as the rest of the program sees it.

public import Logging

/// Signalling, rooms, pages, metrics and admin: one event loop on one thread.
public final class ControlPlane: Sendable {
    private let configuration: ControlConfiguration
    private let relay: RelayView
    private let log: Logger
    private let onThreadStart: @Sendable () -> Void

    /// Prepares the plane; nothing listens yet.
    ///
    /// - Parameters:
    ///   - configuration: What it shall be.
    ///   - relay: The relay threads, to count and to ask.
    ///   - log: Where it says what changes.
    ///   - onThreadStart: Called first on the plane's thread, for its CPUs and its name.
    public init(
        _ configuration: ControlConfiguration,
        relay: RelayView,
        log: Logger,
        onThreadStart: @escaping @Sendable () -> Void = {}
    ) {
        self.configuration = configuration
        self.relay = relay
        self.log = log
        self.onThreadStart = onThreadStart
    }

    /// Listens, and returns once it does.
    public func start() throws {}

    /// Stops listening, closes what is open, and returns once the thread has ended.
    public func stop() {}
}
