import Glibc
import Testing

@testable import IOURing

@Suite struct DatagramSocketTests {
    @Test func kernelChoosesAPort() throws {
        for family in [SocketAddress.Family.ipv4, .ipv6] {
            let socket = try DatagramSocket(boundTo: .loopback(family))
            let address = try socket.localAddress()
            #expect(address.port != 0)
            #expect(address.with(port: 0) == .loopback(family))
        }
    }

    @Test func portInUseIsAnErrorUnlessShared() throws {
        var options = DatagramSocketOptions()
        options.sharesPort = true
        let first = try DatagramSocket(boundTo: .own(), options: options)
        let address = try first.localAddress()
        #expect(throws: Errno.addressInUse) { _ = try DatagramSocket(boundTo: address) }
        _ = try DatagramSocket(boundTo: address, options: options)
    }

    @Test func familiesDoNotShareAPort() throws {
        let second = try DatagramSocket(boundTo: .any(.ipv6))
        let port = try second.localAddress().port
        // At an address where nobody else has the port.
        _ = try DatagramSocket(boundTo: .own().with(port: port))
    }

    @Test func closedWhenItGoesOutOfScopeAndNotWhenGivenAway() throws {
        let kept: Int32
        let address: SocketAddress
        do {
            let socket = try DatagramSocket(boundTo: .own())
            address = try socket.localAddress()
            kept = socket.release()
        }
        #expect(throws: Errno.addressInUse) { _ = try DatagramSocket(boundTo: address) }
        do {
            let adopted = DatagramSocket(adopting: kept)
            #expect(try adopted.localAddress() == address)
        }
        _ = try DatagramSocket(boundTo: address)
    }

    @Test func queuesGrowAsAsked() throws {
        var options = DatagramSocketOptions()
        options.receiveBuffer = 150_000
        options.sendBuffer = 150_000
        let socket = try DatagramSocket(boundTo: .loopback(.ipv4), options: options)
        for option in [SO_RCVBUF, SO_SNDBUF] {
            var value: Int32 = 0
            var count: UInt32 = 4
            #expect(getsockopt(socket.descriptor, SOL_SOCKET, option, &value, &count) == 0)
            #expect(value >= 300_000)
        }
    }

    @Test(arguments: [(false, IP_PMTUDISC_OMIT), (true, IP_PMTUDISC_DO)])
    func fragmentationIsAllowedUnlessForbidden(setsDontFragment: Bool, policy: Int32) throws {
        let socket = try DatagramSocket(boundTo: .loopback(.ipv4))
        if setsDontFragment { try socket.setFragmentation(true, family: .ipv4) }
        var value: Int32 = 0
        var count: UInt32 = 4
        let level = Int32(IPPROTO_IP)
        #expect(getsockopt(socket.descriptor, level, IP_MTU_DISCOVER, &value, &count) == 0)
        #expect(value == policy)
    }
}

@Suite struct SocketAddressTests {
    @Test func kernelFormAndBack() {
        let addresses = [
            SocketAddress(ipv4: 0xC000_0201, port: 3478),
            SocketAddress(ipv6High: 0x2001_0DB8_0000_0000, low: 1, port: 65_535),
            SocketAddress(ipv6High: 0xFE80_0000_0000_0000, low: 7, port: 1, scope: 3),
        ]
        for address in addresses {
            var storage = [UInt8](repeating: 0xFF, count: SocketAddress.kernelSize)
            let count = storage.withUnsafeMutableBytes {
                address.store(to: $0.baseAddress.unsafelyUnwrapped)
            }
            #expect(SocketAddress(kernelForm: storage.span.bytes, count: count) == address)
        }
    }

    @Test func description() {
        #expect(SocketAddress(ipv4: 0xC000_0201, port: 80).description == "192.0.2.1:80")
        #expect(SocketAddress.loopback(.ipv6, port: 80).description == "[0:0:0:0:0:0:0:1]:80")
    }
}

@Suite struct TokenTests {
    @Test func kindGenerationAndIndexComeBack() {
        let token = Token(kind: 0xAB, generation: 0x12_3456, index: 0xDEAD_BEEF)
        #expect(token.rawValue == 0xAB12_3456_DEAD_BEEF)
        #expect(token.kind == 0xAB)
        #expect(token.generation == 0x12_3456)
        #expect(token.index == 0xDEAD_BEEF)
    }

    @Test func generationWraps() {
        #expect(Token(kind: 1, generation: 0x0100_0002, index: 0).generation == 2)
    }
}
