/// DTLS (RFC 6347, RFC 7350): strangers, and the timers of handshakes.

internal import COpenSSL

extension TLSSessions {
    /// How long a cookie is good at least, in seconds; at most twice as long.
    public static let cookieSeconds: UInt64 = 60

    /// Whether a datagram begins as a ClientHello outside any session does (RFC 6347 4.1, 4.2.2): for one from an address that
    /// has an open session, the client has begun anew (4.2.8).
    public static func isClientHello(_ datagram: RawSpan) -> Bool {
        // A handshake record of version 254.x and epoch 0, in it a ClientHello; the headers are 13 and 12 bytes.
        guard datagram.byteCount >= 25 else { return false }
        // SAFETY: bytes are loaded at offsets below the length just checked.
        return unsafe datagram.unsafeLoad(fromByteOffset: 0, as: UInt8.self) == 22
            && datagram.unsafeLoad(fromByteOffset: 1, as: UInt8.self) == 254
            && datagram.unsafeLoad(fromByteOffset: 3, as: UInt8.self) == 0
            && datagram.unsafeLoad(fromByteOffset: 4, as: UInt8.self) == 0
            && datagram.unsafeLoad(fromByteOffset: 13, as: UInt8.self) == 1
    }

    /// Whether a record belongs to a handshake that is not done, or may: it comes before one is, or is of one.
    public static func mayBeOfHandshake(_ datagram: RawSpan) -> Bool {
        guard datagram.byteCount >= 13 else { return false }
        // SAFETY: bytes are loaded at offsets below the length just checked.
        return unsafe datagram.unsafeLoad(fromByteOffset: 0, as: UInt8.self) == 22
            || datagram.unsafeLoadUnaligned(fromByteOffset: 3, as: UInt16.self) == 0
    }

    /// Whether a session began with a ClientHello, with or without its cookie: both have one random, which is new for
    /// each session (RFC 6347 4.2.1).
    public func began(_ index: UInt32, with hello: RawSpan) -> Bool {
        // Behind the headers and the version.
        guard let session = unsafe session(index), hello.byteCount >= 27 + 32 else { return false }
        return unsafe hello.extracting(27..<59).withUnsafeBytes { random in
            // SAFETY: a session of the table is alive; `random` are the 32 bytes that the shim reads.
            unsafe turnpike_dtls_has_random(
                session,
                random.baseAddress?.assumingMemoryBound(to: UInt8.self)
            ) != 0
        }
    }

    /// Looks at a datagram from an address that has no session, and keeps nothing of it unless it brings our cookie.
    ///
    /// The cookie authenticates the address and a period of `cookieSeconds` under a key of the context, so that any thread
    /// takes it. One listening session of the thread serves all strangers and becomes the client's session with a good cookie.
    ///
    /// - Parameters:
    ///   - datagram: What came.
    ///   - address: The client's address and port, in any encoding that is always the same.
    ///   - seconds: Now, on a clock that all threads share.
    ///   - index: A free place for the session.
    ///   - context: A context for datagrams.
    ///   - output: Gets a HelloVerifyRequest; 128 bytes are enough.
    /// - Returns: What it was.
    public mutating func listen(
        _ datagram: RawSpan,
        from address: RawSpan,
        seconds: UInt64,
        at index: UInt32,
        _ context: TLSContext,
        output: inout MutableRawSpan
    ) -> DTLSHello {
        precondition(context.transport == .datagram, "a context for datagrams")
        precondition(!isOpen(index), "the place holds a session")
        guard Self.isClientHello(datagram) else { return .ignored }
        // SAFETY: the context is alive for the call; the session holds a reference to what it needs of it.
        guard
            let listener = unsafe takeListener(of: context)
                ?? turnpike_tls_session_new(context.pointer)
        else { return .ignored }
        var hello = TURNPIKE_DTLS_IGNORED
        let progress = unsafe lend(listener, ciphertext: datagram, output: &output) { session, io in
            unsafe address.withUnsafeBytes { bytes in
                // SAFETY: `bytes` is valid within this closure, in which the call is made.
                hello = unsafe Int(
                    turnpike_dtls_listen(
                        session,
                        io,
                        bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
                        bytes.count,
                        seconds / Self.cookieSeconds
                    )
                )
                return TURNPIKE_TLS_HANDSHAKING
            }
        }
        if hello == TURNPIKE_DTLS_ACCEPTED {
            unsafe place(listener, at: index)
            return .accepted
        }
        unsafe keepListener(listener)
        return hello == TURNPIKE_DTLS_ASKED ? .verify(outputCount: progress.outputCount) : .ignored
    }

    /// When a session's retransmission timer ends (RFC 6347, 4.2.4), on the caller's clock; nil when it does not run.
    ///
    /// OpenSSL keeps the timer on the wall clock by itself: ask again after each call for the session, and call
    /// `retransmit` when it is due.
    public func nextTimer(_ index: UInt32, nowNanoseconds now: UInt64) -> UInt64? {
        guard let session = unsafe session(index) else { return nil }
        // SAFETY: a session of the table is alive.
        let left = unsafe turnpike_dtls_timer(session)
        return left < 0 ? nil : now &+ UInt64(left) &* 1000
    }

    /// Sends the handshake's last flight again if the timer has ended, else nothing; after twelve times the session fails.
    public mutating func retransmit(
        _ index: UInt32,
        output: inout MutableRawSpan
    ) -> TLSProgress {
        unsafe call(index, ciphertext: RawSpan(), output: &output) { session, io in
            // SAFETY: `call` lends a session and a filled-in `io`.
            unsafe Int(turnpike_dtls_retransmit(session, io))
        }
    }
}
