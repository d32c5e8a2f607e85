/// The opening handshake (RFC 6455, 4.2): who gets a WebSocket, and what the others are told.

import Testing

@testable import RelayLoop

@Suite struct RFC6455_4_2_UpgradeTests {
    private let fields = [
        "Host: relay.example", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
    ]

    private func request(_ fields: [String]) -> [UInt8] {
        request("GET /turn HTTP/1.1", fields)
    }

    private func request(_ line: String, _ fields: [String]) -> [UInt8] {
        Array(([line] + fields).map { $0 + "\r\n" }.joined().utf8) + Array("\r\n".utf8)
    }

    /// The fields with one replaced, or with one more.
    private func with(_ field: String) -> [String] {
        let name = field.prefix { $0 != ":" }
        return fields.filter { !$0.hasPrefix(name + ":") } + [field]
    }

    private func without(_ name: String) -> [String] {
        fields.filter { !$0.hasPrefix(name + ":") }
    }

    private func judge(_ bytes: [UInt8]) -> WebSocketUpgrade {
        WebSocketUpgrade(bytes.span.bytes, path: "/turn")
    }

    /// What a request is refused with; nil when it is not.
    private func refusal(_ fields: [String]) -> HTTPRefusal? {
        refusal("GET /turn HTTP/1.1", fields)
    }

    private func refusal(_ line: String, _ fields: [String]) -> HTTPRefusal? {
        guard case .refused(let refusal) = judge(request(line, fields)) else { return nil }
        return refusal
    }

    /// The answer to a request that is accepted, with how many of its bytes were the request.
    private func answer(_ bytes: [UInt8]) -> (text: String, count: Int)? {
        guard case .accepted(let key, let speaksTURN, let count) = judge(bytes) else { return nil }
        let text = written { WebSocketUpgrade.accept(key: key, speaksTURN: speaksTURN, in: &$0) }
        return (text, count)
    }

    private func written(_ write: (inout MutableRawSpan) -> Int) -> String {
        var room = [UInt8](repeating: 0, count: WebSocketUpgrade.longestAnswer)
        var span = room.mutableSpan
        var bytes = span.mutableBytes
        let count = write(&bytes)
        return String(decoding: room.prefix(count), as: UTF8.self)
    }

    @Test func theExampleOfSection1_3IsAnswered() {
        let bytes = request(fields)
        #expect(answer(bytes + [0x82])?.count == bytes.count)
        #expect(
            answer(bytes)?.text == """
                HTTP/1.1 101 Switching Protocols\r
                Upgrade: websocket\r
                Connection: Upgrade\r
                Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
                \r\n
                """
        )
    }

    @Test func theProtocolIsChosenWhereItIsOffered() {
        for offered in ["turn", "TURN", "x, turn", "x ,\tturn ,y"] {
            let text = answer(request(with("Sec-WebSocket-Protocol: \(offered)")))?.text
            #expect(text?.contains("\r\nSec-WebSocket-Protocol: turn\r\n") == true, "\(offered)")
        }
        for offered in ["", "x", "turns", "x y"] {
            let text = answer(request(with("Sec-WebSocket-Protocol: \(offered)")))?.text
            #expect(text?.contains("Sec-WebSocket-Protocol") == false, "\(offered)")
        }
    }

    @Test func fieldsMayBeWrittenInOtherWays() {
        let lines = [
            "hOST:relay.example:443", "UPGRADE: \t WebSocket  ", "connection: keep-alive, upgrade",
            "sec-websocket-key:dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-version: 13",
            "Origin: https://a.example", "X-Empty:",
        ]
        #expect(answer(request(lines)) != nil)
        let split = without("Upgrade") + ["Upgrade: h2c", "Upgrade: websocket"]
        #expect(answer(request(split)) != nil)
        for target in ["/turn?token=1", "http://relay.example/turn", "HTTPS://a:1/turn?b"] {
            #expect(answer(request("GET \(target) HTTP/1.1", fields)) != nil, "\(target)")
        }
    }

    @Test func everyCutNeedsMore() {
        let bytes = request(fields)
        for count in bytes.indices {
            guard case .needsMore = judge(Array(bytes.prefix(count))) else {
                Issue.record("\(count) bytes")
                return
            }
        }
    }

    @Test func otherPathsAndMethodsAreRefused() {
        for target in ["/", "/turn/", "/turns", "/TURN", "*", "http://relay.example"] {
            #expect(refusal("GET \(target) HTTP/1.1", fields) == .notFound, "\(target)")
        }
        for method in ["POST", "get", "OPTIONS", "G"] {
            #expect(refusal("\(method) /turn HTTP/1.1", fields) == .methodNotAllowed, "\(method)")
        }
    }

    @Test func whoDoesNotAskForAWebSocketIsToldTo() {
        #expect(refusal(without("Upgrade")) == .upgradeRequired)
        #expect(refusal(with("Upgrade: h2c")) == .upgradeRequired)
        #expect(refusal(with("Sec-WebSocket-Version: 8")) == .upgradeRequired)
        #expect(refusal(without("Sec-WebSocket-Version")) == .upgradeRequired)
        #expect(refusal(fields + ["Sec-WebSocket-Version: 13"]) == .upgradeRequired)
    }

    @Test(arguments: [
        "Connection: keep-alive", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ!!", "Sec-WebSocket-Key: ", "Content-Length: 5",
        "Transfer-Encoding: chunked", "Bad Name: x", "NoColon", ": x", "Name : x", " folded: x",
        "X: a\u{1}b", "X: a\rb", "X: a\nb",
    ])
    func brokenRequestsAreRefused(field: String) {
        #expect(refusal(with(field)) == .badRequest)
    }

    @Test func brokenLinesAreRefused() {
        for line in [
            "GET /turn HTTP/1.0", "GET /turn HTTP/2.0", "GET /turn", "GET  /turn HTTP/1.1",
            " GET /turn HTTP/1.1", "GET /turn HTTP/1.1 ", "GET\t/turn HTTP/1.1", "",
            "\u{16}\u{3}\u{1}",
            "GET /turn http/1.1", "GET /tu\u{7F}rn HTTP/1.1", "G(T /turn HTTP/1.1",
        ] {
            #expect(refusal(line, fields) == .badRequest, "\(line)")
        }
    }

    @Test func thereIsOneHostAndOneKey() {
        for name in ["Host", "Sec-WebSocket-Key", "Connection"] {
            #expect(refusal(without(name)) == .badRequest, "\(name)")
        }
        #expect(refusal(fields + ["Host: b"]) == .badRequest)
        #expect(refusal(fields + [fields[3]]) == .badRequest)
    }

    /// SSH and mail, for example, begin with capital letters too, and were waited for until their time was over.
    @Test(arguments: [
        "SSH-2.0-OpenSSH_9.9", "SSH-2.0-Go\r\n", "HELO a\r\n", "GET /turn\r\n",
        "GET /turn HTTP/2.0\r\n", "G\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "A/B", "LETTERSWITHOUTEND",
    ])
    func whatCannotBecomeARequestIsRefusedAtOnce(text: String) {
        guard case .refused(.badRequest) = judge(Array(text.utf8)) else {
            Issue.record("is waited for")
            return
        }
    }

    @Test func aRequestHasABound() {
        let filler = "X: " + String(repeating: "x", count: 8192 - request(fields).count - 5)
        #expect(request(fields + [filler]).count == WebSocketUpgrade.longestRequest)
        #expect(refusal(fields + [filler]) == nil)
        #expect(refusal(fields + [filler + "x"]) == .tooLarge)
        let endless = Array("GET /".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: 8187)
        guard case .needsMore = judge(Array(endless.dropLast())) else {
            Issue.record("gave up early")
            return
        }
        guard case .refused(.tooLarge) = judge(endless) else {
            Issue.record("did not give up")
            return
        }
    }

    @Test func refusalsSayWhatTheyHaveTo() {
        let expected: [(HTTPRefusal, [String])] = [
            (.badRequest, ["HTTP/1.1 400 "]), (.notFound, ["HTTP/1.1 404 "]),
            (.methodNotAllowed, ["HTTP/1.1 405 ", "\r\nAllow: GET\r\n"]),
            (
                .upgradeRequired,
                [
                    "HTTP/1.1 426 ", "\r\nUpgrade: websocket\r\n",
                    "\r\nSec-WebSocket-Version: 13\r\n",
                ]
            ),
            (.tooLarge, ["HTTP/1.1 431 "]),
        ]
        for (refusal, parts) in expected {
            let text = written { refusal.write(in: &$0) }
            for part in parts + ["\r\nContent-Length: 0\r\n", "\r\nConnection: close\r\n"] {
                #expect(text.contains(part), "\(text)")
            }
            #expect(text.hasSuffix("\r\n\r\n"))
        }
    }

    @Test func noBytesTrap() {
        let seed = UInt64.random(in: .min ... .max)
        var random = Seeded(seed)
        let good = request(with("Sec-WebSocket-Protocol: x, turn"))
        for _ in 0..<3000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                let position = Int.random(in: bytes.indices, using: &random)
                switch random.next() % 3 {
                case 0: bytes[position] = UInt8(random.next() & 127)
                case 1: bytes.remove(at: position)
                default: bytes.insert(contentsOf: [13, 10], at: position)
                }
            }
            if case .accepted(_, _, let count) = judge(bytes) {
                #expect(count <= bytes.count, "seed \(seed)")
            }
        }
    }

    @Test func onASharedPortOthersAreLeftToAnotherServerByTheirFirstLine() {
        func asks(_ text: String) -> Bool? {
            HTTPRequestHead.asks(Array(text.utf8).span.bytes, for: "/turn")
        }
        for line in [
            "GET /turn ", "POST /turn?a=b HTTP/1.1", "GET http://a.test/turn\r", "A /turn\n",
        ] {
            #expect(asks(line) == true, "\(line)")
        }
        for line in [
            "GET / ", "GET /turns HTTP/1.1", "GET /turn/ ", "HELLO\r", "\n", "GET  /turn ",
        ] {
            #expect(asks(line) == false, "\(line)")
        }
        for line in ["", "GET", "GET ", "GET /turn", "GET /elsewhere"] {
            #expect(asks(line) == nil, "\(line)")
        }
        guard
            case .elsewhere = WebSocketUpgrade(
                request("GET / HTTP/1.1", fields).span.bytes,
                path: "/turn",
                true
            )
        else {
            Issue.record("a request for another path was not left to another server")
            return
        }
    }
}
