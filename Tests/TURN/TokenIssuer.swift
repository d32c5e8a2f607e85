/// An authorization server, as far as tests need one: it seals tokens with OpenSSL.
import COpenSSL
import STUN
import TURN

/// Makes access tokens of one key (RFC 7635 6.2).
struct TokenIssuer {
    var kid = "north"
    /// 32 or 16 bytes.
    var key = Array("01234567890123456789012345678901".utf8)
    var serverName = "turn.example.org"
    var nonce = Array("h4j3k2l2n4b5".utf8)

    /// The key as the server is told.
    var configured: AccessTokenKey? {
        let digits = key.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return AccessTokenKey(
            name: kid,
            value: (key.count == 16 ? "A128GCM" : "A256GCM") + " 0x" + digits
        )
    }

    /// A token made at a second, of a session key.
    func token(
        _ sessionKey: [UInt8],
        at seconds: UInt64 = TestServer.start.unixSeconds,
        lifetime: UInt32 = 3600
    ) -> [UInt8] {
        seal(
            bigEndian(UInt16(sessionKey.count)) + sessionKey + bigEndian(seconds << 16)
                + bigEndian(lifetime)
        )
    }

    /// A token of any block.
    func seal(_ block: [UInt8]) -> [UInt8] {
        guard let context = EVP_CIPHER_CTX_new() else { fatalError("no memory") }
        defer { EVP_CIPHER_CTX_free(context) }
        let name = Array(serverName.utf8)
        var sealed = [UInt8](repeating: 0, count: block.count)
        var tag = [UInt8](repeating: 0, count: 16)
        var count: Int32 = 0
        let cipher = key.count == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm()
        EVP_EncryptInit_ex(context, cipher, nil, key, nonce)
        EVP_EncryptUpdate(context, nil, &count, name, Int32(name.count))
        EVP_EncryptUpdate(context, &sealed, &count, block, Int32(block.count))
        EVP_EncryptFinal_ex(context, &tag, &count)
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, &tag)
        return bigEndian(UInt16(nonce.count)) + nonce + sealed + tag
    }

    private func bigEndian(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }
}

extension TestServer {
    /// A server that takes tokens of these issuers besides passwords.
    convenience init(
        trusting issuers: TokenIssuer...,
        configure: (inout ServerConfiguration) -> Void = { _ in }
    ) {
        self.init {
            $0.accessTokenKeys = issuers.compactMap(\.configured)
            $0.serverName = "turn.example.org"
            configure(&$0)
        }
    }

    /// A client with a token and a nonce.
    func bearer(
        _ address: String = "192.0.2.1:1000",
        of issuer: TokenIssuer = TokenIssuer(),
        key: String = "a session key of 160",
        lifetime: UInt32 = 3600
    ) -> TestClient {
        let client = client(address, issuer.kid)
        client.take(issuer.token(Array(key.utf8), lifetime: lifetime), key, kid: issuer.kid)
        return client
    }
}

extension TestClient {
    /// Uses a token from now on.
    func take(_ token: [UInt8], _ key: String, kid: String = "north") {
        username = kid
        accessToken = token
        sessionKey = Array(key.utf8)
    }
}
