/// CreatePermission (RFC 8656 10).
internal import STUN

extension TURNServer {
    /// Installs or refreshes the permissions for all peers of a request, or for none (RFC 8656 10.2).
    mutating func createPermission(
        _ message: borrowing Message,
        _ request: Request,
        _ reply: inout MutableRawSpan
    ) -> Verdict {
        let slot: Slot<Allocation>
        switch ownedAllocation(request) {
        case .refused(let code): return refuse(request, code, &reply)
        case .found(let found): slot = found
        }
        if let code = peersError(message, slot) {
            return refuse(request, code, &reply)
        }
        let expiry = permissionExpiry(at: request.now)
        guard installPermissions(message, in: slot, until: expiry) else {
            return refuse(request, .insufficientCapacity, &reply)
        }
        return acknowledge(request, &reply)
    }

    /// When a permission that is installed or refreshed now ends.
    func permissionExpiry(at now: Now) -> Instant {
        now.monotonic.advanced(bySeconds: UInt64(configuration.permissionLifetimeSeconds))
    }

    /// Why an allocation may not exchange data with `peer`, as the client wrote it.
    func peerError(_ peer: IPAddress, _ allocation: Slot<Allocation>) -> ErrorCode? {
        let canonical = own.canonical(peer)
        // An IPv4-mapped address is of neither family: not IPv6 in truth, not IPv4 as written.
        guard canonical.family == peer.family, table.allocations[allocation][peer.family].isOpen
        else {
            return .peerAddressFamilyMismatch
        }
        return own.allows(canonical) ? nil : .forbidden
    }

    /// The first rule that any of the peers breaks, each judged on its own.
    private func peersError(_ message: borrowing Message, _ allocation: Slot<Allocation>)
        -> ErrorCode?
    {
        var count = 0
        var firstError: ErrorCode?
        var cursor = message.attributes()
        while let attribute = cursor.next(in: message) {
            guard attribute.type == .xorPeerAddress else { continue }
            guard let peer = message.xorAddress(attribute) else { return .badRequest }
            count += 1
            guard let code = peerError(peer.ip, allocation) else { continue }
            // The family comes before policy in RFC 8656 10.2, whichever peer it is about.
            if firstError == nil || code == .peerAddressFamilyMismatch { firstError = code }
        }
        return count == 0 ? .badRequest : firstError
    }

    /// Adds what is missing, or takes it back and returns false when that does not fit; then refreshes.
    private mutating func installPermissions(
        _ message: borrowing Message,
        in allocation: Slot<Allocation>,
        until expiry: Instant
    ) -> Bool {
        var added = 0
        var cursor = message.attributes()
        while let peer = nextPeer(in: message, &cursor) {
            switch table.addPermission(to: allocation, for: peer, until: expiry) {
            case .existing: break
            case .added: added += 1
            case .full:
                table.removeNewestPermissions(added, of: allocation)
                return false
            }
        }
        cursor = message.attributes()
        while let peer = nextPeer(in: message, &cursor) {
            guard let permission = table.permission(of: allocation, for: peer) else { continue }
            table.setExpiry(of: permission, to: expiry)
        }
        return true
    }

    /// The canonical address of the next peer of a message whose peers were checked.
    private func nextPeer(
        in message: borrowing Message,
        _ cursor: inout AttributeCursor
    ) -> IPAddress? {
        while let attribute = cursor.next(in: message) {
            guard attribute.type == .xorPeerAddress else { continue }
            return message.xorAddress(attribute).map { own.canonical($0.ip) }
        }
        return nil
    }
}
