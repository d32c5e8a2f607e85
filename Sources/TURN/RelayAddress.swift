/// The addresses of relayed sockets: several of a family, each with the one that a 1:1 NAT shows in its place.
public import STUN

/// An address of relayed sockets.
public struct RelayAddress: Equatable, Sendable, BitwiseCopyable {
    /// What sockets are bound to.
    public var bound: IPAddress
    /// What clients and their peers see.
    public var external: IPAddress

    /// An address, and the one that stands for it outside if that is another.
    public init(_ bound: IPAddress, external: IPAddress? = nil) {
        self.bound = bound.canonical
        self.external = (external ?? bound).canonical
    }
}

/// The addresses of one family, numbered in the operator's order; a value without memory of its own.
public struct RelayAddressList: Sendable {
    /// The most addresses of a family.
    public static let capacity = 8

    private var addresses: [8 of RelayAddress] = .init(
        repeating: RelayAddress(IPAddress(ipv4: 0))
    )
    /// How many there are.
    public private(set) var count = 0

    /// Those given, as many as there is room for.
    public init(_ given: [RelayAddress] = []) {
        for address in given.prefix(Self.capacity) {
            addresses[count] = address
            count += 1
        }
    }

    /// The address with a number below `count`.
    public subscript(number: Int) -> RelayAddress { addresses[number] }

    /// The number of the address that sockets are bound to as `ip`.
    public func number(bound ip: IPAddress) -> Int? {
        for number in 0..<count where addresses[number].bound == ip { return number }
        return nil
    }
}
