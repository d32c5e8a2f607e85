/// A client of OpenSSL's, over memory.

import CTLSClient

final class Client {
    private let pointer: OpaquePointer

    init(
        datagram: Bool = false,
        minimum: Int = 0,
        maximum: Int = 0,
        protocols: [String] = [],
        cipher: String? = nil,
        resuming previous: Client? = nil
    ) {
        let list = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        let made = list.withUnsafeBufferPointer { list in
            (cipher ?? "").withCString { name in
                var settings = turnpike_client_settings(
                    is_datagram: datagram ? 1 : 0,
                    minimum: Int32(minimum),
                    maximum: Int32(maximum),
                    protocols: list.baseAddress,
                    protocols_size: list.count,
                    cipher: cipher == nil ? nil : name,
                    previous: previous?.pointer
                )
                return turnpike_client_new(&settings)
            }
        }
        guard let made else { fatalError("no client could be made") }
        pointer = made
    }

    deinit { turnpike_client_free(pointer) }

    func feed(_ bytes: [UInt8]) { turnpike_client_feed(pointer, bytes, bytes.count) }

    /// One datagram, or a piece of the stream; nil when nothing is to be sent.
    func takeOne() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 20_000)
        let count = turnpike_client_take(pointer, &bytes, bytes.count)
        return count == 0 ? nil : Array(bytes.prefix(count))
    }

    /// All pieces that are to be sent.
    func take() -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        while let piece = takeOne() { pieces.append(piece) }
        return pieces
    }

    /// 1 when it is done, 0 when it waits, -1 when it failed.
    @discardableResult func handshake() -> Int { Int(turnpike_client_handshake(pointer)) }

    /// All that can be read.
    func read() -> [UInt8] {
        var all: [UInt8] = []
        while let piece = readOne() { all += piece }
        return all
    }

    /// One record's worth; nil when there is nothing.
    func readOne() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 20_000)
        let count = turnpike_client_read(pointer, &bytes, Int32(bytes.count))
        return count > 0 ? Array(bytes.prefix(Int(count))) : nil
    }

    func write(_ bytes: [UInt8]) { turnpike_client_write(pointer, bytes, Int32(bytes.count)) }

    /// The records that carry some bytes.
    func encrypt(_ bytes: [UInt8]) -> [UInt8] {
        write(bytes)
        return take().flatMap { $0 }
    }

    func shutdown() { turnpike_client_shutdown(pointer) }
    func renegotiate() { turnpike_client_renegotiate(pointer) }
    func updateKey() { turnpike_client_update_key(pointer) }
    func retransmit() { turnpike_client_retransmit(pointer) }
    var isShut: Bool { turnpike_client_is_shut(pointer) != 0 }
    var alert: Int? {
        turnpike_client_alert(pointer) < 0 ? nil : Int(turnpike_client_alert(pointer))
    }
    var isResumed: Bool { turnpike_client_is_resumed(pointer) != 0 }
    var cipher: String { String(cString: turnpike_client_cipher(pointer)) }
    var tickets: Int { Int(turnpike_client_tickets(pointer)) }

    var applicationProtocol: String {
        var size: UInt32 = 0
        let name = turnpike_client_protocol(pointer, &size)
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(size)), as: UTF8.self)
    }
}
