/// The control thread as the rest of the program sees it.

public import Logging

/// Signalling, rooms, pages, metrics and admin: one event loop on one thread.
public final class ControlPlane: Sendable {
    private let configuration: ControlConfiguration
    private let log: Logger

    /// Prepares the plane; nothing listens yet.
    public init(_ configuration: ControlConfiguration, log: Logger) {
        self.configuration = configuration
        self.log = log
    }
}
