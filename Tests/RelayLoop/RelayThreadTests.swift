/// A relay thread with its real ring, on loopback.
import Exchange
import Glibc
import IOURing
import RelayLoop
import STUN
import TURN
import Testing

@Suite struct RelayThreadTests {
    @Test func answersABindingRequestAndStops() throws {
        let host = LoopbackRelay.firstHost()
        let address = TransportAddress(ip: IPAddress(ipv4: host), port: 3478)
        var server = ServerConfiguration()
        server.relayIPv4 = address.ip
        server.allocationCapacity = 100
        let thread = try RelayThread(
            index: 0,
            configuration: RelayThreadConfiguration(server: server, listeners: [address]),
            shared: SharedState(allocations: 100, allocationsPerUser: 0)
        )
        try thread.start()
        let client = try DatagramSocket(boundTo: .loopback(.ipv4))
        var to = sockaddr_in()
        to.sin_family = sa_family_t(AF_INET)
        to.sin_port = address.port.bigEndian
        to.sin_addr.s_addr = host.bigEndian
        let request: [UInt8] =
            [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42] + Array(repeating: 7, count: 12)
        let sent = withUnsafePointer(to: &to) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(client.descriptor, request, request.count, 0, $0, 16)
            }
        }
        #expect(sent == 20)
        var poll = pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0)
        #expect(Glibc.poll(&poll, 1, 30_000) == 1)
        var answer = [UInt8](repeating: 0, count: 200)
        #expect(recv(client.descriptor, &answer, answer.count, 0) == 32)
        #expect(answer[0] == 1 && answer[1] == 1)
        thread.stop()
        thread.join()
        #expect(thread.counters.value(.datagramsFromClients) == 1)
        #expect(thread.counters.value(.datagramsToClients) == 1)
    }
}
