/// The sockets on which clients reach one thread.

internal import IOURing
internal import STUN

/// Listening sockets in the order of their addresses; closed with their owner.
struct Listeners: ~Copyable {
    private let descriptors: [Int32]

    /// Opens a socket on each address, shared with the other threads of the server (SO_REUSEPORT).
    init(_ configuration: RelayThreadConfiguration) throws(StartError) {
        var descriptors: [Int32] = []
        let options = configuration.socketOptions(sharesPort: true)
        for address in configuration.listeners {
            do throws(Errno) {
                let socket = try DatagramSocket(boundTo: SocketAddress(address), options: options)
                descriptors.append(socket.release())
            } catch {
                Self.close(descriptors)
                throw StartError("cannot listen on udp \(address): \(error)")
            }
        }
        self.descriptors = descriptors
    }

    deinit { Self.close(descriptors) }

    /// How many there are.
    var count: Int { descriptors.count }

    /// The descriptor of one of them; it stays with the listeners.
    func descriptor(at index: Int) -> Int32 { descriptors[index] }

    private static func close(_ descriptors: [Int32]) {
        for descriptor in descriptors { _ = DatagramSocket(adopting: descriptor) }
    }
}
