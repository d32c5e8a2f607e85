/// Lookups in a flat table of ten thousand entries.

import TURN

/// Measures a lookup that finds its key, and one that does not.
func measureTable(_ report: inout Report) {
    var hit = TableLookup(name: "table: lookup of 1 in 10000, found", offset: 0)
    report.measure(&hit)
    var miss = TableLookup(name: "table: lookup of 1 in 10000, absent", offset: TableLookup.count)
    report.measure(&miss)
}

private struct TableKey: FlatTableKey {
    let number: UInt64

    func hashed(by hash: KeyedHash) -> UInt64 { hash(number) }
}

private struct TableLookup: Benchmark, ~Copyable {
    static let count: UInt64 = 10_000

    let name: String
    private let offset: UInt64
    private var table: FlatTable<TableKey, UInt64>

    init(name: String, offset: UInt64) {
        self.name = name
        self.offset = offset
        table = FlatTable(capacity: Int(Self.count), hash: KeyedHash(1, 2))
        for number in 0..<Self.count {
            let isInserted = table.insert(number, for: TableKey(number: number))
            precondition(isInserted, "the table has room for all")
        }
    }

    mutating func run(_ operations: Int) -> UInt64 {
        var sum: UInt64 = 0
        var number: UInt64 = 0
        for _ in 0..<operations {
            number &+= 7919
            if number >= Self.count { number -= Self.count }
            sum &+= table.value(of: TableKey(number: number &+ offset)) ?? 1
        }
        return sum
    }
}
