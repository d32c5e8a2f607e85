/// ICMP messages about datagrams to peers, the right ones and others.

extension World {
    /// Lets a router or a host answer a datagram of a relayed socket now and then.
    func planError(about image: WireImage) {
        guard case .relay = image.flow.socket, chance.rarely(scenario.network.unreachable) else {
            return
        }
        var about = image.flow.destination
        // Nobody can forge the address, but the queue may hold what was sent long ago.
        if chance.chance(10) { about.port = UInt16(chance.within(1...65_535)) }
        let types: [UInt8] = about.address.isIPv6 ? [1, 2, 3, 4, 128] : [3, 3, 4, 5, 11, 12]
        let error = ICMPMessage(
            type: chance.pick(types),
            code: chance.pick([0, 1, 3, 4, 13, 255]),
            mtu: chance.pick([0, 576, 1280, 1492, UInt32.max])
        )
        let time = now + chance.duration(scenario.network.delay)
        queue.plan(.errs(error, from: image.source, about: about), at: time)
    }

    /// The message is in the queue of the relayed socket, if that is still there and read by the thread that has it.
    func err(_ error: ICMPMessage, from relayed: Endpoint, about peer: Endpoint) {
        for thread in threads {
            guard let relay = thread.sockets.relay(at: relayed),
                thread.sockets.leaving[relay] == nil
            else { continue }
            thread.inbox.append(
                Arrival(socket: .relay(relay), source: peer, bytes: [], error: error)
            )
            return planPass(thread.index, at: now + scenario.network.passWindow)
        }
    }
}
