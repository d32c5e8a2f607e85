import STUN
import TURN

@testable import RelayLoop

/// The user of relays that ask for credentials; a client answers their challenges by itself.
enum LoopbackUser {
    static let name = "alice"
    static let password = "wonder"
    /// By default a server's.
    static let realm = ServerConfiguration().realm

    /// Makes a server ask for the user's credentials.
    static func isRequired(by server: inout ServerConfiguration) {
        server.isAuthenticationRequired = true
        server.users = [StaticUser(name: name, password: password)].compactMap(\.self)
    }

    /// What a request of his carries, and is then signed.
    static func attributes(
        _ nonce: [UInt8]
    ) -> [(AttributeType, LoopbackClient.AttributeValue)] {
        [
            (.username, .bytes(Array(name.utf8))), (.realm, .bytes(Array(realm.utf8))),
            (.nonce, .bytes(nonce)),
        ]
    }

    /// The key of his requests.
    static var key: IntegrityKey {
        let (name, realm, password) = (Array(name.utf8), Array(realm.utf8), Array(password.utf8))
        return .md5(
            username: name.span.rawBytes,
            realm: realm.span.rawBytes,
            password: password.span.rawBytes
        )
    }
}
