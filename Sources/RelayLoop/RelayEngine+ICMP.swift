/// ICMP errors: what a client is told about datagrams that did not reach a peer.

public import STUN
public import TURN

extension RelayEngine {
    /// Handles an ICMP error about a datagram from `relay` to `peer`.
    public mutating func receive(
        _ error: ICMPError,
        about peer: TransportAddress,
        on relay: RelayIndex,
        at now: Now
    ) {
        forgetPrecedent()
        statistics.icmpErrors &+= 1
        let verdict = Self.verdict(
            &server,
            on: error,
            about: peer,
            relay,
            at: now,
            scratch: &replies.scratch
        )
        guard case .tell(let client, let count) = verdict else { return }
        statistics.icmpIndications &+= 1
        reply(count: count, to: client)
    }

    private static func verdict(
        _ server: inout TURNServer,
        on error: ICMPError,
        about peer: TransportAddress,
        _ relay: RelayIndex,
        at now: Now,
        scratch: inout ReplyWriter.Scratch
    ) -> ICMPVerdict {
        var span = scratch.mutableSpan
        // Any bits are a valid UInt8.
        var reply = unsafe span.mutableBytes
        return server.receive(error, about: peer, on: relay, at: now, reply: &reply)
    }
}
