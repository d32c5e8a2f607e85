/// Which traffic class relayed datagrams get.

/// What becomes of DSCP and ECN across the relay, in both directions (RFC 8656 14).
///
/// ECN is always carried across, as L4S needs it (RFC 9331); IPv4's type of service and IPv6's traffic class are one
/// and the same byte.
public struct TrafficClasses: Sendable, Equatable, BitwiseCopyable {
    /// The bits that are carried across, and those that are set.
    private let kept: UInt8, added: UInt8

    /// DSCP and ECN as they came: the behaviour that RFC 8656 14 prefers.
    public static let copied = TrafficClasses(kept: 0xFF, added: 0)

    /// One DSCP, 0 to 63, for all datagrams; ECN as it came.
    public static func marked(dscp: UInt8) -> TrafficClasses {
        TrafficClasses(kept: 0x03, added: dscp &<< 2)
    }

    private init(kept: UInt8, added: UInt8) {
        self.kept = kept
        self.added = added
    }

    /// What a datagram leaves with that came with `incoming`.
    func outgoing(_ incoming: UInt8) -> UInt8 { incoming & kept | added }
}
