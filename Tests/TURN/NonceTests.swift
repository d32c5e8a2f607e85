import STUN
import Testing

@testable import TURN

@Suite("Nonce")
struct NonceTests {
    private let client = TransportAddress(ip: IPAddress(ipv4: 0xcb00_7105), port: 4000)
    private let now = Now(monotonic: Instant(nanoseconds: 0), unixSeconds: 1_700_000_000)

    private func key(
        _ secret: String = "fleet",
        realm: String = "example.org",
        lifetime: UInt32 = 600
    ) -> NonceKey {
        NonceKey(
            secret: Array(secret.utf8),
            realm: Array(realm.utf8),
            features: .passwordAlgorithms,
            lifetimeSeconds: lifetime
        )
    }

    private func at(_ offset: Int64) -> Now {
        var now = now
        now.unixSeconds = UInt64(Int64(now.unixSeconds) + offset)
        return now
    }

    @Test func machinesOfAFleetRecogniseEachOthersNonces() {
        let nonce = key().nonce(for: client, at: now)
        #expect(key().accepts(nonce.text, for: client, at: at(1)))
        #expect(!key("other").accepts(nonce.text, for: client, at: at(1)))
        #expect(!key(realm: "example.com").accepts(nonce.text, for: client, at: at(1)))
    }

    @Test func livesAsLongAsConfiguredAndForgivesAClockThatIsALittleAhead() {
        let nonce = key().nonce(for: client, at: now)
        #expect(key().accepts(nonce.text, for: client, at: at(600)))
        #expect(!key().accepts(nonce.text, for: client, at: at(601)))
        #expect(key().accepts(nonce.text, for: client, at: at(-5)))
        #expect(!key().accepts(nonce.text, for: client, at: at(-6)))
    }

    @Test func theGreatestLifetimeDoesNotOverflow() {
        let endless = key(lifetime: .max)
        let nonce = endless.nonce(for: client, at: now)
        #expect(endless.accepts(nonce.text, for: client, at: at(1_000_000_000)))
    }

    @Test func aMappedClientAddressIsTheSameClient() {
        let mapped = TransportAddress(
            ip: IPAddress(ipv6High: 0, low: 0xffff_cb00_7105),
            port: 4000
        )
        #expect(key().accepts(key().nonce(for: mapped, at: now).text, for: client, at: now))
    }

    @Test func everyCharacterIsOfTheAlphabetAndCounts() {
        let nonce = key().nonce(for: client, at: now)
        let text = nonce.text
        #expect(text.allSatisfy { Base64.number($0) != nil })
        for index in text.indices {
            for replacement in [0x00, 0x22, 0x41, 0x7a, 0xff] as [UInt8]
            where replacement != text[index] {
                var forged = text
                forged[index] = replacement
                #expect(!key().accepts(forged, for: client, at: now))
            }
        }
        #expect(!key().accepts(Array(text.dropLast()), for: client, at: now))
        #expect(!key().accepts(text + [65], for: client, at: now))
    }

    @Test func featuresAreReadFromTheCookieOnly() {
        let nonce = key().nonce(for: client, at: now)
        #expect(features(nonce.text) == .passwordAlgorithms)
        for text in ["", "obMatJos2", "obMatJos2gAA", "obMatJos3gAAA", "obMatJos2g AA"] {
            #expect(features(Array(text.utf8)) == nil)
        }
        #expect(features(Array("obMatJos2AAAAx".utf8)) == [])
    }
}

private func features(_ nonce: [UInt8]) -> SecurityFeatures? {
    SecurityFeatures(of: nonce.span.rawBytes)
}

extension NonceKey {
    fileprivate func accepts(_ nonce: [UInt8], for client: TransportAddress, at now: Now) -> Bool {
        recognizes(nonce.span.rawBytes, for: client, at: now)
    }
}

extension Nonce {
    fileprivate var text: [UInt8] { (0..<Nonce.count).map { bytes.byte($0) } }
}
