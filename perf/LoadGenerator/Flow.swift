/// One client, its peer, and what stands between them.

import CLoad
import Glibc

/// An IPv4 address and a port, as numbers.
struct Endpoint: Equatable {
    var address: UInt32
    var port: UInt16

    static let loopback: UInt32 = 0x7F00_0001

    /// The address in the text form of inet_pton(3); nil when it is none.
    init?(_ text: String, port: UInt16) {
        var raw = in_addr()
        guard inet_pton(AF_INET, text, &raw) == 1 else { return nil }
        self.init(address: UInt32(bigEndian: raw.s_addr), port: port)
    }

    init(address: UInt32, port: UInt16) {
        self.address = address
        self.port = port
    }
}

/// Clients and peers tell themselves apart by their loopback address: the low 16 bits are the index.
///
/// So one socket can be all the clients, and one all the peers.
enum Population {
    static let limit = 65_536

    static func client(_ index: Int) -> UInt32 { UInt32(load_first_client) | UInt32(index) }
    static func peer(_ index: Int) -> UInt32 { UInt32(load_first_peer) | UInt32(index) }
    static func index(of address: UInt32) -> Int { Int(address & 0xFFFF) }
}

/// The bytes around a payload that a client sends.
struct Framing {
    /// Lives as long as the program.
    let prefix: UnsafeRawPointer
    let prefixCount: Int
    let paddingCount: Int

    init(prefix: [UInt8], paddingCount: Int) {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(1, prefix.count), alignment: 8)
        memory.copyMemory(from: prefix, byteCount: prefix.count)
        self.prefix = UnsafeRawPointer(memory)
        self.prefixCount = prefix.count
        self.paddingCount = paddingCount
    }

    /// Nothing around it: what peers send, and what the bare forwarder gets.
    static func none() -> Framing { Framing(prefix: [], paddingCount: 0) }

    /// ChannelData (RFC 8656 12.4), with the padding that streams need and UDP does not.
    static func channel(_ channel: UInt16, payloadCount: Int, over transport: Transport) -> Framing
    {
        Framing(
            prefix: channel.bytes + UInt16(payloadCount).bytes,
            paddingCount: transport == .udp ? 0 : (4 - payloadCount % 4) % 4
        )
    }

    /// A Send indication (RFC 8656 11.1): XOR-PEER-ADDRESS, then DATA last, so that the payload follows its head.
    static func indication(to peer: Endpoint, payloadCount: Int) -> Framing {
        var message = MessageBuilder(.sendIndication, transaction: .random())
        message.append(.xorPeerAddress, peer.xored)
        message.appendHead(of: .data, count: payloadCount)
        return Framing(prefix: message.bytes, paddingCount: (4 - payloadCount % 4) % 4)
    }
}

struct Flow {
    let client: Endpoint
    let peer: Endpoint
    /// Where the client sends to.
    let server: Endpoint
    /// Where the peer sends to.
    let relay: Endpoint
    /// Around what the client sends.
    let framing: Framing
    /// The channel on which the client gets the peer's datagrams; 0: in Data indications, or bare.
    let channel: UInt16
}
