/// MD5, SHA-1, SHA-256 and their HMACs (RFC 2104) over borrowed bytes.
///
/// Contexts and results live on the stack; nothing here allocates or locks.

internal import COpenSSL

/// 16 bytes: an MD5.
public struct Digest16: Sendable, BitwiseCopyable {
    var storage: [16 of UInt8] = .init(repeating: 0)

    /// The digest's bytes.
    public var bytes: RawSpan {
        @_lifetime(borrow self) borrowing get { storage.span.rawBytes }
    }
}

/// 20 bytes: a SHA-1.
public struct Digest20: Sendable, BitwiseCopyable {
    var storage: [20 of UInt8] = .init(repeating: 0)

    /// The digest's bytes.
    public var bytes: RawSpan {
        @_lifetime(borrow self) borrowing get { storage.span.rawBytes }
    }
}

/// 32 bytes: a SHA-256.
public struct Digest32: Sendable, BitwiseCopyable {
    var storage: [32 of UInt8] = .init(repeating: 0)

    /// The digest's bytes.
    public var bytes: RawSpan {
        @_lifetime(borrow self) borrowing get { storage.span.rawBytes }
    }
}

/// The MD5 (RFC 1321) of `message`.
public func md5(_ message: RawSpan) -> Digest16 {
    var hash = MD5()
    hash.update(message)
    return hash.finish()
}

/// The SHA-1 (FIPS 180-4) of `first` followed by `second`.
public func sha1(_ first: RawSpan, _ second: RawSpan = RawSpan()) -> Digest20 {
    var hash = SHA1()
    hash.update(first)
    hash.update(second)
    return hash.finish()
}

/// The SHA-256 (FIPS 180-4) of `message`.
public func sha256(_ message: RawSpan) -> Digest32 {
    var hash = SHA256()
    hash.update(message)
    return hash.finish()
}

/// The HMAC-SHA1 of `first` followed by `second` under `key`.
public func hmacSHA1(
    key: RawSpan,
    _ first: RawSpan,
    _ second: RawSpan = RawSpan()
) -> Digest20 {
    authenticate(SHA1.self, key, first, second)
}

/// The HMAC-SHA256 of `first` followed by `second` under `key`.
public func hmacSHA256(
    key: RawSpan,
    _ first: RawSpan,
    _ second: RawSpan = RawSpan()
) -> Digest32 {
    authenticate(SHA256.self, key, first, second)
}

/// A hash function of 64-byte blocks, fed piece by piece.
protocol HashFunction {
    associatedtype Output
    init()
    mutating func update(_ bytes: RawSpan)
    mutating func finish() -> Output
    static func withBytes<Result>(of output: Output, _ body: (RawSpan) -> Result) -> Result
}

/// RFC 2104: H(key ^ opad, H(key ^ ipad, message)).
private func authenticate<Hash: HashFunction>(
    _: Hash.Type,
    _ key: RawSpan,
    _ first: RawSpan,
    _ second: RawSpan
) -> Hash.Output {
    var block = keyBlock(Hash.self, key)
    for index in block.indices { block[index] ^= 0x36 }
    var inner = Hash()
    inner.update(block.span.rawBytes)
    inner.update(first)
    inner.update(second)
    for index in block.indices { block[index] ^= 0x36 ^ 0x5C }
    var outer = Hash()
    outer.update(block.span.rawBytes)
    Hash.withBytes(of: inner.finish()) { outer.update($0) }
    return outer.finish()
}

/// The key, hashed if it is longer than a block, filled with zeros to a block.
private func keyBlock<Hash: HashFunction>(_: Hash.Type, _ key: RawSpan) -> [64 of UInt8] {
    var block: [64 of UInt8] = .init(repeating: 0)
    guard key.byteCount > block.count else {
        for index in 0..<key.byteCount { block[index] = key.uint8(at: index) }
        return block
    }
    var hash = Hash()
    hash.update(key)
    Hash.withBytes(of: hash.finish()) { digest in
        for index in 0..<digest.byteCount { block[index] = digest.uint8(at: index) }
    }
    return block
}

/// A running MD5.
struct MD5: HashFunction {
    private var context = MD5_CTX()

    init() {
        // `context` outlives the call, which only fills it.
        unsafe MD5_Init(&context)
    }

    mutating func update(_ bytes: RawSpan) {
        // The span is valid within the closure, and the call only reads `count` bytes of it.
        _ = unsafe bytes.withUnsafeBytes { unsafe MD5_Update(&context, $0.baseAddress, $0.count) }
    }

    mutating func finish() -> Digest16 {
        var digest = Digest16()
        var output = digest.storage.mutableSpan
        // MD5_Final writes MD5_DIGEST_LENGTH bytes, the size of `digest.storage`.
        _ = unsafe output.withUnsafeMutableBufferPointer {
            unsafe MD5_Final($0.baseAddress, &context)
        }
        return digest
    }

    static func withBytes<Result>(of output: Digest16, _ body: (RawSpan) -> Result) -> Result {
        body(output.bytes)
    }
}

/// A running SHA-1.
struct SHA1: HashFunction {
    private var context = SHA_CTX()

    init() {
        // `context` outlives the call, which only fills it.
        unsafe SHA1_Init(&context)
    }

    mutating func update(_ bytes: RawSpan) {
        // The span is valid within the closure, and the call only reads `count` bytes of it.
        _ = unsafe bytes.withUnsafeBytes { unsafe SHA1_Update(&context, $0.baseAddress, $0.count) }
    }

    mutating func finish() -> Digest20 {
        var digest = Digest20()
        var output = digest.storage.mutableSpan
        // SHA1_Final writes SHA_DIGEST_LENGTH bytes, the size of `digest.storage`.
        _ = unsafe output.withUnsafeMutableBufferPointer {
            unsafe SHA1_Final($0.baseAddress, &context)
        }
        return digest
    }

    static func withBytes<Result>(of output: Digest20, _ body: (RawSpan) -> Result) -> Result {
        body(output.bytes)
    }
}

/// A running SHA-256.
struct SHA256: HashFunction {
    private var context = SHA256_CTX()

    init() {
        // `context` outlives the call, which only fills it.
        unsafe SHA256_Init(&context)
    }

    mutating func update(_ bytes: RawSpan) {
        // The span is valid within the closure, and the call only reads `count` bytes of it.
        _ = unsafe bytes.withUnsafeBytes {
            unsafe SHA256_Update(&context, $0.baseAddress, $0.count)
        }
    }

    mutating func finish() -> Digest32 {
        var digest = Digest32()
        var output = digest.storage.mutableSpan
        // SHA256_Final writes SHA256_DIGEST_LENGTH bytes, the size of `digest.storage`.
        _ = unsafe output.withUnsafeMutableBufferPointer {
            unsafe SHA256_Final($0.baseAddress, &context)
        }
        return digest
    }

    static func withBytes<Result>(of output: Digest32, _ body: (RawSpan) -> Result) -> Result {
        body(output.bytes)
    }
}
