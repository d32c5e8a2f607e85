/// The one source of chance of a simulation: xoshiro256**, its state filled by SplitMix64.
///
/// Everything random in a run is drawn from one generator or from generators split off it, so a seed
/// is a complete description of the run. The algorithms are those of Blackman and Vigna (2018).
public struct SeededGenerator {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    /// A generator whose whole sequence follows from `seed`.
    public init(seed: UInt64) {
        var mixer = seed
        func next() -> UInt64 {
            mixer &+= 0x9E37_79B9_7F4A_7C15
            var value = mixer
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return value ^ (value >> 31)
        }
        state = (next(), next(), next(), next())
    }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        let product = state.1 &* 5
        let result = ((product << 7) | (product >> 57)) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = (state.3 << 45) | (state.3 >> 19)
        return result
    }

    /// A number in `0 ..< bound`; 0 when the bound is 0.
    mutating func below(_ bound: Int) -> Int {
        bound <= 0 ? 0 : Int(next().multipliedFullWidth(by: UInt64(bound)).high)
    }

    /// A number in the closed range.
    mutating func within(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.count)
    }

    /// True in `percent` of 100 draws.
    mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

    /// True in `share` of 1000 draws.
    mutating func rarely(_ share: Int) -> Bool { below(1000) < share }

    /// One element; the collection is not empty.
    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[below(elements.count)]
    }

    /// A duration in nanoseconds within the range.
    mutating func duration(_ range: ClosedRange<UInt64>) -> UInt64 {
        range.lowerBound + UInt64(below(Int(range.upperBound - range.lowerBound + 1)))
    }

    /// Random bytes.
    mutating func bytes(_ count: Int) -> [UInt8] {
        var result = [UInt8]()
        result.reserveCapacity(count)
        var word: UInt64 = 0
        for index in 0..<count {
            if index & 7 == 0 { word = next() }
            result.append(UInt8(truncatingIfNeeded: word))
            word >>= 8
        }
        return result
    }

    /// A generator of its own, so that drawing from one does not shift the other.
    mutating func split() -> SeededGenerator { SeededGenerator(seed: next()) }
}
