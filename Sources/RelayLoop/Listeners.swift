/// The sockets on which clients reach one thread.

internal import IOURing
internal import STUN

/// Listening sockets in the order of their addresses; closed with their owner.
struct Listeners: ~Copyable {
    private var descriptors: [Int32] = []
    private var streamDescriptors: [Int32] = []

    /// Opens a socket on each address, shared with the other threads of the server (SO_REUSEPORT).
    init(_ configuration: RelayThreadConfiguration) throws(StartError) {
        for address in configuration.listeners {
            do throws(Errno) {
                let options = configuration.socketOptions(sharesPort: true)
                let socket = try DatagramSocket(boundTo: SocketAddress(address), options: options)
                descriptors.append(socket.release())
            } catch {
                throw StartError("cannot listen on udp \(address): \(error)")
            }
        }
        for address in configuration.streamListeners {
            do throws(Errno) {
                let options = configuration.streamSocketOptions
                let socket = try StreamSocket(
                    listeningOn: SocketAddress(address),
                    options: options
                )
                streamDescriptors.append(socket.release())
            } catch {
                throw StartError("cannot listen on tcp \(address): \(error)")
            }
        }
    }

    deinit {
        for descriptor in descriptors { _ = DatagramSocket(adopting: descriptor) }
        for descriptor in streamDescriptors { _ = StreamSocket(adopting: descriptor) }
    }

    /// How many there are for datagrams.
    var count: Int { descriptors.count }

    /// How many there are for streams.
    var streamCount: Int { streamDescriptors.count }

    /// The descriptor of one for datagrams; it stays with the listeners.
    func descriptor(at index: Int) -> Int32 { descriptors[index] }

    /// The descriptor of one for streams; it stays with the listeners.
    func streamDescriptor(at index: Int) -> Int32 { streamDescriptors[index] }
}
