/// What arrives on one socket, many datagrams with one system call.

import CLoad

struct Inbox: ~Copyable {
    private let receiver: OpaquePointer
    private let arrived: UnsafePointer<load_incoming>

    /// An inbox that takes up to `depth` datagrams, or coalesced trains, with one call.
    init(socket: Int32, depth: Int) throws {
        guard let receiver = load_receiver_create(socket, UInt32(depth)),
            let arrived = load_received(receiver)
        else { throw Failure("no memory for what arrives") }
        self.receiver = receiver
        self.arrived = arrived
    }

    /// Receives what is there and returns how many; errors of the socket (ICMP) count as nothing.
    func receive() -> Int { max(0, Int(load_receive(receiver))) }

    /// One of the datagrams that `receive` counted; its bytes stay until the next `receive`.
    subscript(index: Int) -> load_incoming { arrived[index] }
}
