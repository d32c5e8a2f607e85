/// Who may administer, and who may look on.

import NIOHTTP1

extension Request {
    /// Whether it came over the admin socket, which only the server's own user may open.
    var isFromAdminSocket: Bool { peer.isLocal && peer.address.isEmpty }

    /// Whether it may look at figures: an admin, or a program of this machine.
    func mayWatch(_ configuration: ControlConfiguration) -> Bool {
        peer.isLocal || isFromAdmin(configuration)
    }
}

extension Response {
    /// The refusal of what only admins may do.
    static var adminOnly: Response {
        .unauthorized("the admin token is needed: Authorization: Bearer TOKEN")
    }
}
