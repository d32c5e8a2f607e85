import IOURing
import STUN
import TURN
import Testing

@testable import RelayLoop

/// What a client of a TCP allocation does (RFC 6062).
extension LoopbackClient {
    /// Allocates over TCP and lets peers of one host in; returns the relayed address.
    func allocateTCP(permitting host: SocketAddress) throws -> SocketAddress {
        let answer = try ask(.allocate, [(.requestedTransport, .uint32(6 << 24))])
        try permit(host)
        return try #require(answer.relayed)
    }

    /// Asks for a connection to a peer; returns its id.
    func connectTCP(to peer: SocketAddress) throws -> UInt32 {
        try #require(try askToConnect(to: peer).connectionID)
    }

    func askToConnect(to peer: SocketAddress) throws -> Answer {
        try ask(.connect, [(.xorPeerAddress, .address(peer))])
    }

    /// Waits for a peer's connection; returns its id and where it comes from.
    func attempt() throws -> (id: UInt32, peer: SocketAddress) {
        let bytes = try #require(socket.receive())
        return try #require(Self.attempt(in: bytes))
    }

    private static func attempt(in bytes: [UInt8]) -> (id: UInt32, peer: SocketAddress)? {
        guard let message = Message(bytes.span.bytes),
            message.type == MessageType(.connectionAttempt, .indication),
            let attribute = message.first(.connectionID), let id = message.uint32(attribute),
            let peer = message.first(.xorPeerAddress),
            let address = message.xorAddress(peer)
        else { return nil }
        return (id, SocketAddress(address))
    }

    /// The request with which a data connection begins.
    func bindRequest(_ id: UInt32) -> [UInt8] {
        let transaction = TransactionID(high: 62, low: UInt64(id))
        return message(.connectionBind, .request, transaction, [(.connectionID, .uint32(id))])
    }

    /// Binds a new connection to a peer's; returns it, ready to carry bytes.
    func bind<Stream: FarBytes>(_ id: UInt32, over stream: Stream) throws -> Stream {
        try stream.write(bindRequest(id))
        try #require(stream.receive(milliseconds: 30_000)?.prefix(2) == [1, 0x0B])
        return stream
    }
}

extension LoopbackRelay {
    /// A relay that relays TCP too.
    static func withTCP(
        threads: Int = 1,
        tls: TLSContexts = TLSContexts(),
        _ configure: (inout RelayThreadConfiguration) -> Void = { _ in }
    ) throws -> LoopbackRelay {
        try LoopbackRelay(threads: threads, tls: tls) {
            $0.streamListeners = $0.listeners
            $0.connections.connections = 256
            $0.server.relaysTCP = true
            configure(&$0)
        }
    }
}

/// Bytes that look different everywhere.
func noise(_ count: Int, seed: UInt64) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
        state ^= state &<< 13
        state ^= state &>> 7
        state ^= state &<< 17
        return UInt8(truncatingIfNeeded: state &>> 32)
    }
}
