/// Forwarding with io_uring: multishot receives into a provided-buffer ring, one system call a pass.
///
/// Every send is made with MSG_DONTWAIT, so it has ended, and its buffers are free, when the call that submitted
/// it returns; only sends that fail make a completion.

import CLiburing
import CLoad
import Glibc

struct RingForwarder: ~Copyable {
    private static let bufferCount = 512
    private static let completions: UInt32 = 4096
    private static let group: UInt16 = 1
    /// Marks a send's completion; receives carry the index of their socket.
    private static let sendMark: UInt64 = 1 << 32

    private let places: Places
    private let ring: UnsafeMutablePointer<io_uring>
    private let receive: UnsafeMutablePointer<msghdr>
    private let buffers: Buffers
    private var trains: Trains
    private let enterFlags: UInt32
    /// Buffers that this pass sends from.
    private let used: UnsafeMutablePointer<UInt16>
    private var usedCount = 0

    init(places: Places, sockets: [Int32]) throws {
        let buffers = try Buffers(count: RingForwarder.bufferCount)
        let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
        ring.initialize(to: io_uring())
        try RingForwarder.setUp(ring, sockets: sockets, buffers: buffers)
        enterFlags =
            io_uring_register_ring_fd(ring) == 1 ? UInt32(IORING_ENTER_REGISTERED_RING) : 0
        self.buffers = buffers
        self.ring = ring
        self.places = places
        receive = .allocate(capacity: 1)
        receive.initialize(to: msghdr())
        receive.pointee.msg_namelen = socklen_t(Arrived.nameRoom)
        receive.pointee.msg_controllen = Arrived.controlRoom
        used = .allocate(capacity: RingForwarder.bufferCount)
        trains = Trains(places: places)
        for socket in sockets.indices { arm(socket) }
    }

    private static func setUp(
        _ ring: UnsafeMutablePointer<io_uring>,
        sockets: [Int32],
        buffers: Buffers
    ) throws {
        var parameters = io_uring_params()
        parameters.cq_entries = completions
        parameters.flags =
            UInt32(IORING_SETUP_CQSIZE) | UInt32(IORING_SETUP_SUBMIT_ALL)
            | UInt32(IORING_SETUP_SINGLE_ISSUER) | UInt32(IORING_SETUP_DEFER_TASKRUN)
        try check("io_uring", io_uring_queue_init_params(2048, ring, &parameters))
        try check("sockets", io_uring_register_files(ring, sockets, UInt32(sockets.count)))
        var registration = io_uring_buf_reg()
        registration.ring_addr = UInt64(UInt(bitPattern: buffers.ring))
        registration.ring_entries = UInt32(buffers.count)
        registration.bgid = group
        try check("buffers", io_uring_register_buf_ring(ring, &registration, 0))
    }

    private static func check(_ what: String, _ result: Int32) throws {
        guard result >= 0 else { throw Failure("cannot register \(what)", result: result) }
    }

    /// Never returns but by throwing; a signal ends it.
    mutating func run(batch: UInt32, waitMicroseconds: UInt32) throws {
        // Without a timeout the kernel would end every wait after the gathering time, also an idle one.
        var timeout = __kernel_timespec(tv_sec: 1, tv_nsec: 0)
        while true {
            prepareSends()
            let pending = turnpike_ring_flush(ring)
            let result = turnpike_ring_submit_and_wait(
                ring,
                pending,
                batch,
                enterFlags,
                waitMicroseconds,
                &timeout
            )
            guard result >= 0 || result == -EINTR || result == -ETIME || result == -EBUSY else {
                throw Failure("io_uring_enter", result: result)
            }
            recycle()
            reap()
        }
    }

    private func arm(_ socket: Int) {
        guard let submission = io_uring_get_sqe(ring) else { return }
        io_uring_prep_recvmsg_multishot(submission, Int32(socket), receive, 0)
        submission.pointee.flags =
            UInt8(1 << IOSQE_FIXED_FILE_BIT) | UInt8(1 << IOSQE_BUFFER_SELECT_BIT)
        submission.pointee.buf_group = RingForwarder.group
        submission.pointee.user_data = UInt64(socket)
    }

    private mutating func prepareSends() {
        for index in 0..<trains.count {
            guard let submission = io_uring_get_sqe(ring) else { break }
            trains.trains[index].seal()
            let train = trains.trains[index]
            io_uring_prep_sendmsg(
                submission,
                Int32(train.socket),
                train.header,
                UInt32(MSG_DONTWAIT)
            )
            submission.pointee.flags =
                UInt8(1 << IOSQE_FIXED_FILE_BIT) | UInt8(1 << IOSQE_CQE_SKIP_SUCCESS_BIT)
            submission.pointee.user_data = RingForwarder.sendMark
        }
        trains.clear()
    }

    /// Gives the kernel the buffers back that the last pass sent from.
    private mutating func recycle() {
        for index in 0..<usedCount { buffers.add(used[index], position: index) }
        buffers.advance(usedCount)
        usedCount = 0
    }

    private mutating func reap() {
        var head = ring.pointee.cq.khead.pointee
        let tail = turnpike_ring_completion_tail(ring)
        while head != tail {
            guard let completion = turnpike_ring_completion(ring, head) else { break }
            take(
                socket: completion.pointee.user_data,
                result: completion.pointee.res,
                flags: completion.pointee.flags
            )
            head &+= 1
        }
        turnpike_ring_set_completion_head(ring, head)
    }

    private mutating func take(socket: UInt64, result: Int32, flags: UInt32) {
        guard socket < RingForwarder.sendMark else { return }
        if flags & UInt32(IORING_CQE_F_MORE) == 0 { arm(Int(socket)) }
        guard flags & UInt32(IORING_CQE_F_BUFFER) != 0 else { return }
        let buffer = UInt16(truncatingIfNeeded: flags >> UInt32(IORING_CQE_BUFFER_SHIFT))
        used[usedCount] = buffer
        usedCount += 1
        let arrived = Arrived(buffers.start(buffer), count: Int(result))
        guard result >= Arrived.payloadOffset,
            let lane = places.lane(socket: Int(socket), source: arrived.source)
        else { return }
        trains.append(
            arrived.payload,
            count: arrived.count,
            segment: arrived.segment,
            trafficClass: arrived.trafficClass,
            lane: lane
        )
    }
}

/// A received datagram as io_uring lays it into a buffer: io_uring_recvmsg_out, name, control, payload.
struct Arrived {
    static let nameRoom = MemoryLayout<sockaddr_in>.size
    static let controlRoom = 48
    static let payloadOffset = 16 + nameRoom + controlRoom

    let source: UInt32
    let payload: UnsafeMutableRawPointer
    let count: Int
    let segment: Int
    let trafficClass: UInt8

    init(_ start: UnsafeMutableRawPointer, count: Int) {
        source = UInt32(bigEndian: start.load(fromByteOffset: 16 + 4, as: UInt32.self))
        payload = start + Arrived.payloadOffset
        self.count = count - Arrived.payloadOffset
        let controlCount = start.load(fromByteOffset: 4, as: UInt32.self)
        let control = load_read_control(start + 16 + Arrived.nameRoom, Int(controlCount))
        segment = control.segment > 0 ? Int(control.segment) : self.count
        trafficClass = control.traffic_class
    }
}

/// The memory that datagrams arrive in, and the ring by which the kernel takes it.
struct Buffers {
    /// Room for a coalesced train, and an odd number of cache lines apart so that buffers spread over the cache.
    private static let stride = 65_536 + 64 * 17

    let count: Int
    let ring: UnsafeMutablePointer<io_uring_buf_ring>
    private let memory: UnsafeMutableRawPointer

    init(count: Int) throws {
        self.count = count
        let ringBytes = count * MemoryLayout<io_uring_buf>.size
        ring = try Buffers.map(ringBytes).assumingMemoryBound(to: io_uring_buf_ring.self)
        memory = try Buffers.map(count * Buffers.stride)
        // Huge pages where the system has them: fewer misses on the way of a datagram.
        madvise(memory, count * Buffers.stride, MADV_HUGEPAGE)
        // Taken now, not on the way of the first datagrams.
        memset(memory, 0, count * Buffers.stride)
        io_uring_buf_ring_init(ring)
        for buffer in 0..<count { add(UInt16(buffer), position: buffer) }
        advance(count)
    }

    private static func map(_ count: Int) throws -> UnsafeMutableRawPointer {
        let memory = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory, memory != MAP_FAILED else {
            throw Failure("no memory for buffers", result: -errno)
        }
        return memory
    }

    func start(_ buffer: UInt16) -> UnsafeMutableRawPointer {
        memory + Int(buffer) * Buffers.stride
    }

    func add(_ buffer: UInt16, position: Int) {
        io_uring_buf_ring_add(
            ring,
            start(buffer),
            UInt32(Buffers.stride),
            buffer,
            Int32(count - 1),
            Int32(position)
        )
    }

    func advance(_ added: Int) {
        io_uring_buf_ring_advance(ring, Int32(added))
    }
}
