import STUN
import Testing

@testable import TURN

@Suite("RFC 7635 6.2: the format of access tokens")
struct RFC7635_6_2_AccessTokenTests {
    private let issuer = TokenIssuer()
    private let sessionKey = Array("a session key of 160".utf8)

    /// What the server's keys make of a token.
    private func open(
        _ token: [UInt8],
        issuers: TokenIssuer...,
        serverName: String = "turn.example.org",
        kid: String = "north"
    ) -> AccessToken? {
        var configuration = ServerConfiguration()
        configuration.accessTokenKeys = (issuers.isEmpty ? [issuer] : issuers).compactMap(
            \.configured
        )
        configuration.serverName = serverName
        let keys = AccessTokenKeys(configuration)
        let kid = Array(kid.utf8)
        return keys.open(token.span.rawBytes, kid: kid.span.rawBytes, at: TestServer.start)
    }

    /// Appendix A: its key, server name and session key under both algorithms.
    @Test(arguments: [
        (
            32,
            "000c68346a336b326c326e346235617ef134a3d5e44e9a19cc7dc104b0c03d03b2a551d8fdf5cd3b6dca6f10cf"
                + "b77e5b2ddec84d293a5c50499359f0c2e26f76"
        ),
        (
            16,
            "000c68346a336b326c326e3462357fb9e99f0827be3df1e1bd651493d3031d36df57079784aee5eacb65fad4f2"
                + "7fab1a3f97974b69f851b24bf5af09eda357e0"
        ),
    ])
    func opensTheSampleTickets(_ keyCount: Int, _ hexadecimal: String) throws {
        var issuer = TokenIssuer()
        issuer.key = Array("HGkj32KJGiuy098sdfaqbNjOiaz71923".utf8.prefix(keyCount))
        let token = try #require(StaticUser.bytes(hexadecimal: hexadecimal.utf8.dropFirst(0)))
        let opened = try #require(open(token, issuers: issuer, serverName: "blackdow.carleon.gov"))
        #expect(bytes(opened.key) == Array("ZksjpweoixXmvn67534m".utf8))
        #expect(opened.timestamp == 92_470_300_704_768 >> 16)
        #expect(opened.lifetimeSeconds == 3600)
    }

    @Test func isBoundToTheServerTheKeyAndTheNonce() {
        let token = issuer.token(sessionKey)
        #expect(open(token) != nil)
        #expect(open(token, serverName: "other.example.org") == nil)
        #expect(open(token, kid: "south") == nil)
        var other = issuer
        other.key[0] ^= 1
        #expect(open(token, issuers: other) == nil)
        // The first key of that name is not the one, the second is.
        #expect(open(token, issuers: other, issuer) != nil)
        for index in token.indices {
            var changed = token
            changed[index] ^= 0x10
            #expect(open(changed) == nil)
        }
    }

    /// A server copied as many bytes as the token said, before it knew the token for what it was.
    @Test func lengthsThatLieOpenNothing() {
        let token = issuer.token(sessionKey)
        for count in 0..<token.count { #expect(open(Array(token[..<count])) == nil) }
        #expect(open(token + [0]) == nil)
        #expect(open(token + [UInt8](repeating: 0, count: 1000)) == nil)
        for length in [0, 1, 11, 13, 48, 255, 256, 735, 0xFFFF] {
            var lying = token
            lying[0] = UInt8(length >> 8)
            lying[1] = UInt8(length & 0xFF)
            #expect(open(lying) == nil)
        }
        for count in [0, 1, 15, 33, 64, 0xFFFF] {
            let block = [UInt8(count >> 8), UInt8(count & 0xFF)] + [UInt8](repeating: 7, count: 32)
            #expect(open(issuer.seal(block)) == nil)
        }
        let tooLong = issuer.seal([0, 20] + [UInt8](repeating: 7, count: 33))
        #expect(open(tooLong) == nil)
    }

    @Test(arguments: [16, 20, 32])
    func takesSessionKeysOfEachLength(_ count: Int) {
        let key = [UInt8](repeating: 7, count: count)
        #expect(open(issuer.token(key)).map { bytes($0.key) } == key)
    }

    /// Nonces of other lengths would be hashed first; RFC 5116 5.1 has none.
    @Test(arguments: [0, 8, 16]) func noncesHaveTwelveBytes(_ count: Int) {
        let token = issuer.token(sessionKey)
        let nonce = [UInt8](repeating: 1, count: count)
        #expect(open([0, UInt8(count)] + nonce + token[14...]) == nil)
    }

    private func bytes(_ key: IntegrityKey) -> [UInt8] {
        (0..<key.bytes.byteCount).map { key.bytes.byte($0) }
    }
}
