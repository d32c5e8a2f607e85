/// libFuzzer over the TURN server: the input is a script of datagrams from clients and peers, and of time.

/// One input of libFuzzer.
@c func LLVMFuzzerTestOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var script = Script(UnsafeRawBufferPointer(start: start, count: count))
    let isAuthenticationRequired = script.byte() & 1 != 0
    var world = World(isAuthenticationRequired: isAuthenticationRequired)
    // What most inputs would not find by themselves: an allocation, a permission and a channel.
    world.allocate(client: 0)
    world.bindChannel(client: 0, peer: 0)
    require(world.isReady, "the set-up failed")
    while !script.isEmpty { world.play(&script) }
    return 0
}

/// The input, read from front to end; zeros follow it.
struct Script {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var isEmpty: Bool { offset >= bytes.count }

    mutating func byte() -> UInt8 {
        guard !isEmpty else { return 0 }
        defer { offset += 1 }
        return bytes[offset]
    }

    /// As many bytes as the next one or two say, or as there are left.
    mutating func block() -> [UInt8] {
        var count = Int(byte())
        if count >= 0xF0 { count = (count & 0xF) << 8 | Int(byte()) }
        let end = min(bytes.count, offset + count)
        defer { offset = max(offset, end) }
        return offset < end ? [UInt8](bytes[offset..<end]) : []
    }
}
