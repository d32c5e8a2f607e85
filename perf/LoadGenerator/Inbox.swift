/// What arrives on one socket, many datagrams with one system call.

import CLoad

struct Inbox: ~Copyable {
    /// Room for the largest coalesced train, and an odd number of cache lines apart so that the buffers spread
    /// over the cache.
    private static let stride = 65_536 + 64 * 17

    let socket: Int32
    private let incoming: UnsafeMutablePointer<load_incoming>
    private let buffers: UnsafeMutablePointer<UInt8>
    private let depth: Int

    init(socket: Int32, depth: Int) {
        self.socket = socket
        self.depth = min(depth, Int(load_batch_limit))
        incoming = .allocate(capacity: self.depth)
        buffers = .allocate(capacity: self.depth * Inbox.stride)
        for index in 0..<self.depth {
            incoming[index] = load_incoming()
            incoming[index].bytes = buffers + index * Inbox.stride
            incoming[index].capacity = 65_536
        }
    }

    deinit {
        incoming.deallocate()
        buffers.deallocate()
    }

    /// Receives what is there and returns how many; errors of the socket (ICMP) count as nothing.
    func receive() -> Int {
        max(0, Int(load_receive(socket, incoming, UInt32(depth))))
    }

    /// One of the datagrams that `receive` counted; its bytes stay until the next `receive`.
    subscript(index: Int) -> load_incoming { incoming[index] }
}
