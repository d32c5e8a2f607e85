/// Certificates for the suites, made once in a directory of their own.

import COpenSSL
import CTLSClient
import Foundation
import TLS

enum Certificates {
    /// A certificate and its key in one file, as `--self-signed` makes them.
    static let own = make("own")
    /// Another pair.
    static let other = make("other")

    /// A pair with RSA.
    static let rsa: String = {
        let path = file("rsa.pem", "")
        guard turnpike_write_rsa_certificate(path) == 0 else { fatalError("no RSA certificate") }
        return path
    }()

    /// A file with some text.
    static func file(_ name: String, _ text: String) -> String {
        let path = directory + "/" + name
        _ = FileManager.default.createFile(atPath: path, contents: Data(text.utf8))
        return path
    }

    /// A context with the certificate of the suites.
    static func context(
        _ transport: TLSTransport = .stream,
        minimum: TLSVersion = .tls12,
        offersHTTP: Bool = false,
        mtu: Int = 1200,
        ticketKeysOf previous: TLSContext? = nil
    ) throws -> TLSContext {
        try TLSContext(
            transport,
            certificate: own,
            privateKey: own,
            minimum: minimum,
            offersHTTP: offersHTTP,
            mtu: mtu,
            ticketKeysOf: previous
        )
    }

    private static let directory: String = {
        let path = NSTemporaryDirectory() + "turnpike-tls-" + UUID().uuidString
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        atexit { Certificates.remove() }
        return path
    }()

    private static func remove() {
        try? FileManager.default.removeItem(atPath: directory)
    }

    private static func make(_ name: String) -> String {
        let path = file(name + ".pem", "")
        guard let handle = FileHandle(forWritingAtPath: path),
            turnpike_write_certificate(handle.fileDescriptor, "DNS:localhost", 3) == 0
        else { fatalError("no certificate could be made") }
        return path
    }
}
