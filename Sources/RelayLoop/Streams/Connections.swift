/// The connections of one relay thread: a table of fixed capacity, and who is the oldest stranger in it.

internal import IOURing
internal import STUN
internal import TURN

/// Connections by index.
///
/// A stranger is a connection without an allocation. Strangers are in a list in the order in which they last said
/// something sensible, and all have the same time, so the first of the list is the next whose time is over; when the
/// table is nearly full, it makes room.
struct Connections: ~Copyable {
    /// Messages are kept here until they are whole: one small place for each connection, touched only in use.
    var smallCarries: BufferPool
    /// What is to be sent, and beginnings of large messages.
    var chunks: BufferPool
    var statistics = ConnectionStatistics()
    /// Connections there are, those being closed included.
    private(set) var count = 0

    /// A chunk that is nobody's: where sessions put what they have to say.
    let scratch: BufferIndex

    /// Connections with something to send, and those to be closed.
    private(set) var dirty: IndexStack
    /// Connections with something to encrypt and no chunk for it: they try again in the next pass.
    private var stalled: IndexStack
    /// Connections that are being closed.
    private var leaving = 0
    private(set) var closing: IndexStack

    /// Those with peers.
    var peers: PeerConnections

    /// Apart from the pools, so that a connection and a chunk can be changed at a time.
    var table: MappedArray<Connection>
    private var free: FreeIndexes
    private var sources: FlatTable<ConnectionSource, UInt32>
    private var oldestStranger = ConnectionIndex.none
    private var newestStranger = ConnectionIndex.none
    private var strangers = 0
    let limits: ConnectionLimits

    /// Takes the memory for as many connections as `limits` allows.
    init(_ limits: ConnectionLimits, hash: KeyedHash) throws(Errno) {
        let capacity = max(1, limits.connections)
        let table = try MappedArray<Connection>(count: capacity)
        let dirty = try IndexStack(capacity: capacity)
        let stalled = try IndexStack(capacity: capacity)
        // A place may be given to the next in the pass in which one was closed, and that one be closed too.
        let closing = try IndexStack(capacity: 2 * capacity)
        let smallCarries = try Self.pool(capacity, of: Limits.smallCarryBytes)
        let peers = try PeerConnections(limits)
        let count = min(capacity, Limits.chunks) + peers.chunks
        var chunks = try Self.pool(1 + count, of: Limits.chunkBytes)
        // One more than there may be in use.
        guard let scratch = chunks.take() else { throw .outOfMemory }
        self.scratch = scratch
        self.peers = peers
        self.limits = limits
        self.table = table
        self.dirty = dirty
        self.stalled = stalled
        self.closing = closing
        self.smallCarries = smallCarries
        self.chunks = chunks
        free = FreeIndexes(count: limits.connections)
        sources = FlatTable(capacity: capacity, hash: hash)
    }

    private static func pool(_ count: Int, of size: Int) throws(Errno) -> BufferPool {
        try BufferPool(count: count, size: size, hugePages: false, node: nil, populates: false)
    }

    deinit {
        for index in 0..<table.count
        where table[index].phase != .free && table[index].layer != .dtls {
            _ = StreamSocket(adopting: table[index].descriptor)
        }
    }

    /// A connection, in place.
    subscript(index: ConnectionIndex) -> Connection {
        get { table[Int(index.rawValue)] }
        _modify { yield &table[Int(index.rawValue)] }
    }
}

// MARK: - Coming and going

extension Connections {
    /// Takes a connection in as a stranger; `nil` when there is no place for it, or its source has its share.
    mutating func open(
        _ fiveTuple: FiveTuple,
        descriptor: Int32,
        isBehindProxy: Bool = false,
        at seconds: UInt64
    ) -> ConnectionIndex? {
        let source = ConnectionSource(fiveTuple.client.ip)
        let ofSource = sources.value(of: source) ?? 0
        let isOneTooMany = limits.perSource > 0 && !isBehindProxy && ofSource >= limits.perSource
        guard !isOneTooMany, let place = free.take() else {
            statistics.refused &+= 1
            return nil
        }
        sources.remove(source)
        _ = sources.insert(ofSource + 1, for: source)
        let index = ConnectionIndex(rawValue: place)
        var connection = Connection(
            phase: .open,
            isBehindProxy: isBehindProxy,
            source: source,
            fiveTuple: fiveTuple,
            descriptor: descriptor
        )
        connection.fiveTuple.connection = index
        self[index] = connection
        count += 1
        statistics.accepted &+= 1
        appendStranger(index, at: seconds)
        return index
    }

    /// Whether there is no place.
    var isFull: Bool { free.isEmpty }

    /// Whether there is somebody whose place another may have.
    var canMakeRoom: Bool { leaving > 0 || strangers > 0 }

    /// The place that the next connection gets.
    var nextPlace: ConnectionIndex? { free.next.map { ConnectionIndex(rawValue: $0) } }

    /// Gives the place of a connection back that the kernel holds nothing of.
    mutating func release(_ index: ConnectionIndex) {
        releaseMemory(of: index)
        if self[index].isOfPeer {
            peers.forget(isOfWebServer: self[index].isOfWebServer)
        } else {
            forgetSource(of: index)
        }
        if self[index].phase == .closing { leaving -= 1 }
        self[index].phase = .free
        free.giveBack(index.rawValue)
        count -= 1
    }

    private mutating func forgetSource(of index: ConnectionIndex) {
        let source = self[index].source
        let ofSource = sources.value(of: source) ?? 1
        sources.remove(source)
        if ofSource > 1 { _ = sources.insert(ofSource - 1, for: source) }
    }

    /// Takes a connection with a peer in, or with the web server, which has no name; `nil` when there is no place for it.
    mutating func openPeer(
        _ peer: PeerConnection?,
        at address: TransportAddress,
        descriptor: Int32,
        _ role: ConnectionRole
    ) -> ConnectionIndex? {
        guard peer == nil ? hasRoomForWebServer : hasRoomForPeer, let place = free.take() else {
            return nil
        }
        let index = ConnectionIndex(rawValue: place)
        let fiveTuple = FiveTuple(
            client: address,
            listener: ListenerIndex(rawValue: 0),
            transport: .tcp,
            connection: index
        )
        var connection = Connection(
            phase: .open,
            source: ConnectionSource(address.ip),
            fiveTuple: fiveTuple,
            descriptor: descriptor
        )
        connection.layer = .plain
        connection.speech = .messages
        connection.role = role
        connection.isOfPeer = true
        connection.isOfWebServer = peer == nil
        connection.joining.peer = peer
        // It has the time of its allocation, or of what it waits for.
        connection.hasAllocation = true
        self[index] = connection
        peers.enter(index, peer)
        count += 1
        return index
    }

    /// The connection that the server calls `peer`, unless it has ended.
    func index(of peer: PeerConnection) -> ConnectionIndex? {
        guard let index = peers.place(of: peer) else { return nil }
        let isThere =
            table[index].isOfPeer && table[index].phase == .open
            && table[index].joining.peer == peer
        return isThere ? index : nil
    }

    /// Whether another connection with a peer has a place.
    var hasRoomForPeer: Bool { peers.hasRoom && !free.isEmpty }

    /// Whether another connection with the web server has a place.
    var hasRoomForWebServer: Bool { peers.hasRoomForWebServer && !free.isEmpty }

    /// Begins the end of a connection: at once, or once it has said what it has left to say.
    mutating func close(_ index: ConnectionIndex, draining: Bool) {
        switch self[index].phase {
        case .free, .closing: return
        case .draining where draining: return
        case .draining: break
        case .open:
            if !self[index].hasAllocation { removeStranger(index) }
            releaseCarry(of: index)
        }
        // Who does not read has no last words to wait for.
        if draining && self[index].outbox.count > 0 && !self[index].isAwaitingRoom {
            self[index].phase = .draining
            markDirty(index)
        } else {
            self[index].phase = .closing
            leaving += 1
            closing.push(index)
        }
    }

    /// The next connection to be closed.
    mutating func nextClosing() -> ConnectionIndex? { closing.pop() }

    /// Notes that a connection has something to send.
    mutating func markDirty(_ index: ConnectionIndex) {
        if self[index].isDirty { return }
        self[index].isDirty = true
        dirty.push(index)
    }

    /// Lets a connection with something to send, which `nextDirty` gave, wait for the next pass.
    mutating func stall(_ index: ConnectionIndex) {
        self[index].isDirty = true
        stalled.push(index)
    }

    /// Ends a pass: those that had to wait have something to send again.
    mutating func resumeStalled() {
        while let index = stalled.pop() {
            self[index].isDirty = false
            markDirty(index)
        }
    }

    /// The next connection with something to send.
    mutating func nextDirty() -> ConnectionIndex? {
        guard let index = dirty.pop() else { return nil }
        self[index].isDirty = false
        return index
    }
}

// MARK: - Strangers

extension Connections {
    /// Gives the place of a connection back whose descriptor another thread has now.
    mutating func leave(_ index: ConnectionIndex) {
        if !self[index].hasAllocation { removeStranger(index) }
        release(index)
    }

    /// Notes that a connection said something sensible, and whether it owns an allocation now.
    mutating func heard(_ index: ConnectionIndex, hasAllocation: Bool, at seconds: UInt64) {
        guard self[index].phase == .open else { return }
        if !self[index].hasAllocation { removeStranger(index) }
        self[index].hasAllocation = hasAllocation
        if !hasAllocation { appendStranger(index, at: seconds) }
    }

    /// The stranger whose time is over, if there is one; or the oldest, where places are getting scarce.
    ///
    /// It makes room for `newcomers`, which wait for a place; and a share of the places stays free for whoever cannot wait,
    /// as long as there are more strangers than that.
    mutating func nextToLeave(at seconds: UInt64, newcomers: Int) -> ConnectionIndex? {
        let index = oldestStranger
        guard index != .none else { return nil }
        if self[index].deadlineSeconds <= seconds {
            statistics.timedOut &+= 1
            return index
        }
        let reserve = limits.connections / Limits.reserveOfConnections
        let soonFree = limits.connections - (count - leaving)
        if soonFree < newcomers + (strangers > reserve ? reserve : 0) {
            statistics.evicted &+= 1
            return index
        }
        return nil
    }

    private mutating func appendStranger(_ index: ConnectionIndex, at seconds: UInt64) {
        // The second that has begun does not count.
        self[index].deadlineSeconds = seconds + limits.idleSeconds + 1
        strangers += 1
        self[index].older = newestStranger
        self[index].newer = .none
        if newestStranger == .none {
            oldestStranger = index
        } else {
            self[newestStranger].newer = index
        }
        newestStranger = index
    }

    private mutating func removeStranger(_ index: ConnectionIndex) {
        strangers -= 1
        let connection = self[index]
        if connection.older == .none {
            oldestStranger = connection.newer
        } else {
            self[connection.older].newer = connection.newer
        }
        if connection.newer == .none {
            newestStranger = connection.older
        } else {
            self[connection.newer].older = connection.older
        }
    }
}

/// Where connections come from, as they are counted: an IPv4 address, or the /64 of an IPv6 address.
struct ConnectionSource: FlatTableKey, BitwiseCopyable {
    private var high: UInt64
    private var low: UInt64

    init(_ address: IPAddress) {
        let address = address.canonical
        high = address.high
        low = address.family == .ipv4 ? address.low | 1 << 32 : 0
    }

    func hashed(by hash: KeyedHash) -> UInt64 { hash(high, low) }
}
