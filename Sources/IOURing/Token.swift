/// What a submission carries in its `user_data` and its completions bring back.
///
/// Never a pointer: 8 bits of kind, 24 bits of generation, 32 bits of index. The generation tells a
/// completion of a socket that is gone from one of the socket that took over its index.
public struct Token: Hashable, Sendable, BitwiseCopyable, RawRepresentable {
    /// The kernel's `user_data`.
    public let rawValue: UInt64

    /// Takes `user_data` apart again.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Packs the three.
    ///
    /// The upper 8 bits of `generation` are dropped. Kind 255 is the ring's own.
    public init(kind: UInt8, generation: UInt32 = 0, index: UInt32) {
        rawValue = UInt64(kind) << 56 | UInt64(generation & 0xFF_FFFF) << 32 | UInt64(index)
    }

    /// What the operation was; the loop's words.
    public var kind: UInt8 {
        UInt8(truncatingIfNeeded: rawValue >> 56)
    }

    /// Which user of the index it was for, modulo 2^24.
    public var generation: UInt32 {
        UInt32(truncatingIfNeeded: rawValue >> 32) & 0xFF_FFFF
    }

    /// Socket, slot or whatever else the kind counts.
    public var index: UInt32 {
        UInt32(truncatingIfNeeded: rawValue)
    }

    /// The kind of submissions whose completions the ring keeps to itself.
    static let ownKind: UInt8 = 0xFF
}

/// One thing the kernel has done.
public struct Completion: Sendable, BitwiseCopyable {
    /// What was given with the submission.
    public let token: Token
    /// Bytes or another positive answer, or a negative errno.
    public let result: Int32
    /// More completions of the same submission follow; when false, a multishot receive has ended.
    public let hasMore: Bool
    /// The provided buffer the kernel filled and took out of the buffer ring: to be given back.
    public let buffer: BufferIndex?

    /// Puts a completion together, for simulators and tests.
    public init(token: Token, result: Int32, hasMore: Bool, buffer: BufferIndex?) {
        self.token = token
        self.result = result
        self.hasMore = hasMore
        self.buffer = buffer
    }

    /// The error, when the result is one.
    public var error: Errno? {
        Errno(result: result)
    }
}
