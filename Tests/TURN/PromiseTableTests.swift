import STUN
import Testing

@testable import TURN

@Suite struct PromiseTableTests {
    private static func client(_ port: UInt16) -> FiveTuple {
        FiveTuple(
            client: TransportAddress(ip: address("192.0.2.1:1").ip, port: port),
            listener: ListenerIndex(rawValue: 0)
        )
    }

    @Test func remembersAndForgets() {
        var table = PromiseTable<FiveTuple>(capacity: 4, hash: KeyedHash(1, 2))
        #expect(table.thread(of: Self.client(1)) == nil)
        table.set(Self.client(1), to: 3)
        #expect(table.thread(of: Self.client(1)) == 3)
        table.set(Self.client(1), to: 2)
        #expect(table.thread(of: Self.client(1)) == 2)
        table.remove(Self.client(1))
        #expect(table.thread(of: Self.client(1)) == nil)
    }

    @Test func forgetsTheOldestForTheNewest() {
        var table = PromiseTable<FiveTuple>(capacity: 4, hash: KeyedHash(1, 2))
        for port in 1...100 as ClosedRange<UInt16> {
            table.set(Self.client(port), to: port)
            #expect(table.thread(of: Self.client(port)) == port)
        }
        let kept = (1...100 as ClosedRange<UInt16>).filter {
            table.thread(of: Self.client($0)) != nil
        }
        #expect(kept == [97, 98, 99, 100])
    }
}
