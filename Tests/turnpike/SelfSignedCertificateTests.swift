/// The certificate of `serve --self-signed`: made once, kept, made anew when it no longer fits.

import COpenSSL
import Foundation
import STUN
import Testing
import Tunables

@testable import turnpike

@Suite struct SelfSignedCertificateTests {
    private let addresses = ["127.0.0.1", "192.0.2.7", "2001:db8::7"].compactMap { IPAddress($0) }

    private func withState(_ body: (StateDirectory) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "turnpike-certificate-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(try StateDirectory(named: path))
    }

    private func isFor(_ name: String, _ path: String, days: Int32 = 360) -> Bool {
        turnpike_certificate_is_for(path, name, IPAddress(name) == nil ? 0 : 1, days) == 1
    }

    @Test func itIsForTheMachineAndNobodyElse() throws {
        try withState { state in
            let certificate = try SelfSignedCertificate(
                in: state,
                addresses: addresses,
                host: "box"
            )
            for name in ["localhost", "box", "127.0.0.1", "192.0.2.7", "2001:db8::7"] {
                #expect(isFor(name, certificate.path), "\(name)")
            }
            for name in ["example.org", "192.0.2.8", "2001:db8::8"] {
                #expect(!isFor(name, certificate.path), "\(name)")
            }
            #expect(!isFor("localhost", certificate.path, days: 366))
            #expect(!isFor("localhost", "/nonexistent"))
        }
    }

    @Test func itIsForItsOwnerOnlyAndKeptOverStarts() throws {
        try withState { state in
            let first = try SelfSignedCertificate(in: state, addresses: addresses, host: nil)
            let made = try Data(contentsOf: URL(fileURLWithPath: first.path))
            _ = try SelfSignedCertificate(in: state, addresses: addresses, host: nil)
            let fewer = Array(addresses.prefix(1))
            _ = try SelfSignedCertificate(in: state, addresses: fewer, host: nil)
            let kept = try Data(contentsOf: URL(fileURLWithPath: first.path))
            #expect(made == kept)
            let attributes = try FileManager.default.attributesOfItem(atPath: first.path)
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
            let files = try FileManager.default.contentsOfDirectory(atPath: state.path)
            #expect(files == ["self_signed.pem"])
        }
    }

    @Test func itIsMadeAnewForANewAddress() throws {
        try withState { state in
            let first = try SelfSignedCertificate(in: state, addresses: addresses, host: nil)
            let more = addresses + [try #require(IPAddress("198.51.100.1"))]
            #expect(!isFor("198.51.100.1", first.path))
            _ = try SelfSignedCertificate(in: state, addresses: more, host: nil)
            #expect(isFor("198.51.100.1", first.path))
        }
    }

    @Test func aDamagedOneIsReplaced() throws {
        try withState { state in
            let first = try SelfSignedCertificate(in: state, addresses: addresses, host: nil)
            try Data("no PEM".utf8).write(to: URL(fileURLWithPath: first.path))
            _ = try SelfSignedCertificate(in: state, addresses: addresses, host: nil)
            #expect(isFor("127.0.0.1", first.path))
        }
    }

    @Test func itTurnsHTTPSOnUnlessThereIsACertificate() throws {
        try withState { state in
            var settings = Settings.defaults
            try settings.serveHTTPS(keeping: state)
            #expect(settings.control.https.first == "0.0.0.0:8443")
            #expect(settings.tls.certificate == state.path + "/self_signed.pem")
            var other = try Settings.load(
                directory: nil,
                overrides: ["tls/certificate=/etc/ssl/a.pem"]
            ).settings
            #expect(throws: StartProblem.self) { try other.serveHTTPS(keeping: state) }
        }
    }
}
