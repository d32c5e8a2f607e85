/// The way between relay threads: every word is seen, and some find no room.

import RelayLoop
import TURN

/// A word on its way.
struct Letter {
    let handover: Handover
    let sender: Int
    let receiver: Int

    /// Datagrams that it may make, at most.
    var datagrams: Int {
        switch handover {
        case .train(let train): train.datagrams.count
        default: 1
        }
    }
}

/// Mailboxes whose deliveries are events of the world.
final class SimulatedPost: HandoverCarrier {
    let threads: Int
    private let refused: Int
    private var chance: SeededGenerator
    /// Sent and not yet looked at by the world, those without room included.
    private var news: [(letter: Letter, isTaken: Bool)] = []

    init(_ scenario: Scenario, _ chance: SeededGenerator) {
        threads = scenario.threads
        refused = scenario.faults.handoverRefused
        self.chance = chance
    }

    func send(_ handover: Handover, from sender: Int, to receiver: Int) -> Bool {
        let isTaken = !chance.rarely(refused)
        let letter = Letter(handover: handover, sender: sender, receiver: receiver)
        news.append((letter, isTaken))
        return isTaken
    }

    /// What was sent since the last call.
    func takeNews() -> [(letter: Letter, isTaken: Bool)] {
        defer { news = [] }
        return news
    }
}
