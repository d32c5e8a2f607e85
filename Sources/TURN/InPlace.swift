/// What keeps a large struct where it is while it is lent.
internal import Synchronization

/// A field for long structs without copies that are borrowed on the way of a datagram.
///
/// The compiler copies a struct that it can load to lend it, however large. It cannot load one that holds an atomic,
/// which is used in place; so it lends its address. Nobody reads or writes this one: the server stays a machine of one
/// thread.
public struct InPlace: ~Copyable, Sendable {
    private let atomic = Atomic(false)

    /// Nothing to be said.
    public init() {}
}
