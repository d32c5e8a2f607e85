/// The list of a 420 answer (RFC 8489 sections 6.3.1 and 14.9).

/// Types of attributes not understood: as many as an answer has room for, each once.
public struct UnknownAttributes: Sendable, BitwiseCopyable {
    /// The most it holds; more are left out, so that an answer stays small whatever was asked.
    public static let capacity = 16

    private var types: [16 of UInt16] = .init(repeating: 0)
    /// How many there are.
    public private(set) var count = 0

    /// An empty list.
    public init() {}

    /// Whether there is none.
    public var isEmpty: Bool { count == 0 }

    /// The type at `index`, in order of insertion.
    public subscript(index: Int) -> AttributeType {
        precondition(index < count)
        return AttributeType(rawValue: types[index])
    }

    /// Whether `type` is in the list.
    public func contains(_ type: AttributeType) -> Bool {
        for index in 0..<count where types[index] == type.rawValue { return true }
        return false
    }

    /// Adds `type`, unless it is there or the list is full.
    public mutating func insert(_ type: AttributeType) {
        for index in 0..<count where types[index] == type.rawValue { return }
        guard count < Self.capacity else { return }
        types[count] = type.rawValue
        count += 1
    }
}
