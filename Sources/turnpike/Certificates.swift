/// The certificate that the relay threads serve TLS and DTLS with.

import RelayLoop
import TLS
import Tunables

extension TLSContexts {
    /// Reads the certificate that the tree names, if it names one.
    ///
    /// - Parameters:
    ///   - settings: The attribute tree.
    ///   - previous: The certificates so far, whose session tickets and DTLS cookies stay good.
    /// - Throws: What is missing or does not fit, in one line.
    init(_ settings: Settings, replacing previous: TLSContexts? = nil) throws(StartProblem) {
        self.init()
        let tls = settings.tls
        guard !tls.certificate.isEmpty, !tls.privateKey.isEmpty else {
            for (name, endpoints) in [
                ("listen/tls", settings.listen.tls), ("listen/dtls", settings.listen.dtls),
            ] where !endpoints.isEmpty {
                throw StartProblem(
                    "\(name): needs tls/certificate and tls/private_key, or serve --self-signed"
                )
            }
            return
        }
        stream = try Self.context(.stream, tls, previous?.stream)
        if settings.listen.dtls.isEmpty { return }
        datagram = try Self.context(.datagram, tls, previous?.datagram)
    }

    private static func context(
        _ transport: TLSTransport,
        _ tls: Settings.TLS,
        _ previous: TLSContext?
    ) throws(StartProblem) -> TLSContext {
        do throws(TLSContextError) {
            return try TLSContext(
                transport,
                certificate: tls.certificate,
                privateKey: tls.privateKey,
                minimum: tls.minimumVersion == "1.3" ? .tls13 : .tls12,
                offersHTTP: true,
                ticketKeysOf: previous
            )
        } catch {
            throw StartProblem("tls/certificate: \(error)")
        }
    }
}
