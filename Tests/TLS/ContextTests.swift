/// What a context is made of, and how it says what is wrong with it.

import TLS
import Testing

@Suite struct ContextTests {
    private func problem(_ certificate: String, _ key: String) -> String {
        do {
            _ = try TLSContext(.stream, certificate: certificate, privateKey: key)
            return ""
        } catch {
            return error.description
        }
    }

    @Test func goodFilesMakeAContext() {
        #expect(problem(Certificates.own, Certificates.own).isEmpty)
    }

    @Test func aMissingFileIsNamed() {
        #expect(
            problem("/no/such.pem", Certificates.own) == "/no/such.pem: No such file or directory"
        )
        #expect(
            problem(Certificates.own, "/no/key.pem") == "/no/key.pem: No such file or directory"
        )
    }

    @Test func aKeyOfAnotherCertificateIsRefused() {
        #expect(
            problem(Certificates.own, Certificates.other)
                == "\(Certificates.other): it is not the key of the certificate in \(Certificates.own)"
        )
    }

    @Test func aFileWithoutPEMIsRefused() {
        let path = Certificates.file("garbage.pem", "no certificate\n")
        #expect(problem(path, Certificates.own) == "\(path): no PEM in it")
        #expect(problem(Certificates.own, path).hasPrefix("\(path): "))
        let empty = Certificates.file("empty.pem", "")
        #expect(problem(empty, Certificates.own) == "\(empty): no PEM in it")
    }

    @Test func aKeyWithAPasswordIsRefusedWithoutAsking() {
        let path = Certificates.file("locked.pem", lockedKey)
        #expect(
            problem(Certificates.own, path)
                == "\(path): the key needs a password, which a server cannot give"
        )
    }

    @Test func aDirectoryIsRefused() {
        #expect(problem("/", Certificates.own).hasPrefix("/: "))
    }

    @Test func aPreviousContextLendsItsKeysToEitherKind() throws {
        let stream = try Certificates.context()
        _ = try Certificates.context(ticketKeysOf: stream)
        _ = try Certificates.context(.datagram, ticketKeysOf: stream)
    }
}

/// A key under the password "secret".
private let lockedKey = """
    -----BEGIN ENCRYPTED PRIVATE KEY-----
    MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgJcbo1UkJQTAICCAAw
    DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEAwd189U+sOQHorMXnefAOcEgZBI
    l6bBF9x30T1Io3K1uRSyNEdnOa04ek2z1v1PwoZvvTYo97WXjXyd/BXVwXLuko3P
    xNoOLRXIXNC79B1Xqlc8gNosPuKUAvkT3CmQUjfLB5c1Ry/vWmw7+3CkTNxcVPGX
    lKHRk+X0bmlEsxPWYNbhWR5h45ltBwB6eDGbgqghFJRpAqGY0r6p1/vZiJLkhaY=
    -----END ENCRYPTED PRIVATE KEY-----

    """
