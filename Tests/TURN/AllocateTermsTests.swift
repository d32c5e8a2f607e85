import STUN
import Testing

@testable import TURN

@Suite("RFC 8656 7.2: the order of an Allocate's checks")
struct AllocateTermsTests {
    private func own(ipv4: String? = "50.0.0.1", ipv6: String? = "2a00:50::1") -> OwnAddresses {
        var configuration = ServerConfiguration()
        configuration.relayIPv4 = ipv4.flatMap { IPAddress($0) }
        configuration.relayIPv6 = ipv6.flatMap { IPAddress($0) }
        return OwnAddresses(configuration)
    }

    /// The code of the answer to an Allocate for UDP with these attributes; 0 when it is accepted.
    private func code(
        _ own: borrowing OwnAddresses,
        token: UInt64? = nil,
        family: UInt8? = nil,
        additional: UInt8? = nil,
        evenPort: UInt8? = nil
    ) -> UInt16 {
        var buffer = [UInt8](repeating: 0, count: 200)
        var span = buffer.mutableSpan
        var bytes = span.mutableBytes
        var writer = MessageWriter(
            into: &bytes,
            type: MessageType(.allocate, .request),
            transactionID: TransactionID(high: 0, low: 1)
        )
        writer.append(.requestedTransport, uint32: 17 << 24)
        if let token { writer.append(.reservationToken, uint64: token) }
        if let family { writer.append(.requestedAddressFamily, uint32: UInt32(family) << 24) }
        if let additional {
            writer.append(.additionalAddressFamily, uint32: UInt32(additional) << 24)
        }
        if let evenPort { writer.append(.evenPort, uint8: evenPort) }
        let count = writer.finish() ?? 0
        guard let message = Message(Array(buffer[..<count]).span.rawBytes) else { return 1 }
        switch AllocateTerms.read(message, own, RelayTransports(relaysTCP: false, isStream: false))
        {
        case .accepted: return 0
        case .refused(let code): return code.value
        }
    }

    /// Symptom: half of all made-up tokens drew 440, because a token's last bit says its family.
    @Test func aTokenOfAFamilyThatIsNotRelayedIsJustAnUnknownToken() {
        #expect(code(own(ipv6: nil), token: 0x1235) == 508)
        #expect(code(own(ipv6: nil), token: 0x1234) == 0)
        #expect(code(own(ipv4: nil), token: 0x1234) == 508)
        #expect(code(own(ipv4: nil), token: 0x1235) == 0)
    }

    @Test func contradictionsComeBeforeTheFamily() {
        #expect(code(own(ipv6: nil), token: 1, family: 2) == 400)
        #expect(code(own(ipv6: nil), token: 1, additional: 2) == 400)
        #expect(code(own(ipv6: nil), family: 2, additional: 2) == 400)
        #expect(code(own(ipv6: nil), family: 3, additional: 2) == 400)
    }

    @Test func theFamilyComesBeforeTheSecondFamily() {
        #expect(code(own(ipv4: nil), additional: 1) == 440)
        #expect(code(own(ipv4: nil), additional: 2, evenPort: 0x80) == 440)
        #expect(code(own(), additional: 1) == 400)
        #expect(code(own(), additional: 2, evenPort: 0x80) == 400)
        #expect(code(own(), additional: 2, evenPort: 0) == 0)
    }
}
