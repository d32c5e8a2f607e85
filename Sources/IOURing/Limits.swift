/// The bounds of this module, with where each comes from.
enum Limits {
    /// A cache line of every machine we run on; also the alignment of a buffer.
    static let cacheLine = 64
    /// A huge page of x86-64 and of arm64 with 4 KiB pages.
    static let hugePage = 2 * 1024 * 1024

    /// Datagrams in one segmented send: `UDP_MAX_SEGMENTS` of Linux before 6.9.
    static let segments = 64
    /// Bytes in one segmented send: 65 535 less IP and UDP headers, with some room for options.
    static let segmentedBytes = 65_000
    /// Pieces of one datagram: header, payload, padding.
    static let vectorsEach = 3
    /// Pieces of one send.
    static let vectors = segments * vectorsEach

    /// Entries of a provided-buffer ring: `IORING_MAX_PBUF_ENTRIES`.
    static let bufferRingEntries = 32_768
    /// Buffers that the 16-bit buffer number of a completion can name.
    static let nameableBuffers = 65_536
    /// Entries of a submission queue: `IORING_MAX_ENTRIES`.
    static let submissionEntries = 32_768

    /// Connections that wait to be accepted, capped by net.core.somaxconn: a burst while a pass runs.
    static let backlog: Int32 = 4096

    /// Waiting "for ever" where the kernel wants a time; nothing depends on its length.
    static let longWaitNanoseconds: UInt64 = 3_600_000_000_000
}
