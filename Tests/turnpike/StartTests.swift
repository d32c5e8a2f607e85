/// What the server decides before it starts: addresses, CPUs, descriptors.

import STUN
import TURN
import Testing
import Tunables

@testable import turnpike

@Suite struct StartTests {
    private func problem(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "none"
        } catch {
            return "\(error)"
        }
    }

    private func settings(_ overrides: String...) throws -> Settings {
        try Settings.load(directory: nil, overrides: overrides).settings
    }

    private func udp(
        _ endpoints: [String],
        machine: [IPAddress] = NetworkInterfaces.addresses()
    ) throws -> Listeners {
        try Listeners([("listen/udp", endpoints)], kind: .datagram, machine: machine)
    }

    @Test func wildcardsBecomeTheMachinesAddressesOfTheirFamily() throws {
        let machine = ["127.0.0.1", "127.0.0.2"].compactMap { IPAddress($0) }
        let listeners = try udp(["0.0.0.0:24781", "127.0.0.1:24781"], machine: machine)
        #expect(listeners.addresses.map(\.description) == ["127.0.0.1:24781", "127.0.0.2:24781"])
        #expect(try udp(["[::]:24781"], machine: machine).addresses.isEmpty)
    }

    @Test func aPortInUseIsNamed() throws {
        let socket = try ProbeSocket(.ipv4)
        let address = try #require(TransportAddress("127.0.0.1:24782"))
        #expect(socket.bind(to: address) == 0)
        let text = problem { _ = try udp(["127.0.0.1:24782"]) }
        #expect(text.hasPrefix("listen/udp: 127.0.0.1:24782 is in use"))
        #expect(socket.bind(to: address) != 0)
    }

    @Test func anAddressOfAnotherMachineIsNamed() throws {
        let listen = problem { _ = try udp(["198.51.100.7:34783"]) }
        #expect(listen == "listen/udp: 198.51.100.7:34783 is not an address of this machine")
        let tree = try settings("relay/address=198.51.100.7").relay
        let relay = problem { _ = try RelayAddresses(tree) }
        #expect(relay.hasPrefix("relay/address: 198.51.100.7 is not an address of this machine"))
    }

    @Test func anExternalAddressNeedsARelayAddressOfItsFamily() throws {
        let right = try settings("relay/address=127.0.0.1", "relay/external_address=192.0.2.9")
        let relay = try RelayAddresses(right.relay)
        #expect(relay.advertised.map(\.description) == ["192.0.2.9"])
        let wrong = try settings("relay/address=127.0.0.1", "relay/external_address=2001:db8::9")
        let text = problem { _ = try RelayAddresses(wrong.relay) }
        #expect(text == "relay/external_address: 2001:db8::9 has no relay/address beside it")
    }

    @Test func externalAddressesStandForThoseTheyName() throws {
        func relay(_ external: String) throws -> RelayAddresses {
            let own = "relay/address=127.0.0.1 127.0.0.2 ::1"
            return try RelayAddresses(settings(own, "relay/external_address=\(external)").relay)
        }
        let mapped = try relay("192.0.2.9/127.0.0.2 2001:db8::9")
        #expect(mapped.bound.map(\.description) == ["127.0.0.1", "127.0.0.2", "::1"])
        #expect(mapped.advertised.map(\.description) == ["127.0.0.1", "192.0.2.9", "2001:db8::9"])
        let server = try ServerConfiguration(settings(), relay: mapped, secrets: ["a secret"])
        #expect(server.relayAddresses(.ipv4).count == 2 && server.relayAddresses(.ipv6).count == 1)
        #expect(server.relayAddresses(.ipv4)[1].external.description == "192.0.2.9")
        #expect(problem { _ = try relay("192.0.2.9") }.contains("192.0.2.9/127.0.0.1"))
        let stranger = problem { _ = try relay("192.0.2.9/127.0.0.3") }
        #expect(stranger.hasSuffix("has no relay/address beside it"))
        for twice in ["127.0.0.1/127.0.0.2", "192.0.2.9/127.0.0.1 192.0.2.9/127.0.0.2"] {
            let text = problem { _ = try relay(twice) }
            #expect(text.hasSuffix("stands for two of relay/address"), "\(twice)")
        }
    }

    @Test func relayThreadsLeaveOneCPUAndTakeTheListInOrder() throws {
        let standard = try settings().threads
        #expect(try Processors(standard, allowed: [0, 1, 2, 3]).ofThreads == [1, 2, 3])
        #expect(try Processors(standard, allowed: [5]).ofThreads == [5])
        let two = try settings("threads/count=2").threads
        #expect(try Processors(two, allowed: [0, 1, 2]).ofThreads == [1, 2])
        let named = try settings("threads/cpus=3 1").threads
        #expect(try Processors(named, allowed: [0, 1, 2, 3]).ofThreads == [3, 1])
        let stranger = problem { _ = try Processors(named, allowed: [0, 1]) }
        #expect(stranger == "threads/cpus: CPU 3 is not there or not for this process")
        let three = try settings("threads/count=3").threads
        let crowded = try Processors(three, allowed: [0, 1])
        #expect(crowded.ofThreads == [0, 1, 0])
        #expect(crowded.warnings == ["3 relay threads share 2 CPUs"])
    }

    @Test func aLowDescriptorLimitIsAWarningUntilNothingFits() throws {
        #expect(try DescriptorLimit.shortage(limit: 4096, listeners: 8, allocations: 100) == nil)
        let warning = try DescriptorLimit.shortage(limit: 256, listeners: 8, allocations: 1000)
        #expect(warning?.contains("allows for some 184 of 1000 allocations") == true)
        let text = problem {
            _ = try DescriptorLimit.shortage(limit: 64, listeners: 8, allocations: 1)
        }
        #expect(text.contains("ulimit -n"))
    }

    @Test func theDefaultDenyListIsThatOfTheTURNServer() {
        let tree = Settings.defaults.peers.deny.compactMap { AddressPrefix($0) }
        #expect(Set(tree) == Set(PeerPolicy.defaultDeny))
    }

    @Test func theMachinesOwnAddressesAreNoPeersUnlessAllowed() throws {
        let settings = try settings("relay/address=127.0.0.1", "peers/allow=127.0.0.0/8")
        let relay = try RelayAddresses(settings.relay)
        var server = try ServerConfiguration(settings, relay: relay, secrets: ["a secret"])
        let address = try #require(IPAddress("198.41.0.4"))
        let loopback = try #require(IPAddress("127.0.0.1"))
        server.deny(machine: [address, loopback])
        let policy = PeerPolicy(deny: server.deny, allow: server.allow)
        #expect(!policy.allows(address))
        #expect(policy.allows(loopback))
    }

    @Test func keysOfAccessTokensReachTheServer() throws {
        let key = "auth/oauth_keys/north=A128GCM 0x00112233445566778899aabbccddeeff"
        let settings = try settings("relay/address=127.0.0.1", "server/realm=example.org", key)
        let relay = try RelayAddresses(settings.relay)
        let server = try ServerConfiguration(settings, relay: relay, secrets: ["a secret"])
        #expect(server.accessTokenKeys.count == 1)
        #expect(server.serverName == "example.org")
        let wrong = try self.settings("auth/oauth_keys/south=A128GCM 0x00")
        let text = problem {
            _ = try ServerConfiguration(wrong, relay: relay, secrets: ["a secret"])
        }
        #expect(text == "auth/oauth_keys/south: not a key with its options")
    }

    @Test func natDiscoveryNeedsFourSocketsOfAFamily() throws {
        let right = try settings("listen/nat_discovery=127.0.0.1:3478 127.0.0.2:3479").listen
        let corners = try right.crossedAddresses.flatMap(\.corners).map(\.description)
        let all = ["127.0.0.1:3478", "127.0.0.1:3479", "127.0.0.2:3478", "127.0.0.2:3479"]
        #expect(corners == all)
        let wild = try settings("listen/nat_discovery=0.0.0.0:3478 127.0.0.2:3479").listen
        let text = problem { _ = try wild.crossedAddresses }
        #expect(text == "listen/nat_discovery: 0.0.0.0 is every address; name one")
        let same = try settings("listen/nat_discovery=[::1]:3478 [0::1]:3479").listen
        #expect(problem { _ = try same.crossedAddresses }.contains("needs two addresses"))
    }

    @Test func switchesAndAlternatesReachTheServer() throws {
        let settings = try settings(
            "relay/address=127.0.0.1",
            "server/alternates=127.0.0.1:3478 turn2.example.org@[::1]:5349",
            "server/redirect=always",
            "server/draining=1",
            "server/default_family=client",
            "server/mapped_address=1",
            "listen/nat_discovery=127.0.0.1:3478 127.0.0.2:3479"
        )
        let relay = try RelayAddresses(settings.relay)
        let server = try ServerConfiguration(settings, relay: relay, secrets: ["a secret"])
        #expect(server.alternates.count == 2)
        #expect(server.redirect == .always)
        #expect(server.isDraining)
        #expect(server.prefersClientFamily)
        #expect(server.tellsMappedAddress)
        #expect(server.natDiscovery.count == 1)
    }

    @Test func settingsReachTheServer() throws {
        let settings = try settings(
            "server/realm=example.org",
            "auth/users/alice=wonder",
            "auth/nonce_key=0123456789abcdef",
            "limits/lifetime_max_s=700",
            "relay/address=127.0.0.1",
            "peers/deny=10.0.0.0/8"
        )
        let relay = try RelayAddresses(settings.relay)
        let server = try ServerConfiguration(settings, relay: relay, secrets: ["a secret"])
        #expect(server.realm == "example.org")
        #expect(server.users.count == 1)
        #expect(server.maximumLifetimeSeconds == 700)
        #expect(server.relayIPv4?.description == "127.0.0.1")
        #expect(server.relayIPv6 == nil)
        #expect(server.deny.map(\.description) == ["10.0.0.0/8"])
        #expect(server.secrets == [Array("a secret".utf8)])
        #expect(server.nonceKey == Array("0123456789abcdef".utf8))
    }
}
