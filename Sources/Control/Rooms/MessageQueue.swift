/// What a client said that nobody could be given yet.

/// Messages of one client that wait for those they are for.
struct MessageQueue {
    /// Messages that one client may have waiting, as Collider has it.
    private static let countLimit = 1024
    /// Their bytes in UTF-8; a call's offer and candidates take some 20 000.
    private static let byteLimit = 524_288

    /// Without an addressee they are for whoever comes next.
    private var entries: [(text: String, addressee: String?)] = []

    /// Adds a message; false when there is no room for it.
    mutating func append(_ text: String, to addressee: String?) -> Bool {
        let bytes = entries.reduce(text.utf8.count) { $0 + $1.text.utf8.count }
        guard entries.count < Self.countLimit, bytes <= Self.byteLimit else { return false }
        entries.append((text, addressee))
        return true
    }

    /// Takes out what is for the addressees that fit, in order.
    mutating func take(where fits: (_ addressee: String?) -> Bool) -> [String] {
        let taken = entries.filter { fits($0.addressee) }.map(\.text)
        entries.removeAll { fits($0.addressee) }
        return taken
    }

    /// Makes what was for this client be for whoever comes next.
    mutating func release(from client: String) {
        for index in entries.indices where entries[index].addressee == client {
            entries[index].addressee = nil
        }
    }
}
