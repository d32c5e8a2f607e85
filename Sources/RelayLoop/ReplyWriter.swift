/// Where answers to clients are written before they are sent.

internal import IOURing
internal import STUN
internal import TURN

/// Packs the answers of a pass into few buffers of the pool.
///
/// An answer is written to `scratch` while the request is still borrowed from the pool, and then copied:
/// answers are control traffic, at most a few hundred bytes.
struct ReplyWriter: ~Copyable {
    /// Memory an answer is written to.
    typealias Scratch = InlineArray<1536, UInt8>

    /// The scratch of this thread.
    var scratch = Scratch(repeating: 0)

    private var buffer: BufferIndex?
    private var used = 0

    /// Copies `count` bytes of scratch into the pool.
    ///
    /// - Returns: where they are; `nil` when the pool has no free buffer.
    mutating func place(count: Int, in pool: inout BufferPool) -> (
        buffer: BufferIndex, offset: Int
    )? {
        if let current = buffer, used + count > pool.size {
            _ = pool.release(current)
            buffer = nil
        }
        if buffer == nil {
            buffer = pool.take()
            used = 0
        }
        guard let current = buffer else { return nil }
        let offset = used
        var target = pool.mutableBytes(current, offset..<(offset + count))
        for index in 0..<count {
            target.storeBytes(of: scratch[index], toByteOffset: index, as: UInt8.self)
        }
        used += (count + 63) & ~63
        return (current, offset)
    }

    /// Lets go of the buffer being filled: from here on only sends hold it.
    mutating func endPass(_ pool: inout BufferPool) {
        guard let current = buffer else { return }
        if pool.release(current) { pool.free(current) }
        buffer = nil
    }
}
