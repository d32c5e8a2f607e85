/// Relayed sockets that go from one thread to another with their allocation (RFC 8016).

import Exchange
import RelayLoop
import STUN
import TURN

extension SimulatedSockets: HandoverSockets {
    func duplicate(_ relay: RelayIndex) -> Int32? {
        guard let socket = sockets[relay.rawValue], !fails() else { return nil }
        return ledger.duplicate(socket.descriptor)
    }

    func close(duplicate descriptor: Int32) { ledger.close(descriptor) }

    func letGo(_ relay: RelayIndex) {
        leaving[relay.rawValue] = passesUntilReceiveEnds()
    }

    func adopt(_ socket: BoundSocket, _ family: AddressFamily) -> RelayIndex? {
        guard let endpoint = ledger.open[socket.descriptor] else { return nil }
        return adopt(Socket(descriptor: socket.descriptor, endpoint: endpoint)).map {
            RelayIndex(rawValue: $0)
        }
    }

    func discard(_ socket: BoundSocket, _ family: AddressFamily, at now: Now) {
        discard(socket.descriptor, socket.port, family.rawValue, at: now)
    }

    func releaseQuota(userTag: UInt64) { shared.quota.release(userTag: userTag) }
}
