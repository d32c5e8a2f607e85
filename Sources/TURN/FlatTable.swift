/// A key of a `FlatTable`: plain bits that hash under the table's secret seed.
public protocol FlatTableKey: Equatable, BitwiseCopyable {
    /// The key's hash; equal keys hash alike.
    func hashed(by hash: KeyedHash) -> UInt64
}

/// A hash table of fixed capacity in memory of its own.
///
/// Open addressing with linear probing, at most two thirds full, so a lookup reads one or two neighbouring
/// buckets. A removal shifts the entries behind it back (no tombstones), so the table never degrades,
/// however long it runs. Nothing is allocated after `init`, and an entry that was never used is never
/// touched: only one byte a bucket is resident from the start.
///
/// Safe to use because the pointers are private, live exactly as long as their only owner, and every bucket
/// index is masked by the bucket count.
@safe public struct FlatTable<Key: FlatTableKey, Value: BitwiseCopyable>: ~Copyable {
    private struct Entry: BitwiseCopyable {
        var key: Key
        var value: Value
    }

    /// 0 for an empty bucket, else `0x80` and seven bits of the hash: spares most comparisons of keys.
    private let tags: UnsafeMutablePointer<UInt8>
    private let entries: UnsafeMutablePointer<Entry>
    private let mask: Int
    private let hash: KeyedHash

    /// The most entries the table holds.
    public let capacity: Int

    /// The entries it holds now.
    public private(set) var count = 0

    /// A table for up to `capacity` entries.
    public init(capacity: Int, hash: KeyedHash) {
        precondition(capacity > 0 && capacity <= 1 << 40, "a table holds something, and is bounded")
        let buckets = FlatTable.buckets(for: capacity)
        self.capacity = capacity
        self.hash = hash
        mask = buckets - 1
        unsafe tags = .allocate(capacity: buckets)
        // Safe: `buckets` bytes were allocated on the line above.
        unsafe tags.initialize(repeating: 0, count: buckets)
        unsafe entries = .allocate(capacity: buckets)
    }

    deinit {
        // Safe: both were allocated in `init`, and entries are plain bits without a destructor.
        unsafe tags.deallocate()
        // Safe: as above.
        unsafe entries.deallocate()
    }

    /// The value of `key`, if the table has it.
    public func value(of key: Key) -> Value? {
        guard let bucket = bucket(of: key) else { return nil }
        // Safe: `bucket(of:)` returns occupied buckets only.
        return unsafe entries[bucket].value
    }

    /// Whether the table has `key`.
    public func contains(_ key: Key) -> Bool {
        bucket(of: key) != nil
    }

    /// Puts `value` under `key`, in place of an older value.
    ///
    /// False, with nothing changed, when the key is new and the table is full.
    public mutating func insert(_ value: Value, for key: Key) -> Bool {
        let hashValue = key.hashed(by: hash)
        let (bucket, isOccupied) = probe(for: key, hashValue)
        if !isOccupied {
            guard count < capacity else { return false }
            count += 1
            // Safe: `bucket` is masked.
            unsafe tags[bucket] = FlatTable.tag(hashValue)
        }
        // Safe: `bucket` is masked; assigning plain bits also initialises.
        unsafe (entries + bucket).initialize(to: Entry(key: key, value: value))
        return true
    }

    /// Takes `key` out of the table and returns its value.
    @discardableResult
    public mutating func remove(_ key: Key) -> Value? {
        guard let bucket = bucket(of: key) else { return nil }
        // Safe: `bucket(of:)` returns occupied buckets only.
        let value = unsafe entries[bucket].value
        closeGap(at: bucket)
        count -= 1
        return value
    }

    private func bucket(of key: Key) -> Int? {
        let (bucket, isOccupied) = probe(for: key, key.hashed(by: hash))
        return isOccupied ? bucket : nil
    }

    /// The bucket of `key`, or the empty one where it would go.
    ///
    /// The search ends, because a third of the buckets is always empty.
    private func probe(for key: Key, _ hashValue: UInt64) -> (bucket: Int, isOccupied: Bool) {
        let tag = FlatTable.tag(hashValue)
        var bucket = home(hashValue)
        while true {
            // Safe: `bucket` is masked.
            let found = unsafe tags[bucket]
            if found == 0 { return (bucket, false) }
            // Safe: `bucket` is masked, and its tag says that the entry is initialised.
            if found == tag, unsafe entries[bucket].key == key { return (bucket, true) }
            bucket = (bucket &+ 1) & mask
        }
    }

    /// Empties the bucket `gap`: moves back what probing would no longer find behind it.
    private mutating func closeGap(at gap: Int) {
        var gap = gap
        var next = (gap &+ 1) & mask
        // Safe: `next` is masked.
        while unsafe tags[next] != 0 {
            // Safe: an occupied bucket's entry is initialised.
            let home = home(unsafe entries[next].key.hashed(by: hash))
            // The entry may move to the gap if that is not before its home, counted backwards from `next`.
            if (next &- home) & mask >= (next &- gap) & mask {
                // Safe: both are masked, and `next` is occupied.
                unsafe (entries + gap).initialize(to: entries[next])
                // Safe: both are masked.
                unsafe tags[gap] = tags[next]
                gap = next
            }
            next = (next &+ 1) & mask
        }
        // Safe: `gap` is masked.
        unsafe tags[gap] = 0
    }

    private func home(_ hashValue: UInt64) -> Int {
        Int(truncatingIfNeeded: hashValue) & mask
    }

    /// Made of other bits of the hash than the home bucket.
    private static func tag(_ hashValue: UInt64) -> UInt8 {
        0x80 | UInt8(truncatingIfNeeded: hashValue &>> 57)
    }

    /// The power of two that keeps `capacity` entries at two thirds or less.
    private static func buckets(for capacity: Int) -> Int {
        let least = capacity + capacity / 2 + 1
        return 1 << (Int.bitWidth - (least - 1).leadingZeroBitCount)
    }
}

// Sendable: the table owns its memory alone; handing it to another thread hands over both.
extension FlatTable: @unchecked Sendable {}
