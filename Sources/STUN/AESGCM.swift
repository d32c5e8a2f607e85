/// AES in Galois/counter mode (RFC 5116 5.1 and 5.2), which seals access tokens (RFC 7635 6.2).

internal import COpenSSL

/// Authenticated decryption; unlike the digests it allocates, so a caller decides how often it may be had.
public enum AESGCM {
    /// Bytes of a nonce.
    public static let nonceCount = 12
    /// Bytes that sealing adds at the end.
    public static let tagCount = 16

    /// Opens what was sealed under a key of 16 or 32 bytes.
    ///
    /// - Parameters:
    ///   - sealed: ciphertext and tag.
    ///   - key: the key; its length chooses the cipher.
    ///   - nonce: 12 bytes.
    ///   - associatedData: what was sealed along without being in there.
    ///   - opened: where the plaintext goes; of no meaning unless all is authentic.
    /// - Returns: the bytes of the plaintext; nil when something is not authentic or has no fitting length.
    public static func open(
        _ sealed: RawSpan,
        key: RawSpan,
        nonce: RawSpan,
        associatedData: RawSpan,
        into opened: inout MutableRawSpan
    ) -> Int? {
        let count = sealed.byteCount - tagCount
        guard count > 0, count <= opened.byteCount, nonce.byteCount == nonceCount,
            let cipher = Cipher(), cipher.takes(key: key, nonce: nonce),
            cipher.takes(associatedData: associatedData),
            cipher.decrypts(sealed.extracting(0..<count), into: &opened),
            cipher.accepts(tag: sealed.extracting(count..<sealed.byteCount))
        else { return nil }
        return count
    }
}

/// A decryption that runs; what it allocated goes with it.
///
/// Safe to use because the context is private, checked when it is made, and lives exactly as long as its only owner.
@safe private struct Cipher: ~Copyable {
    private let context: OpaquePointer

    init?() {
        guard let context = unsafe EVP_CIPHER_CTX_new() else { return nil }
        unsafe self.context = context
    }

    deinit {
        // Made by `init`, used by nobody else.
        unsafe EVP_CIPHER_CTX_free(context)
    }

    func takes(key: RawSpan, nonce: RawSpan) -> Bool {
        let algorithm: OpaquePointer?
        switch key.byteCount {
        case 16: unsafe algorithm = EVP_aes_128_gcm()
        case 32: unsafe algorithm = EVP_aes_256_gcm()
        default: return false
        }
        // The spans are valid within the closures; key and nonce have the lengths that the cipher reads.
        let isKeyed = unsafe key.withUnsafeBytes {
            unsafe EVP_DecryptInit_ex(context, algorithm, nil, $0.bytes, nil) == 1
        }
        return unsafe nonce.withUnsafeBytes {
            unsafe isKeyed && EVP_DecryptInit_ex(context, nil, nil, nil, $0.bytes) == 1
        }
    }

    func takes(associatedData: RawSpan) -> Bool {
        var count: Int32 = 0
        // The span is valid within the closure; without an output nothing is written.
        return unsafe associatedData.withUnsafeBytes {
            unsafe EVP_DecryptUpdate(context, nil, &count, $0.bytes, Int32(clamping: $0.count)) == 1
        }
    }

    /// `opened` has room for all of `ciphertext`.
    func decrypts(_ ciphertext: RawSpan, into opened: inout MutableRawSpan) -> Bool {
        var count: Int32 = 0
        // Both are valid within the closures, and as many bytes are written as are read.
        return unsafe opened.withUnsafeMutableBytes { output in
            unsafe ciphertext.withUnsafeBytes {
                unsafe EVP_DecryptUpdate(
                    context,
                    output.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    &count,
                    $0.bytes,
                    Int32(clamping: $0.count)
                ) == 1
            }
        }
    }

    func accepts(tag: RawSpan) -> Bool {
        var expected: [16 of UInt8] = .init(repeating: 0)
        for index in expected.indices { expected[index] = tag.uint8(at: index) }
        var bytes = expected.mutableSpan
        // The call copies 16 bytes, the size of `expected`.
        let isSet = unsafe bytes.withUnsafeMutableBytes {
            unsafe EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, $0.baseAddress) == 1
        }
        var count: Int32 = 0
        var rest: UInt8 = 0
        // A mode without blocks has nothing left to write.
        return unsafe isSet && EVP_DecryptFinal_ex(context, &rest, &count) == 1
    }
}

extension UnsafeRawBufferPointer {
    /// The first byte, as C's functions want it.
    fileprivate var bytes: UnsafePointer<UInt8>? {
        unsafe baseAddress?.assumingMemoryBound(to: UInt8.self)
    }
}
