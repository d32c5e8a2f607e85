/// The sockets that clients and peers share, and what the options say of the server.

import CLoad

enum Sockets {
    /// Enough for the answers to everything that may be in flight.
    private static let bufferBytes: Int32 = 16 << 20

    /// One socket for many loopback addresses.
    static func open(port: UInt16) throws -> Int32 {
        let socket = load_open(0, port, bufferBytes, 1)
        guard socket >= 0 else { throw Failure("cannot open UDP port \(port)", result: socket) }
        return socket
    }

    /// Lets the kernel stamp what arrives on sockets.
    static func stampArrivals(_ sockets: Int32...) throws {
        for socket in sockets {
            let result = load_stamp_arrivals(socket)
            guard result == 0 else { throw Failure("cannot stamp arrivals", result: result) }
        }
    }
}

extension ServerOptions {
    func place() throws -> Endpoint {
        guard let place = Endpoint(address, port: port) else {
            throw Failure("--address \(address): not an IPv4 address")
        }
        return place
    }

    func pin() throws {
        let result = load_pin(Int32(cpu))
        guard result == 0 else { throw Failure("cannot run on CPU \(cpu)", result: result) }
    }

    var credentials: Credentials { Credentials(username: username, password: password) }
}
