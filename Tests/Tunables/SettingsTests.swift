/// The attribute tree: what is read, what overrides what, and what every refusal says.

import Foundation
import Testing
import Tunables

@Suite struct SettingsTests {
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

    @Test func defaultsAreThoseOfTheTable() throws {
        let settings = try settings()
        #expect(settings == Settings.defaults)
        #expect(settings.server.realm == "turnpike")
        #expect(settings.listen.udp == ["0.0.0.0:3478", "[::]:3478"])
        #expect(settings.relay.ports == 49_152...65_535)
        #expect(settings.relay.tcp)
        #expect(settings.limits.tcpConnectionsPerAllocation == 16)
        #expect(settings.buffers.size == 65_536)
        #expect(settings.auth.isRequired)
        #expect(settings.peers.deny.contains("169.254.0.0/16"))
    }

    @Test func typesAreRead() throws {
        let settings = try settings(
            "threads/cpus=2 4-6",
            "udp/gro=0",
            "udp/dscp=46",
            "udp/receive_buffer=3m",
            "relay/ports=2000-2001",
            "relay/address=192.0.2.1 2001:db8::1",
            "log/format=json",
            "auth/users/alice=wonder=land # 7",
            "peers/deny="
        )
        #expect(settings.threads.cpus == [2, 4, 5, 6])
        #expect(!settings.udp.gro)
        #expect(settings.udp.dscp == 46)
        #expect(settings.udp.receiveBuffer == 3 << 20)
        #expect(settings.relay.ports == 2000...2001)
        #expect(settings.relay.address == ["192.0.2.1", "2001:db8::1"])
        #expect(settings.log.format == "json")
        #expect(settings.auth.users.map(\.name) == ["alice"])
        #expect(settings.auth.users.map(\.value) == ["wonder=land # 7"])
        #expect(settings.peers.deny.isEmpty)
    }

    @Test func theLastOverrideWinsAndAnEmptySecretTakesANameAway() throws {
        let settings = try settings(
            "threads/count=3",
            "auth/secrets/a=12345678",
            "auth/secrets/b=23456789",
            "auth/secrets/a=",
            "threads/count=4"
        )
        #expect(settings.threads.count == 4)
        #expect(settings.auth.secrets.map(\.name) == ["b"])
    }

    @Test(arguments: [
        "threads/count=many", "threads/count=-1", "threads/count=+1", "threads/count=",
        "threads/count=99999999999999999999", "threads/cpus=4-2", "threads/cpus=1 1",
        "threads/cpus=5000", "udp/gro=yes", "udp/dscp=64", "udp/dscp=", "buffers/size=1k",
        "buffers/size=9999999999999g",
        "buffers/size=k", "relay/ports=80-90", "relay/ports=5000", "relay/ports=6000-5000",
        "listen/udp=1.2.3.4", "listen/udp=::1:3478", "listen/udp=[::1]:0", "listen/udp=[::1]:65536",
        "relay/address=1.2.3.4 1.2.3.4",
        "relay/address=10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 10.0.0.8 10.0.0.9",
        "relay/external_address=1.2.3.4 5.6.7.8", "relay/external_address=1.2.3.4/::1",
        "relay/external_address=1.2.3.4/", "relay/external_address=1.2.3.4/5.6.7.8/9.9.9.9",
        "relay/address=localhost", "peers/deny=10.0.0.0/33",
        "peers/allow=10.0.0/8", "peers/allow=::/129", "peers/deny=::ffff:0:0/96",
        "server/realm=a\"b", "server/realm=",
        "server/realm=two\nlines", "log/level=loud", "auth/nonce_lifetime_s=1",
    ])
    func aValueThatIsNotAllowedIsNamedWithWhatIs(_ override: String) {
        let text = refusal(override)
        let path = override.prefix { $0 != "=" }
        #expect(text.hasPrefix("\(path): \""))
        #expect(text.contains("is not allowed; allowed: "))
        #expect(!text.contains("\n"))
    }

    /// RFC 8489 14.9 and 14.14: fewer than 128 characters.
    @Test(arguments: ["server/realm", "server/software"])
    func realmAndSoftwareHaveFewerThan128Characters(_ path: String) throws {
        let longest = String(repeating: "é", count: 63) + "x"
        let settings = try settings("\(path)=\(longest)")
        #expect([settings.server.realm, settings.server.software].contains(longest))
        #expect(refusal("\(path)=\(longest)y").contains("is not allowed; allowed: "))
        let control = refusal("\(path)=a\u{7}b")
        #expect(control.contains("is not allowed; allowed: "))
    }

    @Test(arguments: [
        "auth/secrets/web=short", "auth/users/alice=0xNotAKeyAtAll", "auth/nonce_key=tooshort",
    ])
    func aSecretIsNeverShown(_ override: String) {
        let text = refusal(override)
        let value = override.drop { $0 != "=" }.dropFirst()
        #expect(text.contains("the value is not allowed"))
        #expect(!text.contains(value))
    }

    @Test(arguments: [
        ("thread/count=1", "threads/count"), ("limits/alocations=1", "limits/allocations"),
        ("auth/users/=x", "auth/users/NAME"), ("auth/users/a/b=x", "auth/users/NAME"),
        ("listen/sctp=x", "listen/tcp"), ("/threads/count=1", "threads/count"),
    ])
    func anUnknownPathIsRefusedWithTheNearestOne(_ override: String, _ nearest: String) {
        #expect(refusal(override).hasSuffix("no such attribute; did you mean \(nearest)?"))
    }

    @Test func anOverrideWithoutEqualsIsRefused() {
        #expect(refusal("threads/count").contains("path=value"))
    }
}

@Suite struct ControlSettingsTests {
    private func settings(_ overrides: String...) throws -> Settings {
        try Settings.load(directory: nil, overrides: overrides).settings
    }

    @Test func theControlPlaneServesThisMachineByDefault() throws {
        let settings = try settings()
        #expect(settings.control.http == ["127.0.0.1:8080"])
        #expect(settings.control.https.isEmpty && settings.control.origins.isEmpty)
        #expect(settings.rooms.capacity == 2 && settings.rooms.graceSeconds == 10)
        #expect(!settings.rooms.areTokensRequired)
        #expect(settings.ice.urls.isEmpty && settings.ice.lifetimeSeconds == 43_200)
    }

    @Test func valuesOfTheWebAreRead() throws {
        let settings = try settings(
            "control/http=",
            "control/origins=https://app.example.org http://localhost:3000 *",
            "control/admin=off",
            "ice/urls=turn:turn.example.org:3478?transport=udp stun:[2001:db8::1]",
            "tls/certificate=/etc/ssl/chain.pem"
        )
        #expect(settings.control.http.isEmpty)
        #expect(settings.control.origins.count == 3)
        #expect(settings.control.admin == "off")
        #expect(settings.ice.urls.last == "stun:[2001:db8::1]")
        #expect(settings.tls.certificate == "/etc/ssl/chain.pem")
    }

    @Test(arguments: [
        "control/origins=app.example.org", "control/origins=https://", "control/origins=ftp://a",
        "control/origins=https://a/b", "control/origins=null", "control/admin=relative.sock",
        "ice/urls=http://a", "ice/urls=turn:", "ice/urls=turn:a\"b", "rooms/capacity=1",
        "rooms/capacity=17", "tls/private_key=key.pem", "control/http=8080",
    ])
    func aValueThatIsNotAllowedIsRefused(_ override: String) {
        #expect(throws: Refusal.self) { try settings(override) }
    }

    @Test func theLongestPathOfASocketIsThatOfTheKernel() throws {
        let longest = "/" + String(repeating: "a", count: 106)
        #expect(try settings("control/admin=\(longest)").control.admin == longest)
        #expect(throws: Refusal.self) { try settings("control/admin=\(longest)a") }
    }

    @Test(arguments: ["control/admin_token=short", "rooms/token_key=short"])
    func aTokenIsNeverShown(_ override: String) {
        let error = #expect(throws: Refusal.self) { try settings(override) }
        #expect(error?.description.contains("short") == false)
    }
}
