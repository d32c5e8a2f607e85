/// Forwarding with plain system calls: poll, recvmmsg, sendmsg, with the same coalescing.

import CLiburing
import CLoad
import Glibc

struct CallForwarder: ~Copyable {
    private let places: Places
    private let sockets: [Int32]
    private let receivers: [OpaquePointer]
    private let polled: UnsafeMutablePointer<pollfd>
    private var trains: Trains

    init(places: Places, sockets: [Int32]) throws {
        receivers = try sockets.map { socket in
            guard let receiver = load_receiver_create(socket, 64) else {
                throw Failure("cannot receive", result: -ENOMEM)
            }
            return receiver
        }
        self.places = places
        self.sockets = sockets
        trains = Trains(places: places)
        polled = .allocate(capacity: sockets.count)
        for index in sockets.indices {
            polled[index] = pollfd(fd: sockets[index], events: Int16(POLLIN), revents: 0)
        }
    }

    /// Does not return; a signal ends it.
    mutating func run() {
        while true {
            guard poll(polled, nfds_t(sockets.count), -1) > 0 else { continue }
            for index in sockets.indices where polled[index].revents != 0 { pass(index) }
        }
    }

    /// Receives from one socket what one call takes, and sends it on.
    private mutating func pass(_ socket: Int) {
        let received = load_receive(receivers[socket])
        for index in 0..<max(0, Int(received)) {
            let arrived = load_received(receivers[socket])[index]
            guard let lane = places.lane(socket: socket, source: arrived.source) else { continue }
            trains.append(
                arrived.bytes,
                count: Int(arrived.count),
                segment: Int(arrived.segment),
                trafficClass: UInt8(truncatingIfNeeded: arrived.traffic_class),
                lane: lane
            )
        }
        for index in 0..<trains.count {
            trains.trains[index].seal()
            let train = trains.trains[index]
            // What cannot be sent is dropped.
            _ = sendmsg(sockets[train.socket], train.header, Int32(MSG_DONTWAIT))
        }
        trains.clear()
    }
}
