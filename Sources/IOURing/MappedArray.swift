/// A fixed number of elements in a mapping of their own, all bits zero at first.
///
/// Pages that were never touched cost nothing. For elements whose zero bits are a value.
@safe
public struct MappedArray<Element: BitwiseCopyable>: ~Copyable {
    /// How many elements there are.
    public let count: Int
    private let mapping: Mapping

    /// Maps `count` elements, at least 1.
    ///
    /// - Throws: `ENOMEM` when there is no memory.
    public init(count: Int) throws(Errno) {
        self.count = count
        mapping = try Mapping(byteCount: count * MemoryLayout<Element>.stride)
    }

    /// The first element.
    @unsafe
    var start: UnsafeMutablePointer<Element> {
        // SAFETY: the mapping is made for it and is bound to no other type.
        unsafe mapping.start.assumingMemoryBound(to: Element.self)
    }

    /// An element, in place; its index is checked.
    public subscript(index: Int) -> Element {
        get {
            precondition(index >= 0 && index < count)
            // SAFETY: checked just above.
            return unsafe start[index]
        }
        _modify {
            precondition(index >= 0 && index < count)
            // SAFETY: checked just above; self is held exclusively.
            yield unsafe &start[index]
        }
    }
}
