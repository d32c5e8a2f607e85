/// What a client asks for when it does not err.

extension VirtualClient {
    /// A Binding request, now and then with more in it than needed.
    mutating func binding() -> [UInt8] {
        var builder = WireBuilder(WireMethod.binding, .request, transaction: chance.bytes(12))
        if chance.chance(20) { builder.append(WireType.software, text: "simulated") }
        if chance.chance(10) { builder.append(0x7F01, chance.bytes(chance.below(9))) }
        if chance.chance(30) { builder.appendFingerprint() }
        return builder.bytes
    }

    mutating func allocatePlan(_ directory: Directory) -> RequestPlan {
        var contents: [RequestPlan.Content] = [
            .bytes(WireType.requestedTransport, [17, 0, 0, 0])
        ]
        if chance.chance(40) { contents.append(lifetime()) }
        if chance.chance(8) { contents.append(.bytes(WireType.dontFragment, [])) }
        if wantsMobility && !chance.chance(20) {
            contents.append(.bytes(WireType.mobilityTicket, []))
        }
        switch chance.below(100) {
        case 0..<15: contents.append(.bytes(WireType.evenPort, [0x80]))
        case 15..<22: contents.append(.bytes(WireType.evenPort, [0]))
        case 22..<37:
            let token = directory.reservationTokens.last ?? chance.bytes(8)
            contents.append(.bytes(WireType.reservationToken, token))
            return RequestPlan(method: WireMethod.allocate, contents: contents)
        default: break
        }
        if chance.chance(25) {
            let family: UInt8 = chance.chance(90) ? 2 : 1
            contents.append(.bytes(WireType.additionalAddressFamily, [family, 0, 0, 0]))
        } else if isIPv6Relay || chance.chance(20) {
            let family: UInt8 = isIPv6Relay ? 2 : 1
            contents.append(.bytes(WireType.requestedAddressFamily, [family, 0, 0, 0]))
        }
        return RequestPlan(method: WireMethod.allocate, contents: contents)
    }

    private mutating func lifetime() -> RequestPlan.Content {
        let seconds = chance.pick([0, 1, 300, 600, 601, 700, 3600, 10_000, UInt32.max])
        return RequestPlan.number(WireType.lifetime, seconds)
    }

    /// Gives the allocation up (RFC 8656, 8).
    static var endPlan: RequestPlan {
        RequestPlan(
            method: WireMethod.refresh,
            contents: [RequestPlan.number(WireType.lifetime, 0)]
        )
    }

    mutating func refreshPlan() -> RequestPlan {
        var contents: [RequestPlan.Content] = []
        let last: UInt32 = chance.chance(30) ? 0 : 600
        let seconds = chance.pick([1, 600, 650, 3600, last])
        if chance.chance(70) { contents.append(RequestPlan.number(WireType.lifetime, seconds)) }
        if chance.chance(additional == nil ? 15 : 60) {
            let family: UInt8 = additional == nil ? (isIPv6Relay ? 2 : 1) : chance.pick([1, 2])
            contents.append(.bytes(WireType.requestedAddressFamily, [family, 0, 0, 0]))
        }
        return RequestPlan(method: WireMethod.refresh, contents: contents)
    }

    mutating func permissionPlan(_ directory: Directory, peers: Int) -> RequestPlan {
        let chosen = (0..<peers).map { _ in RequestPlan.Content.peer(peer(directory)) }
        return RequestPlan(method: WireMethod.createPermission, contents: chosen)
    }

    mutating func channelPlan(_ directory: Directory) -> RequestPlan {
        if !channels.isEmpty && chance.chance(40), let number = someChannel(),
            let bound = channels[number]
        {
            return bind(number, to: bound)
        }
        return bind(UInt16(0x4000 + chance.below(12)), to: peer(directory))
    }

    func bind(_ number: UInt16, to peer: Endpoint) -> RequestPlan {
        RequestPlan(
            method: WireMethod.channelBind,
            contents: [RequestPlan.channel(number), .peer(peer)]
        )
    }

    /// A peer of the right family most of the time; sometimes another client's relayed address.
    mutating func peer(_ directory: Directory) -> Endpoint {
        if !directory.relayed.isEmpty && chance.chance(15) { return chance.pick(directory.relayed) }
        let fitting = directory.peers.filter {
            additional != nil || $0.address.isIPv6 == (relayed?.address.isIPv6 ?? false)
        }
        let isCareful = !fitting.isEmpty && !chance.chance(6)
        return chance.pick(isCareful ? fitting : directory.peers)
    }

    mutating func someChannel() -> UInt16? {
        channels.isEmpty ? nil : chance.pick(channels.keys.sorted())
    }

    /// A burst of datagrams to one peer, mostly of one size.
    mutating func data(_ directory: inout Directory) -> [[UInt8]] {
        let count = chance.chance(40) ? 1 : chance.within(2...12)
        let size = chance.pick([0, 1, 7, 100, 160, 999, 1200])
        let number = chance.chance(65) ? someChannel() : nil
        let destination = sendDestination(directory)
        let mixesChannels = channels.count > 1 && chance.chance(20)
        let pads = chance.chance(50)
        return (0..<count).map { index in
            let isOdd = chance.chance(8) || (index == count - 1 && chance.chance(30))
            let payload = directory.payload(isOdd ? chance.below(size + 1) : size)
            guard let number else { return sendIndication(payload, to: destination) }
            let chosen = mixesChannels ? someChannel() ?? number : number
            return channelData(chosen, payload, padded: pads)
        }
    }

    private mutating func sendDestination(_ directory: Directory) -> Endpoint {
        let known = directory.peers.filter { permitted.contains($0.address) }
        return known.isEmpty || chance.chance(10) ? peer(directory) : chance.pick(known)
    }

    mutating func sendIndication(_ payload: [UInt8], to peer: Endpoint) -> [UInt8] {
        var builder = WireBuilder(WireMethod.send, .indication, transaction: chance.bytes(12))
        if chance.chance(3) { builder.append(WireType.dontFragment, []) }
        let dataFirst = chance.chance(20)
        if dataFirst { builder.append(WireType.data, payload) }
        builder.append(WireType.xorPeerAddress, xor: peer)
        if !dataFirst { builder.append(WireType.data, payload) }
        if habit.addsFingerprint { builder.appendFingerprint() }
        return builder.bytes
    }
}
