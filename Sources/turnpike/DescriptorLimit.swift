/// The limit of open file descriptors: each allocation is a socket.

import IOURing

/// Raises the limit as far as the process may, and says whether it is enough.
enum DescriptorLimit {
    /// Standard streams, rings, event descriptors, and a rest for what libraries open.
    private static let reserve = 64

    /// Raises the soft limit to the hard one and compares it with what the server needs.
    ///
    /// - Parameters:
    ///   - listeners: Sockets that there are in any case.
    ///   - allocations: Relayed sockets that there may be.
    /// - Returns: A warning when the limit is below what all allocations need.
    /// - Throws: When not even the listeners fit.
    static func raise(listeners: Int, allocations: Int) throws(StartProblem) -> String? {
        return try shortage(
            limit: Machine.raiseDescriptorLimit(),
            listeners: listeners,
            allocations: allocations
        )
    }

    /// Compares a limit with what the server needs.
    static func shortage(
        limit: Int,
        listeners: Int,
        allocations: Int
    ) throws(StartProblem) -> String? {
        let needed = reserve + listeners
        if limit <= needed {
            throw StartProblem(
                "the limit of open files is \(limit), and the listeners alone need \(needed); raise it (ulimit -n)"
            )
        }
        if limit >= needed + allocations { return nil }
        return "the limit of open files is \(limit): it allows for some \(limit - needed) "
            + "of \(allocations) allocations (ulimit -n)"
    }
}
