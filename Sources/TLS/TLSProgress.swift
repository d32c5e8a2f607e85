/// What a call for a session did, and what it waits for.

internal import COpenSSL

/// Where a session stands after a call.
public enum TLSState: Hashable, Sendable, BitwiseCopyable {
    /// The handshake waits for more from the client.
    case handshaking
    /// Everything was taken in, and all plaintext handed over.
    case open
    /// There is more plaintext: call again with room for it and what is left of the ciphertext, if only 0 bytes.
    case morePlaintext
    /// The output is full: send it, then call again with room and what is left of the ciphertext, if only 0 bytes.
    case needsOutputRoom
    /// The client ended the session with close_notify; plaintext before it was handed over. Still open for writing.
    case closedByPeer
    /// It is over; an alert that says so may be in the output.
    case failed(TLSFailure)
}

/// Why a session failed.
public enum TLSFailure: Int32, Hashable, Sendable, BitwiseCopyable, CaseIterable {
    /// What came is not TLS, such as HTTP without it.
    case notTLS = 1
    /// A ClientHello announces more than 16 KiB.
    case helloTooLong
    /// The client's versions are not ours.
    case noCommonVersion
    /// The client's ciphers, groups or signatures are not ours.
    case noCommonCipher
    /// The client's ALPN list has none of our protocols (RFC 7301, 3.2).
    case noCommonProtocol
    /// The client sent a fatal alert, such as that it does not trust the certificate.
    case peerAlert
    /// A record does not decrypt.
    case badRecord
    /// The client of a DTLS handshake does not answer.
    case timedOut
    /// OpenSSL got no memory.
    case outOfMemory
    /// Any other violation of the protocol.
    case protocolViolation
}

/// The protocol that ALPN chose (RFC 7443).
public enum TLSApplicationProtocol: Hashable, Sendable, BitwiseCopyable {
    /// The client asked for none, or the handshake is not done.
    case unspecified
    /// `stun.turn`.
    case turn
    /// `stun.nat-discovery`.
    case natDiscovery
    /// `http/1.1`.
    case http
}

/// The lengths of the datagrams that lie back to back in an output; for DTLS.
public struct TLSDatagrams: Sendable, BitwiseCopyable {
    var lengths: [16 of UInt16] = .init(repeating: 0)
    /// How many there are, up to 16.
    public internal(set) var count = 0

    /// The length in bytes of one of them, in order.
    public subscript(index: Int) -> Int { Int(lengths[index]) }
}

/// What one call took and gave.
public struct TLSProgress: Sendable, BitwiseCopyable {
    /// Where the session stands.
    public internal(set) var state: TLSState
    /// Bytes of ciphertext taken in; the rest has to be given again.
    public internal(set) var consumed = 0
    /// Bytes put into the plaintext; for DTLS one record, which is one message.
    public internal(set) var plaintextCount = 0
    /// Bytes put into the output, to be sent whatever the state is.
    public internal(set) var outputCount = 0
    /// For DTLS, what of the output is which datagram.
    public internal(set) var datagrams = TLSDatagrams()
}

/// What became of plaintext to be sent.
public enum TLSWriting: Hashable, Sendable, BitwiseCopyable {
    /// It is one record in the output; for DTLS one datagram.
    case written
    /// Nothing was taken: the output is less than the plaintext and `TLSSessions.recordOverhead`.
    case needsOutputRoom
    /// Nothing was taken: the handshake is not done, or waits within a message of the client's.
    case notOpen
    /// Nothing was taken: more than `TLSSessions.maximumPlaintext` bytes.
    case tooLong
    /// The session is over.
    case failed(TLSFailure)
}

/// What a datagram from an address without a session is.
public enum DTLSHello: Hashable, Sendable, BitwiseCopyable {
    /// No ClientHello, or not one to be answered.
    case ignored
    /// A ClientHello without our cookie: send the output, a HelloVerifyRequest of that many bytes, and forget it.
    case verify(outputCount: Int)
    /// A ClientHello with our cookie for that address: the session is open and has taken it in. Its next `receive`, even
    /// without ciphertext, does the handshake's expensive step.
    case accepted
}

extension TLSFailure {
    /// A failure as the shim numbers it.
    init(code: Int32) {
        self = TLSFailure(rawValue: code) ?? .protocolViolation
    }
}
