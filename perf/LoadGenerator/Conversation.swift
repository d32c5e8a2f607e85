/// Many clients asking one server at once: a bounded number of questions in flight, each repeated until answered.

import CLoad
import Glibc

/// How a round of questions went.
struct RoundResult {
    var granted = 0
    /// Refusals by error code; code 0: no answer after all repetitions.
    var refused: [Int: Int] = [:]
    var repetitions = 0
    var nanoseconds: UInt64 = 0

    /// The codes and how often each came, as text; empty when all was granted.
    var refusals: String {
        refused.sorted { $0.key < $1.key }.map { "\($0.key)x\($0.value)" }.joined(separator: " ")
    }
}

struct Conversation: ~Copyable {
    private static let patience: UInt64 = 500_000_000
    private static let attempts = 7

    /// A question that was sent: whose, its bytes, and when to repeat it.
    private struct Question {
        var client: Int
        var bytes: [UInt8]
        var attempt: Int
        var deadline: UInt64
    }

    private let socket: Int32
    private let server: Endpoint
    private var inbox: Inbox
    private var credentials: Credentials
    private(set) var clients: [Client]
    /// For each client, the question that it waits for; nil when it waits for none.
    private var waiting: [Question?]
    private var questions: [Question] = []
    private var firstQuestion = 0

    init(socket: Int32, server: Endpoint, credentials: Credentials, clients count: Int) throws {
        inbox = try Inbox(socket: socket, depth: 32)
        self.socket = socket
        self.server = server
        self.credentials = credentials
        clients = (0..<count).map { Client(index: $0) }
        waiting = [Question?](repeating: nil, count: count)
    }

    /// Every client asks once.
    ///
    /// At most `window` wait at a time; `rate` new ones a second, 0: as fast as answers come.
    mutating func round(window: Int, rate: Double = 0, wish: (Client) -> Wish) -> RoundResult {
        var result = RoundResult()
        var started = 0
        var open = 0
        let begin = monotonicNanoseconds()
        while started < clients.count || open > 0 {
            let now = monotonicNanoseconds()
            let due = rate > 0 ? Int(Double(now - begin) * rate / 1e9) + 1 : clients.count
            while started < min(due, clients.count), open < window {
                ask(started, wish, at: now)
                started += 1
                open += 1
            }
            open -= drain(wish, &result)
            open -= repeatOverdue(at: now, &result)
        }
        result.nanoseconds = monotonicNanoseconds() - begin
        questions.removeAll()
        firstQuestion = 0
        return result
    }

    private mutating func ask(_ index: Int, _ wish: (Client) -> Wish, at now: UInt64) {
        let bytes = clients[index].request(wish(clients[index]), credentials: &credentials)
        send(Question(client: index, bytes: bytes, attempt: 0, deadline: now), at: now)
    }

    private mutating func send(_ question: Question, at now: UInt64) {
        var question = question
        question.deadline = now + Conversation.patience
        waiting[question.client] = question
        questions.append(question)
        question.bytes.withUnsafeMutableBytes { buffer in
            var part = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
            withUnsafeMutablePointer(to: &part) { part in
                var datagram = load_outgoing(
                    source: Population.client(question.client),
                    destination: server.address,
                    destination_port: server.port,
                    segment: 0,
                    part_count: 1,
                    parts: part
                )
                // A send that fails is a lost question: it is repeated like one.
                _ = load_send(socket, &datagram, 1)
            }
        }
    }

    /// Takes in the answers that are there.
    ///
    /// Returns how many clients are through.
    private mutating func drain(_ wish: (Client) -> Wish, _ result: inout RoundResult) -> Int {
        var finished = 0
        for position in 0..<inbox.receive() {
            let datagram = inbox[position]
            let index = Population.index(of: datagram.destination)
            guard index < clients.count, waiting[index] != nil,
                let message = MessageView(datagram.bytes, count: Int(datagram.count))
            else { continue }
            switch clients[index].receive(message) {
            case .unrelated:
                continue
            case .askAgain:
                ask(index, wish, at: monotonicNanoseconds())
                continue
            case .granted:
                result.granted += 1
            case .refused(let code):
                result.refused[code, default: 0] += 1
            }
            waiting[index] = nil
            finished += 1
        }
        return finished
    }

    /// Repeats, byte by byte the same, what has waited too long.
    ///
    /// Returns how many clients gave up.
    private mutating func repeatOverdue(at now: UInt64, _ result: inout RoundResult) -> Int {
        var gaveUp = 0
        while firstQuestion < questions.count, questions[firstQuestion].deadline <= now {
            var question = questions[firstQuestion]
            firstQuestion += 1
            guard waiting[question.client]?.deadline == question.deadline else { continue }
            question.attempt += 1
            if question.attempt < Conversation.attempts {
                result.repetitions += 1
                send(question, at: now)
            } else {
                waiting[question.client] = nil
                result.refused[0, default: 0] += 1
                gaveUp += 1
            }
        }
        return gaveUp
    }
}
