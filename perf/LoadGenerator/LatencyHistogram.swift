/// Latencies in buckets that grow with the value: within 3 % anywhere from a nanosecond to minutes, in fixed memory.

struct LatencyHistogram {
    /// 32 buckets for each power of two.
    private static let fine: UInt64 = 32
    private var buckets = [UInt32](repeating: 0, count: 64 * 32)
    private var count: UInt64 = 0
    private(set) var maximum: UInt64 = 0

    mutating func record(_ nanoseconds: UInt64) {
        buckets[LatencyHistogram.bucket(of: nanoseconds)] &+= 1
        count &+= 1
        if nanoseconds > maximum { maximum = nanoseconds }
    }

    /// The value that a share (0 to 1) of the records does not exceed; 0 when there are none.
    func quantile(_ share: Double) -> UInt64 {
        let rank = UInt64((Double(count) * share).rounded(.up))
        var passed: UInt64 = 0
        for index in buckets.indices {
            passed &+= UInt64(buckets[index])
            if passed >= rank, passed > 0 { return LatencyHistogram.value(of: index) }
        }
        return maximum
    }

    private static func bucket(of value: UInt64) -> Int {
        guard value >= fine else { return Int(value) }
        let exponent = UInt64(63 - value.leadingZeroBitCount)
        let mantissa = (value >> (exponent - 5)) & (fine - 1)
        return Int((exponent - 4) * fine + mantissa)
    }

    /// The middle of a bucket.
    private static func value(of bucket: Int) -> UInt64 {
        let bucket = UInt64(bucket)
        guard bucket >= fine else { return bucket }
        let exponent = bucket / fine + 4
        let width: UInt64 = 1 << (exponent - 5)
        return (1 << exponent) + bucket % fine * width + width / 2
    }
}
