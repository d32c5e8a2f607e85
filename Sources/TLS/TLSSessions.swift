/// The TLS and DTLS sessions of one relay thread, by index.
///
/// Bytes come in and go out in memory that the caller lends for one call; nothing here knows a socket. A session of an
/// index is a server's. How to use it: `open` when a connection's first byte has come, `receive` with what comes, send the
/// output, `write` what is to be sent, `close` in the end. Whoever wants to bound handshakes asks `isHandshaking` before
/// `receive`: all that is expensive happens while it says so.
///
/// An established session without traffic holds no buffers; while a record is on its way OpenSSL takes memory for it from the
/// heap and gives it back.

internal import COpenSSL

/// A fixed number of places for sessions, owned by one thread.
///
/// Safe to use because the pointers are private, belong to their only owner, and each index is checked.
@safe public struct TLSSessions: ~Copyable {
    /// The longest plaintext of a record (RFC 8446, 5.1), in bytes.
    public static let maximumPlaintext = Int(TURNPIKE_TLS_PLAINTEXT)
    /// The room that the output of `write` needs beyond the plaintext, in bytes.
    public static let recordOverhead = Int(TURNPIKE_TLS_OVERHEAD)

    /// The number of places.
    public let capacity: Int
    /// How many sessions are open.
    public private(set) var count = 0
    /// `turnpike_tls_session`s; nil for a free place.
    private let sessions: UnsafeMutablePointer<OpaquePointer?>
    /// The session that listens for DTLS clients, made when the first datagram comes.
    private var listener: OpaquePointer?

    /// Takes memory for `capacity` places; a session's own memory is taken when it is opened.
    public init(capacity: Int) {
        precondition(capacity > 0 && capacity <= UInt32.max, "sessions are counted in 32 bits")
        self.capacity = capacity
        unsafe sessions = .allocate(capacity: capacity)
        // SAFETY: just allocated with that capacity.
        unsafe sessions.initialize(repeating: nil, count: capacity)
        unsafe listener = nil
    }

    deinit {
        // SAFETY: the pointers of the table are sessions or nil, which the shim ignores.
        for index in 0..<capacity { unsafe turnpike_tls_session_free(sessions[index]) }
        // SAFETY: a session of its own, or nil.
        unsafe turnpike_tls_session_free(listener)
        // SAFETY: allocated in init.
        unsafe sessions.deallocate()
    }

    /// Whether a place holds a session.
    public func isOpen(_ index: UInt32) -> Bool {
        unsafe session(index) != nil
    }

    /// Begins a session in a free place, for a stream; for datagrams use `listen`.
    ///
    /// - Returns: False when OpenSSL gets no memory.
    public mutating func open(_ index: UInt32, _ context: TLSContext) -> Bool {
        precondition(context.transport == .stream, "a client of DTLS proves its address first")
        precondition(!isOpen(index), "the place holds a session")
        // SAFETY: the context is alive for the call; the session holds a reference to what it needs of it.
        guard let made = unsafe turnpike_tls_session_new(context.pointer) else { return false }
        unsafe place(made, at: index)
        return true
    }

    /// Ends a session and frees its place.
    ///
    /// - Parameters:
    ///   - index: The place.
    ///   - output: Gets close_notify, or the alert that found no room before, as far as it fits.
    /// - Returns: What of the output is to be sent.
    @discardableResult
    public mutating func close(_ index: UInt32, output: inout MutableRawSpan) -> TLSProgress {
        let progress = unsafe call(index, ciphertext: RawSpan(), output: &output) { session, io in
            // SAFETY: `call` lends a session and a filled-in `io`.
            unsafe turnpike_tls_end(session, io)
            return TURNPIKE_TLS_CLOSED
        }
        discard(index)
        return progress
    }

    /// Ends a session without a word and frees its place, such as when its socket is gone.
    public mutating func discard(_ index: UInt32) {
        guard let old = unsafe session(index) else { return }
        // SAFETY: taken out of the table, so that nobody uses it again.
        unsafe sessions[Int(index)] = nil
        unsafe turnpike_tls_session_free(old)
        count &-= 1
    }

    /// Takes a session out of its place, for the sessions of another thread; nil when there is none.
    public mutating func take(_ index: UInt32) -> TLSSession? {
        guard let old = unsafe session(index) else { return nil }
        // SAFETY: taken out of the table, so that it is in one place only.
        unsafe sessions[Int(index)] = nil
        count &-= 1
        return unsafe TLSSession(pointer: old)
    }

    /// Puts a session that was taken out of another table into a free place.
    public mutating func put(_ session: TLSSession, at index: UInt32) {
        precondition(!isOpen(index), "the place holds a session")
        // SAFETY: whoever took it out gave it to nobody else.
        unsafe place(session.pointer, at: index)
    }

    /// The session of a place, if there is one; the index is checked.
    @unsafe
    func session(_ index: UInt32) -> OpaquePointer? {
        precondition(Int(index) < capacity, "no such place")
        // SAFETY: checked just above; all places are initialised.
        return unsafe sessions[Int(index)]
    }

    /// Puts a new session into a free place.
    @unsafe
    mutating func place(_ session: OpaquePointer, at index: UInt32) {
        // SAFETY: the caller has seen that the place is free, and so that the index is one.
        unsafe sessions[Int(index)] = session
        count &+= 1
    }

    /// Takes the listening session out, if it is one of a context.
    @unsafe
    mutating func takeListener(of context: TLSContext) -> OpaquePointer? {
        guard let old = unsafe listener else { return nil }
        unsafe listener = nil
        // SAFETY: both are alive.
        if unsafe turnpike_tls_session_is_of(old, context.pointer) != 0 { return unsafe old }
        // SAFETY: nobody else has it.
        unsafe turnpike_tls_session_free(old)
        return nil
    }

    /// Keeps a session to listen with.
    @unsafe
    mutating func keepListener(_ session: OpaquePointer) {
        unsafe listener = session
    }
}
