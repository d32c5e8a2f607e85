/// The floor: forwards datagrams as a relay must, and does nothing else.
///
/// It has the sockets of a TURN server (one for all clients, one for each flow's peer) and its sends are
/// unconnected as a TURN server's must be, with the traffic class of what came (RFC 8656 14), but there is no protocol: who belongs to whom follows from
/// addresses and ports alone. What a TURN server costs above this is its logic; what this costs is the kernel.
///
///     client i  127.1.0.0 + i : client port   ↔   server port
///     peer i    127.2.0.0 + i : peer port     ↔   server port + 1 + i

import ArgumentParser
import CLiburing
import CLoad
import Glibc

@main struct BareForwarder: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "BareForwarder",
        abstract: "Forward datagrams between fixed addresses, without any TURN logic."
    )

    @Option(help: "First port on 127.0.0.1: the clients' socket; the flows' sockets follow.")
    var port: UInt16

    @Option(help: "Flows.")
    var flows = 16

    @Option(help: "Port of the clients.")
    var clientPort: UInt16

    @Option(help: "Port of the peers.")
    var peerPort: UInt16

    @Option(help: "CPU to run on.")
    var cpu = 0

    @Option(help: "Microseconds to gather datagrams before a pass; 0: take what is there.")
    var batchWaitUs: UInt32 = 0

    @Option(help: "Datagrams that end the gathering early.")
    var batch: UInt32 = 128

    @Flag(help: "poll, recvmmsg and sendmsg instead of io_uring.")
    var syscalls = false

    mutating func validate() throws {
        guard (1...1024).contains(flows), batch > 0 else {
            throw ValidationError("--flows is from 1 to 1024, --batch at least 1")
        }
    }

    func run() throws {
        let pinned = load_pin(Int32(cpu))
        guard pinned == 0 else { throw Failure("cannot run on CPU \(cpu)", result: pinned) }
        let places = Places(clientPort: clientPort, peerPort: peerPort, flows: flows)
        let sockets = try (0...flows).map { try open(port: port + UInt16($0)) }
        if syscalls {
            var forwarder = try CallForwarder(places: places, sockets: sockets)
            ready()
            forwarder.run()
        } else {
            var forwarder = try RingForwarder(places: places, sockets: sockets)
            ready()
            try forwarder.run(batch: batchWaitUs > 0 ? batch : 1, waitMicroseconds: batchWaitUs)
        }
    }

    /// Tells whoever started it that the sockets are open.
    private func ready() {
        print("ready")
        fflush(nil)
    }

    private func open(port: UInt16) throws -> Int32 {
        let socket = load_open(Places.address, port, 4 << 20, 0)
        guard socket >= 0 else { throw Failure("cannot open UDP port \(port)", result: socket) }
        let told = load_tell_traffic_class(socket)
        guard told == 0 else { throw Failure("cannot learn traffic classes", result: told) }
        return socket
    }
}

/// Why it could not start; printed as one line.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ what: String, result: Int32) {
        description = "\(what): \(String(cString: strerror(-result)))"
    }
}
