/// What a pass sends: for each destination the datagrams of one size leave as one segmented send, in order.

import CLiburing
import CLoad
import Glibc

/// One send in the making.
///
/// Its address, control message and iovecs stay where they are.
struct Train {
    /// The kernel's UDP_MAX_SEGMENTS of its oldest version.
    static let datagramLimit = 64
    static let byteLimit = 65_000

    var socket = 0
    var segment = 0
    /// DSCP and ECN of all of it.
    var trafficClass: UInt8 = 0
    var datagrams = 0
    var bytes = 0
    /// Nothing may follow: a shorter datagram has ended the train.
    var isClosed = false
    let header: UnsafeMutablePointer<msghdr>
    let control: UnsafeMutableRawPointer
    let parts: UnsafeMutablePointer<iovec>

    init() {
        header = .allocate(capacity: 1)
        header.initialize(to: msghdr())
        control = .allocate(byteCount: Int(load_control_room), alignment: 8)
        parts = .allocate(capacity: Train.datagramLimit)
        header.pointee.msg_namelen = socklen_t(MemoryLayout<sockaddr_in>.size)
        header.pointee.msg_iov = parts
    }

    func takes(count: Int, segment: Int, trafficClass: UInt8, datagrams: Int) -> Bool {
        // A single datagram may be shorter, as the last of the train; one of zero bytes goes alone.
        let fits = datagrams == 1 ? count <= self.segment && count > 0 : segment == self.segment
        return fits && !isClosed && trafficClass == self.trafficClass
            && bytes + count <= Train.byteLimit
            && self.datagrams + datagrams <= Train.datagramLimit
    }

    mutating func append(_ start: UnsafeMutableRawPointer, count: Int, datagrams: Int) {
        let part = header.pointee.msg_iovlen
        parts[part] = iovec(iov_base: start, iov_len: count)
        header.pointee.msg_iovlen = part + 1
        bytes += count
        self.datagrams += datagrams
        isClosed = count == 0 || count % segment != 0
    }

    /// Writes the control messages: the segment size, which a train of one does not need, and a traffic class that is not 0.
    func seal() {
        var count = datagrams > 1 ? load_write_segment(control, UInt16(segment)) : 0
        if trafficClass != 0 { count += load_write_traffic_class(control + count, trafficClass) }
        header.pointee.msg_control = count > 0 ? control : nil
        header.pointee.msg_controllen = count
    }
}

struct Trains: ~Copyable {
    /// More than a pass can fill: it reaps fewer datagrams than this.
    static let limit = 1024

    private let places: Places
    private let destinations: UnsafeMutablePointer<sockaddr_in>
    /// For each lane its train in the making, -1: none.
    private let open: UnsafeMutablePointer<Int>
    let trains: UnsafeMutablePointer<Train>
    private(set) var count = 0

    init(places: Places) {
        self.places = places
        destinations = .allocate(capacity: places.laneCount)
        open = .allocate(capacity: places.laneCount)
        open.initialize(repeating: -1, count: places.laneCount)
        for lane in 0..<places.laneCount {
            (destinations + lane).initialize(to: places.destination(lane: lane))
        }
        trains = .allocate(capacity: Trains.limit)
        for index in 0..<Trains.limit { (trains + index).initialize(to: Train()) }
    }

    /// Adds what arrived for a lane: one datagram, or several of `segment` bytes with a shorter last one.
    mutating func append(
        _ start: UnsafeMutableRawPointer,
        count: Int,
        segment: Int,
        trafficClass: UInt8,
        lane: Int
    ) {
        let datagrams = count <= segment ? 1 : (count + segment - 1) / segment
        let index = open[lane]
        if index >= 0,
            trains[index].takes(
                count: count,
                segment: segment,
                trafficClass: trafficClass,
                datagrams: datagrams
            )
        {
            trains[index].append(start, count: count, datagrams: datagrams)
            return
        }
        guard self.count < Trains.limit else { return }
        begin(self.count, lane: lane, segment: max(1, segment))
        trains[self.count].trafficClass = trafficClass
        trains[self.count].append(start, count: count, datagrams: datagrams)
        self.count += 1
    }

    private func begin(_ index: Int, lane: Int, segment: Int) {
        trains[index].socket = places.socket(lane: lane)
        trains[index].segment = segment
        trains[index].datagrams = 0
        trains[index].bytes = 0
        trains[index].header.pointee.msg_name = UnsafeMutableRawPointer(destinations + lane)
        trains[index].header.pointee.msg_iovlen = 0
        open[lane] = index
    }

    /// Starts the next pass; what was collected has been sent.
    mutating func clear() {
        for lane in 0..<places.laneCount { open[lane] = -1 }
        count = 0
    }
}
