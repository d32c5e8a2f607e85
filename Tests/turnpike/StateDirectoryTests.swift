/// The state directory: one secret, made once, for its owner only.

import Foundation
import Testing

@testable import turnpike

@Suite struct StateDirectoryTests {
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "turnpike-state-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private func mode(_ path: String) throws -> Int? {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.posixPermissions] as? NSNumber)?.intValue
    }

    @Test func theSecretIsMadeOnceWithModes0700And0600() throws {
        try withDirectory { path in
            let state = try StateDirectory(named: path + "/deep/er")
            let secret = try state.valueMadeIfAbsent(of: .secret)
            #expect(secret.count == 64)
            #expect(try state.valueMadeIfAbsent(of: .secret) == secret)
            #expect(try state.value(of: .secret) == secret)
            #expect(try mode(path + "/deep/er") == 0o700)
            #expect(try mode(path + "/deep/er/secret") == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: state.path) == ["secret"])
            #expect(state.secretsReadableByOthers.isEmpty)
        }
    }

    @Test func startsThatRaceGetTheSameSecret() throws {
        try withDirectory { path in
            let secrets = SecretCollection()
            DispatchQueue.concurrentPerform(iterations: 8) { _ in
                secrets.add(
                    (try? StateDirectory(named: path).valueMadeIfAbsent(of: .secret)) ?? "none"
                )
            }
            #expect(secrets.all.count == 1)
            #expect(secrets.all.first?.count == 64)
        }
    }

    @Test func readingMakesNothing() throws {
        try withDirectory { path in
            let state = try StateDirectory(named: path)
            #expect(throws: StartProblem.self) { try state.value(of: .secret) }
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test func aDamagedSecretIsNotUsed() throws {
        try withDirectory { path in
            let state = try StateDirectory(named: path)
            _ = try state.valueMadeIfAbsent(of: .secret)
            try Data("short\n".utf8).write(to: URL(fileURLWithPath: state.secretPath))
            #expect(throws: StartProblem.self) { try state.valueMadeIfAbsent(of: .secret) }
        }
    }

    @Test func aDirectoryThatCannotBeMadeIsNamed() throws {
        let state = try StateDirectory(named: "/proc/turnpike")
        do {
            _ = try state.valueMadeIfAbsent(of: .secret)
            Issue.record("a directory was made in /proc")
        } catch {
            #expect("\(error)".hasPrefix("/proc/turnpike: "))
        }
    }
}

/// Secrets that several threads got.
private final class SecretCollection: @unchecked Sendable {
    private let lock = NSLock()
    private var secrets: Set<String> = []

    var all: Set<String> { lock.withLock { secrets } }

    func add(_ secret: String) { lock.withLock { _ = secrets.insert(secret) } }
}
