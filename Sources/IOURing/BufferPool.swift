internal import Glibc

/// The number of a buffer in its pool; also its number in the buffer ring.
public struct BufferIndex: Hashable, Sendable, BitwiseCopyable {
    /// 0 ..< the pool's count.
    public let rawValue: UInt32

    /// Names a buffer.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }
}

/// Where a buffer is: in exactly one place.
public enum BufferPlace: Hashable, Sendable {
    /// On the pool's free list.
    case free
    /// Lent to the kernel through the buffer ring.
    case kernel
    /// In the loop's hands; 0 references between its last release and what is done with it then.
    case held(references: Int)
}

/// The datagram buffers of one relay thread: one mapping, taken at start, and who holds what.
///
/// A buffer is free, lent to the kernel, or held by a number of references. The stride is an odd
/// number of cache lines, so that the first lines of the buffers spread over all sets of the cache.
/// Debug builds trap when a buffer is released twice or lent while in use.
@safe
public struct BufferPool: ~Copyable {
    /// How many buffers there are.
    public let count: Int
    /// Usable bytes of each.
    public let size: Int
    /// Buffers on the free list.
    public private(set) var freeCount: Int

    private let mapping: Mapping
    private let inPlace = InPlace()
    private let stride: Int
    /// `count` reference counts, or one of the two marks below.
    private var references: MappedArray<UInt32>
    /// The first `freeCount` entries are the free buffers; the last one is taken next.
    private var freeList: MappedArray<UInt32>

    private static var freeMark: UInt32 { .max }
    private static var kernelMark: UInt32 { .max - 1 }

    /// Takes the memory; all buffers start free.
    ///
    /// - Parameters:
    ///   - count: Buffers, at least 1.
    ///   - size: Usable bytes of each, at least 1.
    ///   - hugePages: Ask for huge pages; ordinary ones serve where there are none.
    ///   - node: The NUMA node to prefer.
    ///   - populates: Take every page now, not when it is first used.
    /// - Throws: `EINVAL` for sizes that make no sense, `ENOMEM` when there is no memory.
    public init(
        count: Int,
        size: Int,
        hugePages: Bool,
        node: Int?,
        populates: Bool = true
    ) throws(Errno) {
        guard 1...(1 << 24) ~= count, 1...(1 << 24) ~= size else { throw .invalidArgument }
        let lines = (size + Limits.cacheLine - 1) / Limits.cacheLine
        let stride = (lines | 1) * Limits.cacheLine
        // 2^24 buffers of 2^24 bytes stay far below 2^63.
        let mapping = try Mapping(byteCount: count * stride, hugePages: hugePages, node: node)
        if populates { mapping.populate() }
        var references = try MappedArray<UInt32>(count: count)
        var freeList = try MappedArray<UInt32>(count: count)
        for index in 0..<count {
            references[index] = Self.freeMark
            freeList[index] = UInt32(count - 1 - index)
        }
        self.count = count
        self.size = size
        self.stride = stride
        self.mapping = mapping
        self.references = references
        self.freeList = freeList
        freeCount = count
    }

    /// What kind of pages the memory is on.
    public var pages: PageKind {
        mapping.pages
    }
}

// MARK: - Bytes

extension BufferPool {
    /// The bytes of a range of a buffer, to read.
    @_lifetime(borrow self)
    @inline(__always)
    public func bytes(_ buffer: BufferIndex, _ range: Range<Int>) -> RawSpan {
        precondition(range.lowerBound >= 0 && range.upperBound <= size)
        // SAFETY: the range is inside the buffer, which lives as long as self.
        let start = unsafe address(buffer).advanced(by: range.lowerBound)
        return unsafe _overrideLifetime(
            RawSpan(_unsafeStart: start, byteCount: range.count),
            borrowing: self
        )
    }

    /// The bytes of a range of a buffer, to write.
    @_lifetime(&self)
    public mutating func mutableBytes(
        _ buffer: BufferIndex,
        _ range: Range<Int>
    ) -> MutableRawSpan {
        precondition(range.lowerBound >= 0 && range.upperBound <= size)
        // SAFETY: the range is inside the buffer, which lives as long as self; self is exclusive.
        let start = unsafe address(buffer).advanced(by: range.lowerBound)
        return unsafe _overrideLifetime(
            MutableRawSpan(_unsafeStart: start, byteCount: range.count),
            mutating: &self
        )
    }

    /// Copies bytes into a buffer; they fit behind `offset`.
    public mutating func write(_ bytes: RawSpan, to buffer: BufferIndex, at offset: Int) {
        precondition(offset >= 0 && offset <= size && bytes.byteCount <= size - offset)
        // SAFETY: checked just above; the bytes are of no buffer of this pool that could change meanwhile.
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            unsafe (address(buffer) + offset).copyMemory(from: start, byteCount: source.count)
        }
    }

    /// Lends the bytes of a range of one buffer to read and those of another buffer to write.
    public mutating func withBytes<Result>(
        _ source: BufferIndex,
        _ range: Range<Int>,
        into target: BufferIndex,
        _ targetRange: Range<Int>,
        _ body: (_ source: RawSpan, _ target: inout MutableRawSpan) -> Result
    ) -> Result {
        precondition(source != target)
        precondition(range.lowerBound >= 0 && range.upperBound <= size)
        precondition(targetRange.lowerBound >= 0 && targetRange.upperBound <= size)
        // SAFETY: both ranges are inside their buffers, which are different ones and live as long as self.
        let from = unsafe address(source) + range.lowerBound
        let to = unsafe address(target) + targetRange.lowerBound
        let bytes = unsafe RawSpan(_unsafeStart: from, byteCount: range.count)
        var room = unsafe MutableRawSpan(_unsafeStart: to, byteCount: targetRange.count)
        return body(bytes, &room)
    }

    /// Copies bytes of one buffer into another; they fit behind `offset`.
    public mutating func copy(
        _ range: Range<Int>,
        of source: BufferIndex,
        to target: BufferIndex,
        at offset: Int
    ) {
        precondition(source != target && range.lowerBound >= 0 && range.upperBound <= size)
        precondition(offset >= 0 && range.count <= size - offset)
        // SAFETY: both ranges are inside their buffers, which are different ones.
        let from = unsafe address(source) + range.lowerBound
        unsafe (address(target) + offset).copyMemory(from: from, byteCount: range.count)
    }

    /// Moves bytes of a buffer to its front.
    public mutating func moveToFront(_ range: Range<Int>, of buffer: BufferIndex) {
        precondition(range.lowerBound >= 0 && range.upperBound <= size)
        // SAFETY: both places are inside the buffer; they may overlap.
        let start = unsafe address(buffer)
        unsafe memmove(start, start + range.lowerBound, range.count)
    }

    /// The first byte of a buffer.
    @unsafe
    func address(_ buffer: BufferIndex) -> UnsafeMutableRawPointer {
        precondition(Int(buffer.rawValue) < count)
        // SAFETY: the mapping has count × stride bytes.
        return unsafe mapping.start.advanced(by: Int(buffer.rawValue) &* stride)
    }
}

// MARK: - Who holds what

extension BufferPool {
    /// Takes the free buffer that was freed last, with one reference; `nil` when none is left.
    public mutating func take() -> BufferIndex? {
        guard freeCount > 0 else { return nil }
        freeCount &-= 1
        let buffer = BufferIndex(rawValue: freeList[freeCount])
        assert(mark(buffer) == Self.freeMark, "a buffer on the free list is not free")
        setMark(buffer, 1)
        return buffer
    }

    /// Notes that a buffer is about to be given to the kernel, by whoever held it last.
    public mutating func lend(_ buffer: BufferIndex) {
        assert(mark(buffer) <= 1, "only a buffer that nobody else holds may be lent")
        setMark(buffer, Self.kernelMark)
    }

    /// Notes that the kernel handed a buffer back, filled; it has one reference.
    public mutating func received(_ buffer: BufferIndex) {
        assert(mark(buffer) == Self.kernelMark, "the kernel returned a buffer it did not have")
        setMark(buffer, 1)
    }

    /// One more holder.
    public mutating func retain(_ buffer: BufferIndex) {
        let references = mark(buffer)
        assert(references != 0 && references < Self.kernelMark, "retained a buffer nobody holds")
        setMark(buffer, references &+ 1)
    }

    /// One holder less.
    ///
    /// - Returns: True when it was the last: the caller lends the buffer or frees it.
    public mutating func release(_ buffer: BufferIndex) -> Bool {
        let references = mark(buffer)
        assert(references != 0 && references < Self.kernelMark, "released a buffer nobody holds")
        setMark(buffer, references &- 1)
        return references == 1
    }

    /// Puts a buffer that nobody else holds on the free list.
    public mutating func free(_ buffer: BufferIndex) {
        assert(mark(buffer) <= 1, "freed a buffer that is in use or free")
        setMark(buffer, Self.freeMark)
        freeList[freeCount] = buffer.rawValue
        freeCount &+= 1
    }

    /// Where a buffer is, for invariants.
    public func place(of buffer: BufferIndex) -> BufferPlace {
        switch mark(buffer) {
        case Self.freeMark: .free
        case Self.kernelMark: .kernel
        case let references: .held(references: Int(references))
        }
    }

    private func mark(_ buffer: BufferIndex) -> UInt32 {
        references[Int(buffer.rawValue)]
    }

    private mutating func setMark(_ buffer: BufferIndex, _ value: UInt32) {
        references[Int(buffer.rawValue)] = value
    }
}
