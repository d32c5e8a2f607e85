/// Reading and writing messages.

import STUN

/// Measures the readers and the writer.
func measureSTUN(_ report: inout Report) throws {
    let binding = Samples(MessageType(.binding, .request)) { _ in }
    var bare = ParseHeader(name: "parse: Binding request, 20 bytes", samples: binding)
    report.measure(&bare)
    let peer = TransportAddress(ip: IPAddress(ipv4: 0x1402_0202), port: 5000)
    let sends = Samples((0..<64).map { sendIndication(to: peer, $0) })
    var send = ParseSend(samples: sends)
    report.measure(&send)
    let key = try integrityKey()
    let requests = Samples(MessageType(.refresh, .request)) { writeRequest(&$0, .sha1, key) }
    var walk = ParseRequest(samples: requests)
    report.measure(&walk)
    var short = WriteBinding()
    report.measure(&short)
    var long = WriteAllocate(key: key)
    report.measure(&long)
}

/// What an authenticated request consists of.
func writeRequest(_ writer: inout MessageWriter, _ kind: IntegrityKind, _ key: IntegrityKey) {
    writer.append(.lifetime, uint32: 600)
    writer.append(.username, text: "1700000000:user-of-a-room")
    writer.append(.realm, text: "turnpike")
    writer.append(.nonce, text: "obMatJos2gAAAabcdefghijklmnopqrstuvw")
    writer.appendIntegrity(kind, key: key)
}

/// A key of 16 bytes.
func integrityKey() throws -> IntegrityKey {
    let bytes = [UInt8](0..<16)
    guard let key = IntegrityKey(bytes: bytes.span.bytes) else {
        throw MissingValue(name: "integrity key")
    }
    return key
}

private struct ParseHeader: Benchmark {
    let name: String
    let samples: Samples

    mutating func run(_ operations: Int) -> UInt64 {
        var sum: UInt64 = 0
        let all = samples.all
        for operation in 0..<operations {
            guard let message = Message(all.extracting(samples.range(operation))) else { continue }
            sum &+= message.transactionID.low &+ UInt64(message.type.rawValue)
        }
        return sum
    }
}

private struct ParseSend: Benchmark {
    let name = "parse: Send indication, peer and 1000 bytes"
    let samples: Samples

    mutating func run(_ operations: Int) -> UInt64 {
        var sum: UInt64 = 0
        let all = samples.all
        for operation in 0..<operations {
            guard let message = Message(all.extracting(samples.range(operation))),
                let peer = message.first(.xorPeerAddress).flatMap({ message.xorAddress($0) }),
                let data = message.first(.data)
            else { continue }
            sum &+= peer.ip.low &+ UInt64(data.count)
        }
        return sum
    }
}

private struct ParseRequest: Benchmark {
    let name = "parse: Refresh request, walk over 5 attributes"
    let samples: Samples

    mutating func run(_ operations: Int) -> UInt64 {
        var sum: UInt64 = 0
        let all = samples.all
        for operation in 0..<operations {
            guard let message = Message(all.extracting(samples.range(operation))) else { continue }
            var cursor = message.attributes()
            while let attribute = cursor.next(in: message) {
                sum &+= UInt64(attribute.type.rawValue) &+ UInt64(attribute.count)
            }
        }
        return sum
    }
}

private struct WriteBinding: Benchmark {
    let name = "write: Binding response, 32 bytes"

    mutating func run(_ operations: Int) -> UInt64 {
        var sum: UInt64 = 0
        var buffer = [UInt8](repeating: 0, count: 1500)
        var span = buffer.mutableSpan
        var bytes = span.mutableBytes
        for operation in 0..<operations {
            var writer = MessageWriter(
                into: &bytes,
                type: MessageType(.binding, .success),
                transactionID: TransactionID(high: 1, low: UInt64(operation))
            )
            let ip = IPAddress(ipv4: UInt32(truncatingIfNeeded: operation))
            writer.append(.xorMappedAddress, xorAddress: TransportAddress(ip: ip, port: 5000))
            sum &+= UInt64(writer.finish() ?? 0)
        }
        return sum
    }
}

private struct WriteAllocate: Benchmark {
    let name = "write: Allocate response with MESSAGE-INTEGRITY"
    let key: IntegrityKey

    mutating func run(_ operations: Int) -> UInt64 {
        var sum: UInt64 = 0
        var buffer = [UInt8](repeating: 0, count: 1500)
        var span = buffer.mutableSpan
        var bytes = span.mutableBytes
        for operation in 0..<operations {
            var writer = MessageWriter(
                into: &bytes,
                type: MessageType(.allocate, .success),
                transactionID: TransactionID(high: 1, low: UInt64(operation))
            )
            let ip = IPAddress(ipv4: UInt32(truncatingIfNeeded: operation))
            let address = TransportAddress(ip: ip, port: 5000)
            writer.append(.xorRelayedAddress, xorAddress: address)
            writer.append(.lifetime, uint32: 600)
            writer.append(.xorMappedAddress, xorAddress: address)
            writer.appendIntegrity(.sha1, key: key)
            sum &+= UInt64(writer.finish() ?? 0)
        }
        return sum
    }
}
