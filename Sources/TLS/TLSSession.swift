/// A session between two tables, on its way from one thread to another.

internal import COpenSSL

/// A session that is in no table: to be put into one, or ended, once.
@safe public struct TLSSession: @unchecked Sendable, BitwiseCopyable {
    let pointer: OpaquePointer

    /// Ends it without a word.
    public func end() {
        // SAFETY: it is in no table, and its holder does not use it again.
        unsafe turnpike_tls_session_free(pointer)
    }
}
