import STUN
import Testing

@testable import TURN

@Suite("Peer policy")
struct PeerPolicyTests {
    private func prefixes(_ texts: String...) -> [AddressPrefix] {
        texts.compactMap { AddressPrefix($0) }
    }

    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test func everyDefaultIsAPrefix() {
        #expect(PeerPolicy.defaultDeny.count == PeerPolicy.defaultDenyText.count)
    }

    @Test(arguments: [
        "0.0.0.0", "0.255.1.1", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1",
        "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
        "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::8.8.8.8", "::127.0.0.1",
        "64:ff9b::8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1",
        "fc00::1", "fd12:3456::1", "fe80::1", "febf::1", "fec0::1", "ff02::1",
        // The same hosts as IPv4-mapped addresses (CVE-2026-27624).
        "::ffff:127.0.0.1", "::ffff:0.0.0.0", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "::ffff:255.255.255.255",
    ])
    func deniesSpecialPurposeAddressesInEveryEncoding(text: String) throws {
        #expect(!PeerPolicy().allows(try address(text)))
    }

    @Test(arguments: [
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
        "126.255.255.255", "128.0.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0",
        "198.17.255.255", "198.20.0.0", "223.255.255.255", "2001:4860:4860::8888",
        "2003::1", "2a00:1450::1", "2606:4700::1111", "::ffff:8.8.8.8",
    ])
    func allowsGlobalAddresses(text: String) throws {
        #expect(PeerPolicy().allows(try address(text)))
    }

    @Test func theLongestPrefixDecides() throws {
        let policy = PeerPolicy(
            deny: prefixes("10.0.0.0/8", "10.1.2.0/24"),
            allow: prefixes("10.1.0.0/16", "10.1.2.3")
        )
        #expect(!policy.allows(try address("10.2.0.1")))
        #expect(policy.allows(try address("10.1.3.1")))
        #expect(!policy.allows(try address("10.1.2.4")))
        #expect(policy.allows(try address("10.1.2.3")))
    }

    @Test func allowedIPv6LoopbackIsNotTakenForAnIPv4Address() throws {
        let policy = PeerPolicy(deny: PeerPolicy.defaultDeny, allow: prefixes("::1/128"))
        #expect(policy.allows(try #require(IPAddress("::1"))))
        #expect(!policy.allows(try #require(IPAddress("::127.0.0.1"))))
    }

    @Test func allowWinsATie() throws {
        let policy = PeerPolicy(allow: prefixes("127.0.0.0/8"))
        #expect(policy.allows(try address("127.0.0.1")))
        #expect(policy.allows(try address("::ffff:127.0.0.1")))
        #expect(!policy.allows(try address("::127.0.0.1")))
    }

    @Test func anAllowListOnlyDeploymentDeniesTheRest() throws {
        let policy = PeerPolicy(
            deny: prefixes("0.0.0.0/0", "::/0"),
            allow: prefixes("203.0.113.7", "2001:db8::/32")
        )
        #expect(policy.allows(try address("203.0.113.7")))
        #expect(policy.allows(try address("2001:db8::5")))
        #expect(!policy.allows(try address("8.8.8.8")))
        #expect(!policy.allows(try address("2606:4700::1111")))
    }

    @Test func allowingNAT64DoesNotOpenWhatIsBehindItsPrivateAddresses() throws {
        let policy = PeerPolicy(allow: prefixes("64:ff9b::/96", "2002::/16", "::/96"))
        #expect(policy.allows(try address("64:ff9b::8.8.8.8")))
        #expect(!policy.allows(try address("64:ff9b::10.0.0.1")))
        #expect(!policy.allows(try address("2002:7f00:1::1")))
        #expect(!policy.allows(try address("::169.254.169.254")))
    }
}
