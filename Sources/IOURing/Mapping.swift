internal import CLinux
internal import Glibc

/// The pages behind a mapping.
public enum PageKind: Sendable {
    /// Pages of the machine's ordinary size.
    case ordinary
    /// Ordinary pages that the kernel was asked to join into huge ones where it can.
    case transparentHuge
    /// Huge pages set aside by the administrator.
    case huge
}

/// Anonymous memory, zero at first, given back when it goes out of scope.
@safe
struct Mapping: ~Copyable {
    /// The first byte; aligned to a page.
    @unsafe let start: UnsafeMutableRawPointer
    /// Bytes mapped.
    let byteCount: Int
    /// What the memory is on.
    let pages: PageKind

    /// Maps at least `byteCount` bytes; reserved huge pages only when all of them are there.
    init(byteCount: Int, hugePages: Bool = false, node: Int? = nil) throws(Errno) {
        if hugePages, let huge = unsafe Self.mapHuge(byteCount, node: node) {
            unsafe start = huge.start
            self.byteCount = unsafe huge.byteCount
            pages = .huge
            return
        }
        unsafe start = try Self.map(byteCount, flags: 0)
        self.byteCount = byteCount
        // SAFETY: the mapping just made. Both are requests: memory that cannot follow them serves.
        if let node { _ = unsafe turnpike_prefer_node(start, byteCount, Int32(clamping: node)) }
        guard hugePages, unsafe madvise(start, byteCount, MADV_HUGEPAGE) == 0 else {
            pages = .ordinary
            return
        }
        pages = .transparentHuge
    }

    /// Takes every page now, so that none is taken while datagrams wait for it.
    ///
    /// Where the kernel cannot (before Linux 5.14, or without the memory), pages come with their first use.
    func populate() {
        // SAFETY: the mapping made in init; its contents stay.
        _ = unsafe madvise(start, byteCount, MADV_POPULATE_WRITE)
    }

    deinit {
        // SAFETY: mapped in init, unmapped nowhere else.
        unsafe munmap(start, byteCount)
    }

    private static func map(
        _ byteCount: Int,
        flags: Int32
    ) throws(Errno) -> UnsafeMutableRawPointer {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | flags
        // SAFETY: an anonymous mapping where the kernel likes it.
        guard let start = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0),
            unsafe start != MAP_FAILED
        else { throw .last }
        return unsafe start
    }

    /// Maps reserved huge pages and takes every one of them now.
    ///
    /// A page that the node does not have would otherwise be a SIGBUS at its first use.
    private static func mapHuge(
        _ byteCount: Int,
        node: Int?
    ) -> (start: UnsafeMutableRawPointer, byteCount: Int)? {
        let rounded = (byteCount + Limits.hugePage - 1) / Limits.hugePage * Limits.hugePage
        guard let start = try? unsafe map(rounded, flags: MAP_HUGETLB) else { return nil }
        // SAFETY: the mapping just made; the node is a preference.
        if let node { _ = unsafe turnpike_prefer_node(start, rounded, Int32(clamping: node)) }
        guard unsafe madvise(start, rounded, MADV_POPULATE_WRITE) == 0 else {
            unsafe munmap(start, rounded)
            return nil
        }
        return unsafe (start, rounded)
    }
}
