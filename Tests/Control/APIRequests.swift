/// Requests for tests of what stands on HTTP, and answers read back.

import Exchange
import FoundationEssentials
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import STUN
import TURN

@testable import Control

/// A request to a target such as `/api/v1/rooms?limit=1`, from an address that is not this machine's unless told.
func makeRequest(
    _ target: String,
    method: HTTPMethod = .GET,
    headers: HTTPHeaders = ["Host": "turn.example.org:8080"],
    body: String = "",
    from address: String = "198.51.100.7",
    isLocal: Bool = false,
    isEncrypted: Bool = false,
    at time: Now = .current
) -> Request {
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let query = parts.count == 2 ? String(parts[1]) : ""
    return Request(
        method: method,
        path: String(parts[0]),
        segments: parts[0].split(separator: "/").map(String.init),
        query: query.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), parts.count == 2 ? String(parts[1]) : "")
        },
        headers: headers,
        body: ByteBuffer(string: body),
        peer: Peer(address: IPAddress(address), isLocal: isLocal, isEncrypted: isEncrypted),
        time: time
    )
}

extension ControlContext {
    /// What routes stand on, without relay threads.
    convenience init(_ configuration: ControlConfiguration) {
        self.init(
            configuration,
            relay: RelayView(),
            eventLoop: EmbeddedEventLoop(),
            log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        )
    }
}

extension Response {
    /// The body as a type.
    func decoded<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(body.readableBytesView))
    }
}
