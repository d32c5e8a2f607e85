/// Where answers to clients are written before they are sent.

internal import IOURing
internal import STUN
internal import TURN

/// Packs the answers of a pass into few buffers of the pool.
///
/// An answer is written to `scratch` while the request is still borrowed from the pool, and then copied:
/// answers are control traffic, a few hundred bytes, or a padded one of NAT behaviour discovery.
struct ReplyWriter: ~Copyable {
    /// Memory an answer is written to: `TURN.Limits.replyBytes`.
    typealias Scratch = InlineArray<2048, UInt8>

    /// The scratch of this thread.
    var scratch = Scratch(repeating: 0)

    private var buffer: BufferIndex?
    private var used = 0

    /// Copies `count` bytes of scratch into the pool.
    ///
    /// - Returns: where they are; `nil` when the pool has no free buffer.
    mutating func place(scratch count: Int, in pool: inout BufferPool) -> ReplyPlace? {
        guard let place = place(count, in: &pool) else { return nil }
        pool.write(scratch.span.rawBytes.extracting(0..<count), to: place.buffer, at: place.offset)
        return place
    }

    /// Room for `count` bytes in the pool, which is this answer's.
    ///
    /// - Returns: where it is; `nil` when the pool has no free buffer.
    mutating func place(_ count: Int, in pool: inout BufferPool) -> ReplyPlace? {
        if count > pool.size { return nil }
        if let current = buffer, used + count > pool.size {
            if pool.release(current) { pool.free(current) }
            buffer = nil
        }
        if buffer == nil {
            buffer = pool.take()
            used = 0
        }
        guard let current = buffer else { return nil }
        let offset = used
        used += (count + 63) & ~63
        return ReplyPlace(buffer: current, offset: offset)
    }

    /// Lets go of the buffer being filled: from here on only sends hold it.
    mutating func endPass(_ pool: inout BufferPool) {
        guard let current = buffer else { return }
        if pool.release(current) { pool.free(current) }
        buffer = nil
    }
}

/// Where an answer lies.
struct ReplyPlace: BitwiseCopyable {
    let buffer: BufferIndex
    let offset: Int
}
