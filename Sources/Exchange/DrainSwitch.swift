/// Whether the server takes new allocations, as its owner last said.

internal import Synchronization

/// Set by one thread, looked at by all relay threads once a pass.
public final class DrainSwitch: Sendable {
    private let value: Atomic<Bool>

    /// A switch that is on or off at first.
    public init(isOn: Bool = false) {
        value = Atomic(isOn)
    }

    /// Whether new allocations are to be made elsewhere.
    public var isOn: Bool { value.load(ordering: .relaxed) }

    /// Turns it on or off, and returns which.
    public func toggle() -> Bool {
        let isOn = !isOn
        value.store(isOn, ordering: .relaxed)
        return isOn
    }
}
