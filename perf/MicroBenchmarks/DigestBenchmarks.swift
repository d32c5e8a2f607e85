/// What authenticates: integrity, keys, fingerprints.

import STUN

/// Measures the digests over what requests are made of.
func measureDigests(_ report: inout Report) throws {
    let key = try integrityKey()
    for (kind, name) in [(IntegrityKind.sha1, "HMAC-SHA1"), (.sha256, "HMAC-SHA256")] {
        let samples = Samples(MessageType(.refresh, .request)) { writeRequest(&$0, kind, key) }
        var check = CheckIntegrity(
            name: "integrity: \(name) of a request of \(samples.size) bytes",
            kind: kind,
            key: key,
            samples: samples
        )
        report.measure(&check)
    }
    for (algorithm, name) in [(PasswordAlgorithm.md5, "MD5"), (.sha256, "SHA-256")] {
        let title = "key: \(name) of username:realm:password"
        var derive = DeriveKey(name: title, algorithm: algorithm)
        report.measure(&derive)
    }
    let samples = Samples(MessageType(.refresh, .request)) { writer in
        writeRequest(&writer, .sha1, key)
        writer.appendFingerprint()
    }
    var fingerprint = CheckFingerprint(samples: samples)
    report.measure(&fingerprint)
}

private struct CheckIntegrity: Benchmark {
    let name: String
    let kind: IntegrityKind
    let key: IntegrityKey
    let samples: Samples

    mutating func run(_ operations: Int) -> UInt64 {
        var sum: UInt64 = 0
        let all = samples.all
        for operation in 0..<operations {
            guard let message = Message(all.extracting(samples.range(operation))) else { continue }
            sum &+= message.integrity(kind, key: key) ? 1 : 0
        }
        precondition(sum == operations, "every sample is authentic")
        return sum
    }
}

private struct DeriveKey: Benchmark {
    let name: String
    let algorithm: PasswordAlgorithm
    let username = Array("1700000000:user-of-a-room".utf8)
    let realm = Array("turnpike".utf8)
    var password = Array("vXNcBkC6qG2cM1t3Zk0Hq0jv1oA=".utf8)

    mutating func run(_ operations: Int) -> UInt64 {
        var sum: UInt64 = 0
        for operation in 0..<operations {
            password[0] = UInt8(truncatingIfNeeded: operation)
            let (username, realm) = (username.span.bytes, realm.span.bytes)
            let password = password.span.bytes
            let key: IntegrityKey =
                switch algorithm {
                case .md5: .md5(username: username, realm: realm, password: password)
                case .sha256: .sha256(username: username, realm: realm, password: password)
                }
            sum &+= UInt64(key.bytes.unsafeLoad(as: UInt8.self))
        }
        return sum
    }
}

private struct CheckFingerprint: Benchmark {
    let name: String
    let samples: Samples

    init(samples: Samples) {
        self.samples = samples
        name = "fingerprint: CRC-32 of a request of \(samples.size) bytes"
    }

    mutating func run(_ operations: Int) -> UInt64 {
        var sum: UInt64 = 0
        let all = samples.all
        for operation in 0..<operations {
            guard let message = Message(all.extracting(samples.range(operation))) else { continue }
            sum &+= message.hasValidFingerprint == .valid ? 1 : 0
        }
        precondition(sum == operations, "every fingerprint is right")
        return sum
    }
}
