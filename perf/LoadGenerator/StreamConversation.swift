/// Clients over TCP or TLS asking their server, one after the other; a stream repeats nothing.

import CLoad

struct StreamConversation {
    private var credentials: Credentials
    private(set) var clients: [Client]

    init(credentials: Credentials, clients count: Int) {
        self.credentials = credentials
        clients = (0..<count).map { Client(index: $0) }
    }

    /// One client asks until it has what it wants.
    mutating func ask(_ index: Int, _ wish: Wish, over streams: inout Streams) throws {
        while true {
            streams.append(
                clients[index].request(wish, credentials: &credentials),
                to: index
            )
            switch try answer(index, over: &streams) {
            case .granted: return
            case .askAgain: continue
            case .refused(let code):
                throw Failure("the server refused client \(index): \(code)")
            case .unrelated:
                throw Failure("client \(index) got an answer to something else")
            }
        }
    }

    /// Waits for the next message.
    private mutating func answer(_ index: Int, over streams: inout Streams) throws -> Outcome {
        let deadline = monotonicNanoseconds() + Streams.patience
        while monotonicNanoseconds() < deadline {
            streams.flush()
            _ = streams.read(index)
            let (start, count) = streams.bytes(index)
            guard case .message(let content, let whole) = StreamFrame(start, count: count) else {
                continue
            }
            defer { streams.take(whole, from: index) }
            guard let message = MessageView(start, count: content) else { return .unrelated }
            return clients[index].receive(message)
        }
        throw Failure("client \(index) got no answer")
    }
}
