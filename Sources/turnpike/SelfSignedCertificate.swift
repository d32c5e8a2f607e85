/// A certificate that the server signs itself: for trying HTTPS on a LAN, behind a browser's warning.
///
/// It is made with the OpenSSL library that the TURN server needs anyway, rather than with the `openssl` command, which
/// may not be installed.

import COpenSSL
import Glibc
import STUN
import Tunables

/// The certificate and key of `serve --self-signed`, in one file of the state directory.
struct SelfSignedCertificate {
    /// The longest life that Apple's systems take (825 days) is far off; yearly is usual.
    private static let days: Int32 = 365
    /// It is made anew when it has less left.
    private static let daysLeft: Int32 = 30

    /// A PEM file: the certificate, then its key.
    let path: String

    /// Takes the certificate of an earlier start, or makes one.
    ///
    /// - Parameters:
    ///   - state: Where it is kept.
    ///   - addresses: The machine's addresses; the certificate is made anew when one was added.
    ///   - host: The machine's name; nil for none.
    /// - Throws: When it cannot be made or written.
    init(
        in state: StateDirectory,
        addresses: [IPAddress],
        host: String? = Self.hostName
    ) throws(StartProblem) {
        path = state.path + "/self_signed.pem"
        let names = ["localhost"] + [host].compactMap { $0 }
        if Self.isGood(path, names, addresses) { return }
        try state.make()
        try Self.write(to: path, names, addresses)
    }

    /// The name that others on a LAN may know this machine by.
    static var hostName: String? {
        var bytes = [CChar](repeating: 0, count: 256)
        guard gethostname(&bytes, bytes.count - 1) == 0 else { return nil }
        let name = String(
            decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)),
            as: UTF8.self
        )
        let isName = name.utf8.allSatisfy {
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20
                || UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || ".-".utf8.contains($0)
        }
        return !name.isEmpty && isName ? name : nil
    }

    private static func isGood(_ path: String, _ names: [String], _ addresses: [IPAddress]) -> Bool
    {
        names.allSatisfy { turnpike_certificate_is_for(path, $0, 0, daysLeft) == 1 }
            && addresses.allSatisfy {
                turnpike_certificate_is_for(path, $0.description, 1, daysLeft) == 1
            }
    }

    /// Writes it beside its place and moves it there, so that nobody reads half of one.
    private static func write(
        to path: String,
        _ names: [String],
        _ addresses: [IPAddress]
    ) throws(StartProblem) {
        let draft = path + "." + hexadecimal(randomBytes(8))
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor < 0 { throw StartProblem(draft, errno: errno) }
        let entries = names.map { "DNS:\($0)" } + addresses.map { "IP:\($0)" }
        let isWritten =
            turnpike_write_certificate(descriptor, entries.joined(separator: ","), days) == 0
        let isStored = isWritten && fsync(descriptor) == 0
        close(descriptor)
        if isStored && rename(draft, path) == 0 { return }
        unlink(draft)
        throw StartProblem("\(path): a certificate could not be made")
    }
}

extension Settings {
    /// Where HTTPS and TURN over TLS are served when only `--self-signed` asks for them: on all addresses.
    private static let httpsEndpoints = ["0.0.0.0:8443", "[::]:8443"]
    private static let tlsEndpoints = ["0.0.0.0:5349", "[::]:5349"]

    /// Turns HTTPS and TURN over TLS on with a certificate of our own making, kept in the state directory.
    mutating func serveHTTPS(keeping state: StateDirectory) throws(StartProblem) {
        guard tls.certificate.isEmpty, tls.privateKey.isEmpty else {
            throw StartProblem(
                "--self-signed: tls/certificate names one already; leave one of them out"
            )
        }
        let addresses = NetworkInterfaces.addresses()
        let certificate = try SelfSignedCertificate(in: state, addresses: addresses)
        tls.certificate = certificate.path
        tls.privateKey = certificate.path
        let hasIPv6 = addresses.contains { $0.family == .ipv6 }
        if listen.tls.isEmpty {
            listen.tls = Self.tlsEndpoints.filter { hasIPv6 || !$0.hasPrefix("[") }
        }
        if !control.https.isEmpty { return }
        control.https = Self.httpsEndpoints.filter { hasIPv6 || !$0.hasPrefix("[") }
    }
}
