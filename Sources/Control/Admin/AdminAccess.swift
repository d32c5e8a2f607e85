/// Who may administer, and who may look on.

import NIOHTTP1
import STUN

extension Request {
    /// Whether it came over the admin socket, which only the server's own user may open.
    var isFromAdminSocket: Bool { peer.isLocal && peer.address.isEmpty }

    /// Whether it may look at figures: an admin, or a program of this machine.
    func mayWatch(_ configuration: ControlConfiguration) -> Bool {
        isFromThisMachine || isFromAdmin(configuration)
    }

    /// Whether a program of this machine asks for itself.
    ///
    /// A proxy on this machine asks for others and says so. A page whose name was made to point here (DNS
    /// rebinding) has that name in Host; a page of another site has its own in Origin.
    private var isFromThisMachine: Bool {
        guard peer.isLocal else { return false }
        for name in ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"]
        where headers.contains(name: name) {
            return false
        }
        let host = headers.first(name: "Host")?.lowercased() ?? ""
        let origin = headers.first(name: "Origin")?.lowercased()
        if let origin, !origin.hasSuffix("://" + host) { return false }
        let name = host.hasPrefix("[") ? host.prefix { $0 != "]" } + "]" : host.prefix { $0 != ":" }
        let isIPv4 = name.hasPrefix("127.") && IPAddress(String(name)) != nil
        return name == "localhost" || name == "[::1]" || isIPv4
    }
}

extension Response {
    /// The refusal of what only admins may do.
    static var adminOnly: Response {
        .unauthorized("the admin token is needed: Authorization: Bearer TOKEN")
    }
}
