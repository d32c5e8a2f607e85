/// How a client writes and signs a request, rightly or not.

extension VirtualClient {
    /// The bytes of a request.
    mutating func write(_ plan: RequestPlan, _ transaction: [UInt8]) -> [UInt8] {
        var builder = WireBuilder(plan.method, .request, transaction: transaction)
        for content in plan.contents {
            switch content {
            case .bytes(let type, let value): builder.append(type, value)
            case .peer(let peer): builder.append(WireType.xorPeerAddress, xor: peer)
            }
        }
        if let challenge, plan.defect != .unsigned {
            sign(&builder, challenge, plan.defect)
        }
        if plan.defect == .badFingerprint {
            builder.append(WireType.fingerprint, chance.bytes(4))
        } else if habit.addsFingerprint {
            builder.appendFingerprint()
        }
        return builder.bytes
    }

    private mutating func sign(
        _ builder: inout WireBuilder,
        _ challenge: Challenge,
        _ defect: RequestPlan.Defect?
    ) {
        let signer = defect == .wrongUser ? chance.pick(others) : user
        appendName(of: signer, to: &builder, defect)
        if defect != .noRealm {
            let realm = defect == .wrongRealm ? Array("elsewhere".utf8) : challenge.realm
            builder.append(WireType.realm, realm)
        }
        if defect != .noNonce { builder.append(WireType.nonce, challenge.nonce) }
        let algorithm = appendAlgorithms(to: &builder, challenge, defect)
        let password = defect == .wrongPassword ? "guess" : signer.password
        let key = algorithm.key(user: signer.name, realm: Scenario.realm, password: password)
        for hash in habit.hashes {
            let isShort = hash == .sha256 && defect == .truncatedIntegrity
            builder.appendIntegrity(hash, key: key, count: isShort ? 16 : nil)
        }
        if defect == .attributeAfterIntegrity {
            builder.append(
                WireType.xorPeerAddress,
                xor: Endpoint(address: .init(9, 9, 9, 9), port: 9)
            )
        }
    }

    private mutating func appendName(
        of signer: User,
        to builder: inout WireBuilder,
        _ defect: RequestPlan.Defect?
    ) {
        if defect == .noUsername { return }
        let name = defect == .unknownUser ? "nobody" : signer.name
        if habit.usesUserhash {
            builder.append(WireType.userhash, userhash(user: name, realm: Scenario.realm))
        } else {
            builder.append(WireType.username, text: name)
        }
    }

    private mutating func appendAlgorithms(
        to builder: inout WireBuilder,
        _ challenge: Challenge,
        _ defect: RequestPlan.Defect?
    ) -> KeyAlgorithm {
        guard let algorithm = habit.algorithm, var offered = challenge.algorithms else {
            return .md5
        }
        if defect == .foreignAlgorithms { offered = [0, 1, 0, 0] }
        if defect != .algorithmAlone { builder.append(WireType.passwordAlgorithms, offered) }
        builder.append(WireType.passwordAlgorithm, bigEndian(algorithm.rawValue) + [0, 0])
        return algorithm
    }
}
