/// What a client does wrong, on purpose.

extension VirtualClient {
    /// Makes one mistake.
    mutating func err(_ directory: inout Directory) -> [[UInt8]] {
        switch chance.below(22) {
        case 0, 1, 2: return [badlySigned(directory)]
        case 3: return [request(allocatePlan(directory))]
        case 4: return replay()
        case 5: return [request(rebinding(directory))]
        case 6, 7: return [garbage()]
        case 8, 9, 10: return [mutated(&directory)]
        case 11:
            return [
                request(
                    RequestPlan(
                        method: WireMethod.refresh,
                        contents: [.bytes(WireType.lifetime, [0, 0, 0, 0])]
                    )
                )
            ]
        case 12:
            return [
                channelData(
                    UInt16(chance.within(0x4000...0x7FFF)),
                    directory.payload(30),
                    padded: true
                )
            ]
        case 13:
            return [
                sendIndication(
                    directory.payload(chance.below(200)),
                    to: chance.pick(directory.peers)
                )
            ]
        case 14: return [request(malformed(directory))]
        case 15: return [request(permissionPlan(directory, peers: chance.within(4...20)))]
        case 16: return [request(oddAllocate(directory))]
        case 17: return strangeMessage()
        case 18, 19: return [request(badTicket(directory))]
        case 20:
            if chance.chance(40) { move() }
            return [request(allocatePlan(directory))]
        default: return [request(encodedPeer(directory))]
        }
    }

    private mutating func badlySigned(_ directory: Directory) -> [UInt8] {
        var plan = somePlan(directory)
        let defect = chance.pick(RequestPlan.Defect.allCases)
        plan.defect = defect
        guard let kept = challenge else { return request(plan) }
        switch defect {
        case .foreignNonce where !directory.nonces.isEmpty:
            challenge?.nonce = chance.pick(directory.nonces)
        case .inventedNonce:
            challenge?.nonce = chance.chance(50) ? kept.nonce.dropLast() + [65] : chance.bytes(24)
        default: break
        }
        let bytes = request(plan)
        challenge = kept
        return bytes
    }

    private mutating func somePlan(_ directory: Directory) -> RequestPlan {
        switch chance.below(4) {
        case 0: allocatePlan(directory)
        case 1: refreshPlan()
        case 2: permissionPlan(directory, peers: 1)
        default: channelPlan(directory)
        }
    }

    /// A bound number for another peer, a bound peer under another number, a number out of range.
    private mutating func rebinding(_ directory: Directory) -> RequestPlan {
        let number = someChannel() ?? 0x4000
        switch chance.below(3) {
        case 0: return bind(number, to: peer(directory))
        case 1: return bind(number &+ 1, to: channels[number] ?? peer(directory))
        default:
            let odd = chance.pick([0, 0x3FFF, 0x4FFF, 0x5000, 0x7FFE, 0x7FFF, 0x8000, 0xFFFF])
            return bind(UInt16(odd), to: peer(directory))
        }
    }

    private mutating func garbage() -> [UInt8] {
        var bytes = chance.bytes(chance.pick([0, 1, 3, 4, 19, 20, 28, 60, 300]))
        guard !bytes.isEmpty, chance.chance(70) else { return bytes }
        bytes[0] = chance.pick([0, 1, 0x40, 0x4F, 0x16, 0xFF])
        if bytes.count >= 20 && chance.chance(80) {
            bytes.replaceSubrange(4..<8, with: magicCookie)
            setLength(of: &bytes, to: bytes.count - 20)
            bytes[1] = chance.pick([1, 3, 4, 8, 9, 0x16])
        }
        return bytes
    }

    /// A good datagram with a few bytes changed, cut or added.
    private mutating func mutated(_ directory: inout Directory) -> [UInt8] {
        let good =
            chance.chance(50)
            ? [request(somePlan(directory))]
            : data(&directory)
        guard var bytes = good.first, !bytes.isEmpty else { return [] }
        for _ in 0..<chance.within(1...4) {
            guard !bytes.isEmpty else { break }
            let place = chance.below(bytes.count)
            switch chance.below(6) {
            case 0: bytes.removeLast(chance.within(1...min(bytes.count, 8)))
            case 1: bytes += chance.bytes(chance.within(1...8))
            case 2: bytes[place] ^= 1 << UInt8(chance.below(8))
            case 3: bytes[min(place, 40) % bytes.count] = chance.pick([0, 0xFF, 0x80])
            default: bytes[place] = UInt8(chance.below(256))
            }
        }
        return bytes
    }

    /// Rightly signed, and wrong inside.
    private mutating func malformed(_ directory: Directory) -> RequestPlan {
        var plan = somePlan(directory)
        switch chance.below(5) {
        case 0: plan.contents = []
        case 1:
            plan.contents.append(
                .bytes(chance.pick([0x7F01, 0x7001, 0x0456]), chance.bytes(chance.below(9)))
            )
        case 2: plan.contents.append(.bytes(0xC000, chance.bytes(5)))
        case 3:
            plan.contents.insert(
                .bytes(WireType.xorPeerAddress, chance.bytes(chance.below(12))),
                at: 0
            )
        default:
            let type = chance.pick([
                WireType.lifetime, WireType.channelNumber, WireType.requestedTransport,
            ])
            plan.contents.insert(.bytes(type, chance.bytes(chance.below(7))), at: 0)
        }
        return plan
    }

    private mutating func oddAllocate(_ directory: Directory) -> RequestPlan {
        var plan = allocatePlan(directory)
        switch chance.below(6) {
        case 0: plan.contents[0] = .bytes(WireType.requestedTransport, [6, 0, 0, 0])
        case 1:
            plan.contents.append(
                .bytes(WireType.reservationToken, chance.bytes(chance.pick([8, 8, 5])))
            )
        case 2:
            plan.contents.append(
                .bytes(WireType.requestedAddressFamily, [UInt8(chance.below(4)), 0, 0, 0])
            )
        case 3: plan.contents.append(.bytes(WireType.evenPort, [0x80]))
        case 4:
            plan.contents.insert(
                .bytes(WireType.requestedAddressFamily, [chance.pick([1, 2]), 0, 0, 0]),
                at: 0
            )
        default: plan.contents = [.bytes(WireType.evenPort, [0x80])]
        }
        return plan
    }

    /// Responses, indications and methods that no client sends to a server.
    private mutating func strangeMessage() -> [[UInt8]] {
        let method = chance.pick([
            WireMethod.binding, WireMethod.allocate, WireMethod.send, WireMethod.data, 0x00A, 0x00B,
            0x00C, 0x123,
        ])
        let messageClass = chance.pick([WireClass.request, .indication, .success, .error])
        var builder = WireBuilder(method, messageClass, transaction: chance.bytes(12))
        if chance.chance(50) { builder.append(WireType.lifetime, [0, 0, 0, 0]) }
        return [builder.bytes]
    }

    /// A peer written in an unusual form, or one that must not be reached.
    private mutating func encodedPeer(_ directory: Directory) -> RequestPlan {
        let known = chance.pick(directory.peers)
        let target = chance.pick([
            known.address.mapped, Address(127, 0, 0, 1), Address(127, 0, 0, 1).mapped,
            Address(10, 0, 0, 5), Address(192, 168, 1, 1), Address(169, 254, 169, 254),
            Address(0, 0, 0, 0), Address(169, 254, 169, 254).mapped,
            Address(ipv6High: 0, low: 1), Address(ipv6High: 0xFE80_0000_0000_0000, low: 1),
            Address(ipv6High: 0x2002_7F00_0001_0000, low: 0), Address(224, 0, 0, 1),
        ])
        let peer = Endpoint(address: target, port: known.port)
        if chance.chance(50) { return bind(UInt16(0x4000 + chance.below(12)), to: peer) }
        return RequestPlan(method: WireMethod.createPermission, contents: [.peer(peer)])
    }
}
