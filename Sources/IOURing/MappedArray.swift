/// A fixed number of elements in a mapping of their own, all bits zero at first.
///
/// Pages that were never touched cost nothing. For elements whose zero bits are a value. Its elements are reached from
/// other modules on the way of every message, so the subscript is inlined there: without that each access is a call
/// through the element's metadata, which `perf/hotpath` refuses.
@safe
public struct MappedArray<Element: BitwiseCopyable>: ~Copyable {
    /// How many elements there are.
    public let count: Int
    /// The first element.
    @unsafe @usableFromInline let start: UnsafeMutablePointer<Element>
    /// What the elements lie in.
    private let mapping: Mapping

    /// Maps `count` elements, at least 1.
    ///
    /// - Throws: `ENOMEM` when there is no memory.
    public init(count: Int) throws(Errno) {
        self.count = count
        mapping = try Mapping(byteCount: count * MemoryLayout<Element>.stride)
        // SAFETY: the mapping is made for it and is bound to no other type.
        unsafe start = mapping.start.assumingMemoryBound(to: Element.self)
    }

    /// An element, in place; its index is checked.
    @inlinable public subscript(index: Int) -> Element {
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
