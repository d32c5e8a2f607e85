import STUN
import Testing

@testable import TURN

@Suite("Time-limited credentials")
struct TimeLimitedCredentialsTests {
    /// HMAC-SHA1("north", "1700000000:bob") in base64, computed elsewhere.
    @Test func thePasswordIsTheSignedUsername() {
        let made = TimeLimitedCredentials.make(
            secret: Array("north".utf8),
            user: "bob",
            expiry: 1_700_000_000
        )
        #expect(made.username == "1700000000:bob")
        #expect(made.password == "7tNSWpJ3gOxGfEgOjt+kaWhBC20=")
    }

    @Test func withoutAUserTheNameIsTheExpiry() {
        let made = TimeLimitedCredentials.make(secret: [1], user: "", expiry: 17)
        #expect(made.username == "17")
        #expect(made.password.count == 28)
    }

    @Test(arguments: [
        ("1700000000", 1_700_000_000, ""),
        ("1700000000:", 1_700_000_000, ""),
        ("1700000000:bob", 1_700_000_000, "bob"),
        ("1700000000:room:bob", 1_700_000_000, "room:bob"),
        ("bob:1700000000", 1_700_000_000, "bob"),
        ("room:bob:1700000000", 1_700_000_000, "room:bob"),
        ("1:2", 1, "2"),
        (":5", 5, ""),
        ("18446744073709551615:x", UInt64.max, "x"),
    ])
    func readsEitherOrder(text: String, expiry: UInt64, user: String) throws {
        let bytes = Array(text.utf8)
        let name = try #require(parse(bytes))
        #expect(name.expiry == expiry)
        #expect(String(decoding: bytes[name.user], as: UTF8.self) == user)
    }

    @Test(arguments: [
        "", ":", "bob", "bob:", "12a:bob", "-1:bob", "18446744073709551616:x", "x:1 ",
    ])
    func refusesANameWithoutAnExpiry(text: String) {
        #expect(parse(Array(text.utf8)) == nil)
    }
}

@Suite("Static users")
struct StaticUserTests {
    @Test func takesPasswordsAndKeys() throws {
        let password = try #require(StaticUser(name: "bob", password: "pä ss"))
        #expect(password.secret == .password(Array("pä ss".utf8)))
        let md5 = try #require(
            StaticUser(name: "bob", password: "0x00112233445566778899AABBCCDDEEFF")
        )
        #expect(
            md5.secret
                == .md5Key((0..<16).map { $0 * 17 })
        )
        let digits = String(repeating: "ab", count: 32)
        let sha256 = try #require(StaticUser(name: "bob", password: "0x" + digits))
        #expect(sha256.secret == .sha256Key([UInt8](repeating: 0xab, count: 32)))
    }

    @Test(arguments: [
        ("", "secret"), ("bob", ""), ("bo\u{0}b", "secret"), ("bob", "sec\nret"), ("bob", "0x"),
        ("bob", "0x1234"), ("bob", "0x0011223344556677889900aabbccddee0"),
        ("bob", "0xzz112233445566778899aabbccddeeff"), ("bob\u{FFFF}", "secret"),
    ])
    func refusesWhatCannotBeUsed(name: String, password: String) {
        #expect(StaticUser(name: name, password: password) == nil)
    }

    @Test func aNameHasFewerThan509Bytes() {
        let longest = String(repeating: "x", count: 508)
        #expect(StaticUser(name: longest, password: "p") != nil)
        #expect(StaticUser(name: longest + "x", password: "p") == nil)
    }
}

@Suite("RFC 8265 4.2: OpaqueString")
struct OpaqueStringTests {
    @Test func keepsCaseAndMapsOnlySpaces() {
        #expect(OpaqueString.prepare("Correct Horse") == Array("Correct Horse".utf8))
        #expect(OpaqueString.prepare("a\u{3000}b\u{00A0}c") == Array("a b c".utf8))
        #expect(OpaqueString.prepare("\u{03C0}\u{00DF}\u{00E5}") == Array("πßå".utf8))
    }

    @Test(arguments: ["", "my cat is a \u{9}by", "\u{7F}", "\u{85}", "\u{FFFE}", "\u{0378}"])
    func refuses(text: String) {
        #expect(OpaqueString.prepare(text) == nil)
    }
}

@Suite("Base64")
struct Base64Tests {
    @Test func groupsThereAndBack() {
        for group in [0, 1, 0x0012_3456, 0x00ff_ffff, 0x0080_0000] as [UInt32] {
            let four = Base64.characters(group)
            #expect(decoded((0..<4).map { four[$0] }, 0) == group)
        }
        let alphabet = (0..<64 as Range<UInt8>).map { Base64.character($0) }
        #expect(
            String(decoding: alphabet, as: UTF8.self)
                == "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        )
        #expect((0...255 as ClosedRange<UInt8>).compactMap { Base64.number($0) }.count == 64)
    }

    @Test func aGroupThatIsNotThereIsNil() {
        let text = Array("AAAAA".utf8)
        #expect(decoded(text, 2) == nil)
        #expect(decoded(text, -1) == nil)
        #expect(decoded(text, .max) == nil)
    }
}

private func parse(_ username: [UInt8]) -> TimeLimitedCredentials.Name? {
    TimeLimitedCredentials.parse(username.span.rawBytes)
}

private func decoded(_ text: [UInt8], _ offset: Int) -> UInt32? {
    Base64.group(text.span.rawBytes, at: offset)
}
