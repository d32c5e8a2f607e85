/// How many buffers the kernel has, and should have.

/// Keeps the buffers lent to the kernel few, so that those in use stay in the CPU's cache.
///
/// The kernel fills them in turn: what circulates is what was lent. A quarter more than what a pass took of late is
/// enough for the next; when it was not, the share doubles at once, up to all.
struct Lending {
    /// Buffers the kernel has.
    private(set) var lent = 0
    /// Buffers it should have.
    private(set) var share: Int

    private let most: Int
    private let least: Int
    private var taken = 0
    private var peak = 0
    private var passes = 0

    /// Lends `most` buffers at most.
    init(most: Int) {
        self.most = most
        least = min(most, Limits.leastLentBuffers)
        share = least
    }

    /// Whether the kernel should get another one.
    var isShort: Bool { lent < share }

    /// Notes that the kernel got a buffer.
    mutating func lend() { lent += 1 }

    /// Notes that the kernel gave one back, filled.
    mutating func take() {
        lent -= 1
        taken += 1
    }

    /// Notes that a receive found no buffer.
    mutating func ranOut() { share = min(most, share * 2) }

    /// Ends a pass: the share grows with what it took, and shrinks now and then to what was needed.
    mutating func endPass() {
        peak = max(peak, taken)
        share = min(most, max(share, Self.enough(for: taken)))
        taken = 0
        passes += 1
        if passes < Limits.passesBetweenShrinks { return }
        share = min(most, max(least, min(share, Self.enough(for: peak))))
        passes = 0
        peak = 0
    }
    private static func enough(for taken: Int) -> Int { taken + taken / 4 }
}
