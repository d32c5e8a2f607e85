/// What relay threads say to each other, seen from outside.

import RelayLoop
import STUN
import TURN

extension World {
    /// Hands a thread what others sent it, and notes what it sends because of that.
    func receiveLetters(of index: Int, _ inputs: inout [Input]) {
        let thread = threads[index]
        while let letter = thread.receiveNextLetter(through: post, at: serverTime) {
            note("thread \(index) hears from thread \(letter.sender): \(words(letter.handover))")
            let before = model.passedOn.count
            let leaving = readNews()
            let isPassed = model.passedOn.count > before
            if isPassed { model.passedOn.removeLast() }
            inputs += self.inputs(letter.handover, isPassedFurther: isPassed, at: thread)
            for client in leaving { inputs.append(Input(origin: .leaves(client), bytes: [])) }
        }
    }

    /// Looks at what was sent, and plans its arrival.
    ///
    /// - Returns: the clients whose allocations go to their threads.
    func readNews() -> [FiveTuple] {
        var leaving: [FiveTuple] = []
        for (letter, isTaken) in post.takeNews() {
            switch letter.handover {
            case .message(let bytes, let client, _, _),
                .returned(let bytes, let client, _):
                model.passedOn.append((modelled(client), bytes))
            case .answer(let bytes, let client, _):
                // It will leave through another thread, and is judged where it was made.
                if !bytes.isEmpty { model.outputs.append(bytes, to: modelled(client).flow) }
            case .allocation(_, let client, let ipv4, let ipv6):
                guard isTaken else { break }
                leaving.append(modelled(client))
                travelling += [ipv4, ipv6].compactMap { $0.flatMap { ledger.open[$0] } }
            case .delivery, .train, .several: break
            }
            guard isTaken else { continue }
            let pair = letter.sender * threads.count + letter.receiver
            let delay = chance.duration(scenario.faults.handoverDelay)
            lastLetter[pair] = max(lastLetter[pair] ?? 0, now + delay)
            queue.plan(.hears(letter), at: lastLetter[pair] ?? now)
        }
        return leaving
    }

    /// A word of several comes as so many.
    func hear(_ letter: Letter) {
        var handovers = [letter.handover]
        if case .several(let all) = letter.handover { handovers = all }
        threads[letter.receiver].letters += handovers.map {
            Letter(handover: $0, sender: letter.sender, receiver: letter.receiver)
        }
        planPass(letter.receiver, at: now)
    }

    /// The client as the model names it.
    private func modelled(_ client: TURN.FiveTuple) -> FiveTuple {
        let listener = Int(client.listener.rawValue)
        let place = Endpoint(client.client)
        return FiveTuple(thread: home(of: place, listener), listener: listener, client: place)
    }

    private func inputs(
        _ handover: Handover,
        isPassedFurther: Bool,
        at thread: ServerThread
    ) -> [Input] {
        switch handover {
        case .message(let bytes, let client, _, let hopsLeft):
            let client = modelled(client)
            let origin: Input.Origin =
                isPassedFurther
                ? .passedFurther(client, wasAsked: hopsLeft != nil) : .passedOn(client)
            return [Input(origin: origin, bytes: bytes)]
        case .returned(let bytes, let client, let isFinal):
            let origin = Input.Origin.returned(
                modelled(client),
                isFinal: isFinal,
                isAsking: isPassedFurther
            )
            return [Input(origin: origin, bytes: bytes)]
        case .answer(let bytes, let client, let owner):
            return [Input(origin: .answer(modelled(client), isOwner: owner != nil), bytes: bytes)]
        case .allocation(_, let client, let ipv4, let ipv6):
            return [arrival(of: modelled(client), [ipv4, ipv6].compactMap(\.self), thread)]
        case .train(let train):
            let client = modelled(train.client)
            let source = Endpoint(train.source)
            return train.datagrams.map {
                let origin = Input.Origin.follows(source, client, train.family.rawValue)
                return Input(origin: origin, bytes: $0)
            }
        case .delivery, .several: return []
        }
    }

    private func arrival(
        of client: FiveTuple,
        _ descriptors: [Int32],
        _ thread: ServerThread
    ) -> Input {
        let adopted = thread.sockets.sockets.filter { descriptors.contains($0.value.descriptor) }
        travelling.removeAll { place in adopted.values.contains { $0.endpoint == place } }
        let names = adopted.map { index, socket in
            (socket.endpoint.address.familyCode, RelayName(thread: thread.index, index: index))
        }
        let isClosed = names.contains { thread.sockets.closed.contains($0.1) }
        let byFamily = Dictionary(uniqueKeysWithValues: names)
        return Input(origin: .arrives(client, byFamily, isInstalled: !isClosed), bytes: [])
    }

    private func words(_ handover: Handover) -> String {
        switch handover {
        case .message(let bytes, let client, _, let hops):
            "message of \(client), \(hops.map { "\($0) hops left" } ?? "as promised"): \(hex(bytes))"
        case .returned(let bytes, let client, _): "returned message of \(client): \(hex(bytes))"
        case .answer(let bytes, let client, let owner):
            "answer to \(client), owner \(owner.map { "\($0)" } ?? "none"): \(hex(bytes))"
        case .allocation(_, let client, _, _): "allocation of \(client)"
        case .delivery(let bytes, let client): "delivery to \(client): \(hex(bytes))"
        case .train(let train): "train for \(train.client): \(hex(train.bytes))"
        case .several(let all): "\(all.count) words"
        }
    }
}

extension PassedTrain {
    /// The datagrams that it is made of.
    var datagrams: [[UInt8]] {
        if segmentSize == 0 || bytes.isEmpty { return [bytes] }
        return stride(from: 0, to: bytes.count, by: segmentSize).map {
            Array(bytes[$0..<min($0 + segmentSize, bytes.count)])
        }
    }
}
