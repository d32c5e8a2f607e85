/// The attributes of extensions that are off by default: tokens, NAT discovery, other servers.

import Testing
import Tunables

@Suite struct ExtensionSettingsTests {
    private func refusal(_ override: String) -> String {
        do {
            _ = try Settings.load(directory: nil, overrides: [override])
            return "allowed"
        } catch {
            return error.description
        }
    }

    private func settings(_ overrides: String...) throws -> Settings {
        try Settings.load(directory: nil, overrides: overrides).settings
    }

    @Test func keysOfAccessTokensHaveAnAlgorithm() throws {
        let key = "A256GCM MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE= until=2000000000"
        let settings = try settings(
            "auth/oauth_keys/north=\(key)",
            "auth/server_name=turn.example.org"
        )
        #expect(settings.auth.oauthKeys.map(\.name) == ["north"])
        #expect(settings.auth.oauthKeys.map(\.value) == [key])
        #expect(settings.auth.serverName == "turn.example.org")
        for value in ["A256GCM", "secret", "A192GCM secret", "A256GCM a b=1 c=2 d=3 e=4"] {
            let text = refusal("auth/oauth_keys/north=\(value)")
            #expect(text.contains("auth/oauth_keys/north: the value is not allowed"))
        }
    }

    @Test func natDiscoveryHasTwoAddressesAndTwoPortsOfAFamily() throws {
        let four = "192.0.2.1:3478 [::1]:3478 192.0.2.2:3479 [::2]:3479"
        #expect(try settings("listen/nat_discovery=\(four)").listen.natDiscovery.count == 4)
        let wrong = [
            "192.0.2.1:3478", "192.0.2.1:3478 192.0.2.1:3479", "192.0.2.1:3478 192.0.2.2:3478",
            "192.0.2.1:3478 [::1]:3479", "192.0.2.1:1 192.0.2.2:2 192.0.2.3:3",
            "192.0.2.1:3478 192.0.2.2:03478", "192.0.2.1 192.0.2.2",
        ]
        for list in wrong {
            let text = refusal("listen/nat_discovery=\(list)")
            #expect(text.contains("two addresses with ports of a family"))
        }
    }

    @Test func alternatesAreEndpointsWithANameIfWanted() throws {
        let list = "192.0.2.7:3478 turn2.example.org@[2001:db8::7]:5349"
        #expect(try settings("server/alternates=\(list)").server.alternates.count == 2)
        for word in ["192.0.2.7", "@192.0.2.7:3478", "turn2.example.org", "turn2.example.org@x:1"] {
            #expect(refusal("server/alternates=\(word)").contains("server/alternates: "))
        }
    }
}
