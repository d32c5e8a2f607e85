/// One pass of a relay thread, and what is checked after it.

import RelayLoop
import TURN

extension World {
    /// The time as the server is told.
    var serverTime: Now {
        Now(
            monotonic: Instant(nanoseconds: now),
            unixSeconds: scenario.unixSeconds(at: now)
        )
    }

    /// Hands over what arrived, expires, sends, and holds the result against the model.
    func pass(_ index: Int) throws(Violation) {
        let thread = threads[index]
        var inputs: [Input] = []
        model.now = now
        model.thread = index
        model.isDraining = isDraining
        thread.engine.isDraining = isDraining
        model.outputs = Outputs()
        model.passedOn = []
        model.boundPorts = ledger.bound
        ledger.changed = []
        let lost = thread.engine.statistics.dropsHandover
        let readsLettersFirst = thread.letters.isEmpty || chance.chance(50)
        if readsLettersFirst { receiveLetters(of: index, &inputs) }
        receiveArrivals(of: index, &inputs)
        if !readsLettersFirst { receiveLetters(of: index, &inputs) }
        model.lostWords = thread.engine.statistics.dropsHandover - lost
        let isExpiring = plannedExpiry[index].map { now >= $0 } ?? true
        if isExpiring {
            plannedExpiry[index] = nil
            thread.engine.expire(at: serverTime, opener: &thread.sockets)
            thread.sockets.expireReservations(at: serverTime)
        }
        thread.engine.endPass()
        thread.engine.sendHandovers(through: post)
        _ = readNews()
        while let image = thread.nextSend() {
            if image.isDontFragment && !scenario.canSetDontFragment {
                thread.engine.complete(image.slot, result: -1)
                continue
            }
            for bytes in image.datagrams { model.outputs.append(bytes, to: image.flow) }
            submit(image, of: index)
        }
        try check(inputs, thread, isExpiring: isExpiring)
        thread.lendBuffers()
        planNext(thread)
    }

    private func receiveArrivals(of index: Int, _ inputs: inout [Input]) {
        while true {
            let isCoalescing = scenario.network.isCoalescing && !chance.chance(10)
            let train = threads[index].receiveNext(isCoalescing: isCoalescing, at: serverTime)
            if train.isEmpty { return }
            for arrival in train {
                note(
                    "thread \(index) \(arrival.socket) from \(arrival.source): \(hex(arrival.bytes))"
                )
                inputs.append(input(arrival, of: index))
            }
        }
    }

    private func input(_ arrival: Arrival, of thread: Int) -> Input {
        switch arrival.socket {
        case .listener(let listener):
            let fiveTuple = FiveTuple(thread: thread, listener: listener, client: arrival.source)
            return Input(origin: .client(fiveTuple), bytes: arrival.bytes)
        case .relay(let relay):
            let name = RelayName(thread: thread, index: relay)
            if let error = arrival.error {
                return Input(origin: .error(error, about: arrival.source, name), bytes: [])
            }
            return Input(origin: .peer(arrival.source, name), bytes: arrival.bytes)
        }
    }

    private func check(
        _ inputs: [Input],
        _ thread: ServerThread,
        isExpiring: Bool
    ) throws(Violation) {
        model.socketEvents[thread.index] = thread.sockets.events[...]
        model.changedPorts = ledger.changed
        for input in inputs { try model.examine(input) }
        try model.finishPass()
        for relay in thread.sockets.closed { try model.closed(relay) }
        thread.sockets.events = []
        thread.sockets.closed = []
        for relay in thread.sockets.finishPass() {
            thread.engine.forgetHeir(of: RelayIndex(rawValue: relay))
        }
        if let complaint = ledger.complaint { throw Violation(complaint) }
        try thread.checkBuffers(sendsUnderWay: underWay[thread.index])
        guard isExpiring else { return }
        try model.expired(thread: thread.index)
        try checkGauges(thread)
    }

    /// What the server counts as there now is what the model has.
    private func checkGauges(_ thread: ServerThread) throws(Violation) {
        let server = thread.engine.serverStatistics
        let gauges = model.gauges(thread: thread.index)
        let counted = [
            server.allocations, server.permissions, server.channels, server.heldChannels,
        ]
        let expected = [gauges.allocations, gauges.permissions, gauges.channels, gauges.held]
        guard counted.map(Int.init) == expected else {
            throw Violation(
                "allocations, permissions, channels, held channels: "
                    + "the server counts \(counted), there are \(expected)"
            )
        }
    }

    private func planNext(_ thread: ServerThread) {
        if plannedExpiry[thread.index] == nil, let deadline = thread.engine.nextDeadline {
            let lag = chance.duration(0...scenario.expiryLag)
            plannedExpiry[thread.index] = max(deadline.nanoseconds, now) + lag
        }
        if let planned = plannedExpiry[thread.index] { planPass(thread.index, at: planned) }
        // What found no buffer or slot waits for a completion; without one, for a short while.
        if !(thread.inbox.isEmpty && thread.letters.isEmpty) && underWay[thread.index] == 0 {
            planPass(thread.index, at: now + .microseconds(1))
        }
        if !thread.sockets.leaving.isEmpty {
            planPass(thread.index, at: now + .microseconds(100))
        }
    }

    /// The kernel takes a send, or refuses it.
    private func submit(_ image: WireImage, of thread: Int) {
        let result = kernelResult(image)
        note(
            "thread \(thread) \(image.flow.socket) sends \(image.datagrams.count) to "
                + "\(image.flow.destination), result \(result): "
                + (image.datagrams.first.map(hex) ?? "")
        )
        if result >= 0 {
            for bytes in image.datagrams {
                send(bytes, from: outerSource(image), to: image.flow.destination)
            }
            planError(about: image)
        }
        underWay[thread] += 1
        let delay = chance.duration(scenario.faults.completionDelay)
        queue.plan(.completes(thread, image, result: result), at: now + delay)
    }

    /// Behind a NAT the world sees the outer relay address; our own host does not.
    private func outerSource(_ image: WireImage) -> Endpoint {
        model.isOwnAddress(image.flow.destination.address)
            ? image.source : model.externalForm(image.source)
    }

    private func kernelResult(_ image: WireImage) -> Int32 {
        let invalidArgument: Int32 = -22
        if image.flow.destination.port == 0 { return invalidArgument }
        if image.datagrams.count > 1 && chance.rarely(scenario.faults.segmentationRefused) {
            return chance.chance(50) ? -5 : invalidArgument
        }
        if chance.rarely(scenario.faults.sendRefused) {
            return chance.pick([-11, -105, -111, -1, -101, -13, -113])
        }
        return Int32(image.byteCount)
    }

    /// The kernel is done with a send: its buffers come back.
    func complete(_ index: Int, _ image: WireImage, result: Int32) throws(Violation) {
        let thread = threads[index]
        underWay[index] -= 1
        thread.engine.complete(image.slot, result: result)
        var parts: [[UInt8]] = []
        while let part = thread.nextSend() {
            guard part.flow == image.flow, part.datagrams.count == 1 else {
                throw Violation("a refused send was not split into its datagrams")
            }
            parts += part.datagrams
            submit(part, of: index)
        }
        let isRefused = image.datagrams.count > 1 && (result == -5 || result == -22)
        guard parts == (isRefused ? image.datagrams : []) else {
            throw Violation("a refused send lost or changed datagrams")
        }
        thread.lendBuffers()
        try thread.checkBuffers(sendsUnderWay: underWay[index])
    }
}
