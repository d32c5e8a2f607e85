/// Who belongs to whom: the whole of what a bare forwarder knows.

import CLiburing
import CLoad
import Glibc

/// Sockets by index: 0 is the clients', 1 + i the one of flow i.
struct Places {
    static let address: UInt32 = 0x7F00_0001

    let clientPort: UInt16
    let peerPort: UInt16
    let flows: Int

    /// One place to send to for each direction of each flow.
    var laneCount: Int { flows * 2 }

    /// The lane of a datagram: up (even) from a client, down (odd) from a peer; nil: from a stranger.
    func lane(socket: Int, source: UInt32) -> Int? {
        if socket > 0 { return (socket - 1) * 2 + 1 }
        let flow = Int(source & 0xFFFF)
        return flow < flows ? flow * 2 : nil
    }

    /// The socket that a lane leaves by.
    func socket(lane: Int) -> Int { lane % 2 == 0 ? 1 + lane / 2 : 0 }

    func destination(lane: Int) -> sockaddr_in {
        let first = lane % 2 == 0 ? load_first_peer : load_first_client
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = (lane % 2 == 0 ? peerPort : clientPort).bigEndian
        address.sin_addr.s_addr = (UInt32(first) | UInt32(lane / 2)).bigEndian
        return address
    }
}
