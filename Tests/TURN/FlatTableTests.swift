import Testing

@testable import TURN

private struct Number: FlatTableKey {
    var value: UInt32
    func hashed(by hash: KeyedHash) -> UInt64 { hash(UInt64(value)) }
}

/// Every key has the same home: the worst an attacker could wish for.
private struct Colliding: FlatTableKey {
    var value: UInt32
    func hashed(by hash: KeyedHash) -> UInt64 { UInt64.max }
}

@Suite("Flat table")
struct FlatTableTests {
    private let hash = KeyedHash(1, 2)

    @Test func findsWhatWasPutAndNothingElse() {
        var table = FlatTable<Number, UInt64>(capacity: 4, hash: hash)
        #expect(table.insert(10, for: Number(value: 1)) == true)
        #expect(table.value(of: Number(value: 1)) == 10)
        #expect(table.value(of: Number(value: 2)) == nil)
        #expect(table.insert(11, for: Number(value: 1)) == true)
        #expect(table.value(of: Number(value: 1)) == 11)
        #expect(table.count == 1)
    }

    @Test func refusesANewKeyWhenFullButStillReplacesAnOldOne() {
        var table = FlatTable<Number, UInt32>(capacity: 3, hash: hash)
        for value in 0..<3 as Range<UInt32> {
            #expect(table.insert(value, for: Number(value: value)) == true)
        }
        #expect(table.insert(9, for: Number(value: 9)) == false)
        #expect(table.insert(7, for: Number(value: 2)) == true)
        #expect(table.value(of: Number(value: 2)) == 7)
        #expect(table.remove(Number(value: 0)) == 0)
        #expect(table.insert(9, for: Number(value: 9)) == true)
        #expect(table.count == 3)
    }

    @Test func collidingKeysSurviveRemovalsInTheMiddleOfTheirRun() {
        var table = FlatTable<Colliding, UInt32>(capacity: 20, hash: hash)
        for value in 0..<20 as Range<UInt32> {
            #expect(table.insert(value, for: Colliding(value: value)) == true)
        }
        for value in stride(from: 1, to: 20, by: 2) as StrideTo<UInt32> {
            #expect(table.remove(Colliding(value: value)) == value)
        }
        for value in 0..<20 as Range<UInt32> {
            #expect(table.value(of: Colliding(value: value)) == (value % 2 == 0 ? value : nil))
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func agreesWithADictionaryThroughRandomChanges(seed: UInt64) {
        var table = FlatTable<Number, UInt32>(capacity: 200, hash: KeyedHash(seed, 0))
        var model: [UInt32: UInt32] = [:]
        var state = seed
        for step in 0..<50_000 as Range<UInt32> {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let key = UInt32(truncatingIfNeeded: state >> 40) % 400
            if state >> 62 == 0 {
                #expect(table.remove(Number(value: key)) == model.removeValue(forKey: key))
            } else {
                let fits = model[key] != nil || model.count < 200
                if fits { model[key] = step }
                #expect(table.insert(step, for: Number(value: key)) == fits)
            }
        }
        #expect(table.count == model.count)
        for key in 0..<400 as Range<UInt32> {
            #expect(table.value(of: Number(value: key)) == model[key])
        }
    }
}
