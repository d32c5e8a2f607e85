/// What TLS or DTLS sessions share: the certificate, versions, ciphers, protocols, the keys of tickets and cookies.

internal import COpenSSL

/// The lowest version of TLS that is spoken; DTLS is 1.2 in any case.
public enum TLSVersion: Int32, Sendable, BitwiseCopyable {
    /// TLS 1.2 (RFC 5246), DTLS 1.2 (RFC 6347).
    case tls12 = 12
    /// TLS 1.3 (RFC 8446).
    case tls13 = 13
}

/// What sessions run over.
public enum TLSTransport: Sendable, BitwiseCopyable {
    /// TLS over a stream of bytes.
    case stream
    /// DTLS over datagrams.
    case datagram
}

/// Why a context cannot be made: one line that names the file and what OpenSSL said of it.
public struct TLSContextError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The line.
    public let description: String
}

/// The immutable base of sessions, one for streams and one for datagrams, shared by all relay threads.
///
/// Only forward-secret AEAD ciphers, the server's order; no renegotiation, no compression. Sessions resume with tickets
/// (RFC 5077, RFC 8446 2.2) that any thread takes, and that a successor made with `ticketKeysOf` takes too, until the key
/// that made them has been replaced twice. ALPN chooses `stun.turn` before `stun.nat-discovery` before, where asked for,
/// `http/1.1`; a list without one of them ends in the alert no_application_protocol (RFC 7443, RFC 7301 3.2), a client
/// without ALPN is served.
///
/// `Sendable`: OpenSSL counts the references to an SSL_CTX atomically and locks what its sessions change in it, which is
/// statistics; what changes after `init` are the keys of tickets, which have a lock of their own.
@safe public final class TLSContext: @unchecked Sendable {
    /// The longest datagram of a DTLS handshake that can be asked for: OpenSSL gathers a flight in 4 096 bytes.
    public static let mtuBounds = 300...4000

    /// How old a key of tickets grows, in seconds; the tickets it made are taken for as long again.
    public static let ticketKeySeconds = UInt64(TURNPIKE_TICKET_KEY_SECONDS)

    /// What its sessions run over.
    public let transport: TLSTransport
    @unsafe let pointer: OpaquePointer

    /// Reads the certificate and its key.
    ///
    /// - Parameters:
    ///   - transport: Stream or datagram.
    ///   - certificate: The path of a PEM file: the server's certificate, then those that lead to an authority.
    ///   - privateKey: The path of a PEM file with its key, without a password.
    ///   - minimum: The lowest version; DTLS is 1.2 whatever it says.
    ///   - offersHTTP: Whether ALPN may choose `http/1.1`.
    ///   - mtu: The longest datagram of a DTLS handshake in bytes, clamped to `mtuBounds`.
    ///   - previous: A context of the same kind whose tickets and cookies stay good; nil for new keys.
    /// - Throws: A line that says what is wrong.
    public init(
        _ transport: TLSTransport,
        certificate: String,
        privateKey: String,
        minimum: TLSVersion = .tls12,
        offersHTTP: Bool = false,
        mtu: Int = 1200,
        ticketKeysOf previous: TLSContext? = nil
    ) throws(TLSContextError) {
        self.transport = transport
        var problem = [CChar](repeating: 0, count: 512)
        let mtu = min(max(mtu, Self.mtuBounds.lowerBound), Self.mtuBounds.upperBound)
        let made = unsafe certificate.withCString { certificate in
            unsafe privateKey.withCString { key in
                var settings = unsafe turnpike_tls_settings(
                    certificate: certificate,
                    key: key,
                    is_datagram: transport == .datagram ? 1 : 0,
                    minimum_version: minimum.rawValue,
                    offers_http: offersHTTP ? 1 : 0,
                    mtu: Int32(mtu)
                )
                // SAFETY: the strings and the buffer outlive the call; the previous context is alive, its owner is an argument.
                return unsafe turnpike_tls_context_new(
                    &settings,
                    previous?.pointer,
                    &problem,
                    problem.count
                )
            }
        }
        guard let made = unsafe made else {
            let line = problem.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
            throw TLSContextError(description: String(decoding: line, as: UTF8.self))
        }
        unsafe pointer = made
    }

    /// Makes a new key for tickets once the present one is old enough, for all contexts that share it.
    ///
    /// Whoever calls it, from any thread, says the time on a clock that all of them share; the age counts from the first
    /// call. The key before the last is wiped.
    public func rotateTicketKeys(at seconds: UInt64) {
        // SAFETY: alive until deinit; what it changes is behind a lock.
        unsafe turnpike_tls_context_rotate(pointer, seconds)
    }

    deinit {
        // SAFETY: made in init, given up once; sessions hold references of their own.
        unsafe turnpike_tls_context_free(pointer)
    }
}
