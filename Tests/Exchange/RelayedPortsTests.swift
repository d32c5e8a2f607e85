/// Ports of a relay address: one owner each, and a rest after use (RFC 8656 section 7.2).

import Exchange
import Synchronization
import Testing

@Suite struct RelayedPortsTests {
    @Test func aPortHasOneOwner() {
        let ports = RelayedPorts()
        #expect(!ports.isOpen(50_000))
        #expect(ports.claim(50_000, nowSeconds: 1))
        #expect(ports.isOpen(50_000))
        #expect(!ports.claim(50_000, nowSeconds: 1))
        #expect(!ports.claim(50_000, nowSeconds: 1, evenIfRecent: true))
        ports.release(50_000, nowSeconds: 2)
        #expect(!ports.isOpen(50_000))
    }

    @Test func aClosedPortRestsUnlessAllDo() {
        let ports = RelayedPorts()
        #expect(ports.claim(65_535, nowSeconds: 100))
        ports.release(65_535, nowSeconds: 200)
        #expect(!ports.claim(65_535, nowSeconds: 229))
        #expect(ports.claim(65_535, nowSeconds: 229, evenIfRecent: true))
        ports.release(65_535, nowSeconds: 230)
        #expect(ports.claim(65_535, nowSeconds: 260))
    }

    @Test func aPortClosedInTheFirstSecondOfTheClockRestsToo() {
        let ports = RelayedPorts()
        #expect(ports.claim(0, nowSeconds: 0))
        ports.release(0, nowSeconds: 0)
        #expect(!ports.claim(0, nowSeconds: 29))
        #expect(ports.claim(0, nowSeconds: 31))
    }

    @Test func eachAddressHasPortsOfItsOwn() {
        let ports = RelayedPorts(addresses: 3)
        for address in UInt8(0)..<3 {
            #expect(ports.claim(65_535, of: address, nowSeconds: 1))
            #expect(!ports.claim(65_535, of: address, nowSeconds: 1))
        }
        ports.release(65_535, of: 1, nowSeconds: 2)
        #expect(!ports.isOpen(65_535, of: 1))
        #expect(ports.isOpen(65_535) && ports.isOpen(65_535, of: 2))
        #expect(
            !ports.isOpen(0, of: 2),
            "the port behind the last of an address is the next one's first"
        )
    }

    @Test func racingThreadsNeverShareAPort() {
        let ports = RelayedPorts()
        let owners = Atomic<Int>(0)
        let collisions = Atomic<Int>(0)
        onThreads(4) { _ in
            for _ in 0..<5_000 where ports.claim(1024, nowSeconds: 9, evenIfRecent: true) {
                if owners.add(1, ordering: .relaxed).newValue != 1 {
                    collisions.add(1, ordering: .relaxed)
                }
                owners.subtract(1, ordering: .relaxed)
                ports.release(1024, nowSeconds: 9)
            }
        }
        #expect(collisions.load(ordering: .relaxed) == 0)
    }
}
