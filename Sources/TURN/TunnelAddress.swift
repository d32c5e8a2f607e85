/// Addresses at which a tunnel through IPv4 begins (RFC 8656 21.4).
internal import STUN

extension IPAddress {
    /// Whether it is an address of Teredo (2001::/32, RFC 4380) or 6to4 (2002::/16, RFC 3056).
    ///
    /// A client there could let its tunnel and a relayed IPv4 address throw a datagram to and fro. Neither is in use
    /// any more (RFC 7526), so that nobody needs a way to let them in.
    var isTunnelled: Bool {
        guard family == .ipv6 else { return false }
        return high &>> 32 == 0x2001_0000 || high &>> 48 == 0x2002
    }
}
