/// Records in and out of a session, and what its handshake agreed on.

internal import COpenSSL

extension TLSSessions {
    /// Takes in ciphertext: goes on with the handshake, then decrypts.
    ///
    /// Repeat it while it says `.morePlaintext` or `.needsOutputRoom`, with the ciphertext that was not `consumed`. A DTLS
    /// session hands over one record a call, wants a whole datagram as ciphertext, and drops a record for which there is
    /// no room; `maximumPlaintext` bytes are enough for each.
    ///
    /// - Parameters:
    ///   - index: The place of an open session.
    ///   - ciphertext: What came from the client; empty to go on.
    ///   - plaintext: Gets what was decrypted.
    ///   - output: Gets what is to be sent: the handshake's messages, alerts, answers to KeyUpdate.
    /// - Returns: How much of each, and where the session stands.
    public mutating func receive(
        _ index: UInt32,
        ciphertext: RawSpan,
        plaintext: inout MutableRawSpan,
        output: inout MutableRawSpan
    ) -> TLSProgress {
        unsafe plaintext.withUnsafeMutableBytes { bytes in
            unsafe call(index, ciphertext: ciphertext, output: &output) { session, io in
                // SAFETY: `bytes` is valid within this closure, in which the call is made.
                unsafe io.pointee.plaintext = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
                unsafe io.pointee.plaintext_size = bytes.count
                return unsafe Int(turnpike_tls_receive(session, io))
            }
        }
    }

    /// Makes one record, and for DTLS one datagram, of up to `maximumPlaintext` bytes; nothing for none.
    ///
    /// - Parameters:
    ///   - index: The place of an open session.
    ///   - plaintext: What to encrypt; all of it is taken or nothing.
    ///   - output: Gets the record, behind what still waited for room; send it even if nothing was taken.
    /// - Returns: What became of the plaintext, and the bytes put into the output.
    public mutating func write(
        _ index: UInt32,
        plaintext: RawSpan,
        output: inout MutableRawSpan
    ) -> (writing: TLSWriting, outputCount: Int) {
        if plaintext.isEmpty { return (.written, 0) }
        if plaintext.byteCount > Self.maximumPlaintext { return (.tooLong, 0) }
        var isTaken = false
        let progress = unsafe call(index, ciphertext: RawSpan(), output: &output) { session, io in
            unsafe plaintext.withUnsafeBytes { bytes in
                var state: Int32 = 0
                // SAFETY: `bytes` and `state` are valid within this closure, in which the call is made.
                isTaken =
                    unsafe turnpike_tls_write(
                        session,
                        io,
                        bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
                        bytes.count,
                        &state
                    ) != 0
                return Int(state)
            }
        }
        return (Self.writing(isTaken, progress.state), progress.outputCount)
    }

    private static func writing(_ isTaken: Bool, _ state: TLSState) -> TLSWriting {
        if isTaken { return .written }
        return switch state {
        case .needsOutputRoom: .needsOutputRoom
        case .failed(let failure): .failed(failure)
        case .handshaking, .open, .morePlaintext, .closedByPeer: .notOpen
        }
    }

    /// Bytes of the record at the front of a stream, its header included; `nil` while that is not known.
    ///
    /// A session takes some 50 kB while it shakes hands: open it once the client's first record is there.
    public static func recordCount(_ stream: RawSpan) -> Int? {
        guard stream.byteCount >= 5 else { return nil }
        // SAFETY: two bytes are loaded below the length just checked.
        let length = unsafe stream.unsafeLoadUnaligned(fromByteOffset: 3, as: UInt16.self)
        return 5 + Int(UInt16(bigEndian: length))
    }

    /// Whether the next `receive` may do the work of a handshake, some hundred times that of a record.
    public func isHandshaking(_ index: UInt32) -> Bool {
        version(index) == nil
    }

    /// The version that was agreed on; nil while it is handshaking.
    public func version(_ index: UInt32) -> TLSVersion? {
        guard let session = unsafe session(index) else { return nil }
        // SAFETY: a session of the table is alive.
        return unsafe TLSVersion(rawValue: turnpike_tls_version(session))
    }

    /// Whether a ticket shortened the handshake.
    public func isResumed(_ index: UInt32) -> Bool {
        guard let session = unsafe session(index) else { return false }
        // SAFETY: a session of the table is alive.
        return unsafe turnpike_tls_is_resumed(session) != 0
    }

    /// The protocol that ALPN chose.
    public func applicationProtocol(_ index: UInt32) -> TLSApplicationProtocol {
        guard let session = unsafe session(index) else { return .unspecified }
        // SAFETY: a session of the table is alive.
        switch unsafe turnpike_tls_protocol_length(session) {
        case 9: return .turn
        case 18: return .natDiscovery
        case 8: return .http
        default: return .unspecified
        }
    }
}

extension TLSSessions {
    /// Lends a place's session and the caller's memory to a call of the shim.
    @unsafe
    func call(
        _ index: UInt32,
        ciphertext: RawSpan,
        output: inout MutableRawSpan,
        _ body: (OpaquePointer, UnsafeMutablePointer<turnpike_tls_io>) -> Int
    ) -> TLSProgress {
        guard let session = unsafe session(index) else {
            preconditionFailure("the place holds no session")
        }
        return unsafe lend(session, ciphertext: ciphertext, output: &output, body)
    }
}

/// Fills in what a call of the shim reads and writes, makes the call, and says what came of it.
@unsafe
func lend(
    _ session: OpaquePointer,
    ciphertext: RawSpan,
    output: inout MutableRawSpan,
    _ body: (OpaquePointer, UnsafeMutablePointer<turnpike_tls_io>) -> Int
) -> TLSProgress {
    var progress = TLSProgress(state: .handshaking)
    var lengths = progress.datagrams.lengths
    var io = unsafe turnpike_tls_io()
    // SAFETY: the three regions are valid within the closures, in which the call is made; the shim keeps no pointer to them.
    let state = unsafe ciphertext.withUnsafeBytes { input in
        unsafe output.withUnsafeMutableBytes { output in
            var span = lengths.mutableSpan
            return unsafe span.withUnsafeMutableBufferPointer { datagrams in
                unsafe io.input = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
                unsafe io.input_size = input.count
                unsafe io.output = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
                unsafe io.output_size = output.count
                unsafe io.datagrams = datagrams.baseAddress
                return unsafe body(session, &io)
            }
        }
    }
    progress.consumed = unsafe io.input_count
    progress.plaintextCount = unsafe io.plaintext_count
    progress.outputCount = unsafe io.output_count
    progress.datagrams.count = unsafe io.datagram_count
    progress.datagrams.lengths = lengths
    progress.state = unsafe TLSState(code: state, of: session)
    return progress
}

extension TLSState {
    /// A state as the shim numbers it.
    @unsafe
    init(code: Int, of session: OpaquePointer) {
        self =
            switch code {
            case TURNPIKE_TLS_HANDSHAKING: .handshaking
            case TURNPIKE_TLS_OPEN: .open
            case TURNPIKE_TLS_MORE: .morePlaintext
            case TURNPIKE_TLS_NEEDS_OUTPUT: .needsOutputRoom
            case TURNPIKE_TLS_CLOSED: .closedByPeer
            // SAFETY: the caller's session is alive.
            default: .failed(TLSFailure(code: unsafe turnpike_tls_failure(session)))
            }
    }
}
