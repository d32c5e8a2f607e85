/// The tree on disk: files override defaults, options override files, mistakes are named.

import Foundation
import Testing
import Tunables

/// A tree in a temporary directory, removed with the value.
private final class TemporaryTree {
    let path = NSTemporaryDirectory() + "turnpike-tree-" + UUID().uuidString

    init(_ files: [String: String], mode: Int = 0o600) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for (name, text) in files {
            let location = URL(fileURLWithPath: path + "/" + name)
            try FileManager.default.createDirectory(
                at: location.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: location)
            try FileManager.default.setAttributes(
                [.posixPermissions: mode],
                ofItemAtPath: location.path
            )
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func load(_ overrides: String...) throws -> (settings: Settings, warnings: [String]) {
        try Settings.load(directory: path, overrides: overrides)
    }

    func refusal() -> String {
        do {
            _ = try load()
            return "allowed"
        } catch {
            return "\(error)"
        }
    }
}

@Suite struct TreeTests {
    @Test func filesOverrideDefaultsAndOptionsOverrideFiles() throws {
        let tree = try TemporaryTree([
            "threads/count": "2\n",
            "limits/allocations": "# of this machine\n\n   700  \n",
            "peers/deny": "10.0.0.0/8\n# and\n\t192.168.0.0/16 fc00::/7\n",
            "auth/secrets/web": "a secret of mine\n",
        ])
        let (settings, warnings) = try tree.load("threads/count=5")
        #expect(settings.threads.count == 5)
        #expect(settings.limits.allocations == 700)
        #expect(settings.peers.deny == ["10.0.0.0/8", "192.168.0.0/16", "fc00::/7"])
        #expect(settings.auth.secrets.map(\.value) == ["a secret of mine"])
        #expect(settings.log.level == "info")
        #expect(warnings.isEmpty)
    }

    @Test func secretsThatOthersCanReadAreWarnedOf() throws {
        let tree = try TemporaryTree(
            ["auth/users/bob": "builder", "threads/count": "1"],
            mode: 0o644
        )
        let warnings = try tree.load().warnings
        #expect(warnings.count == 1)
        #expect(warnings.first?.contains("auth/users/bob: others can read this") == true)
        #expect(warnings.first?.contains("builder") == false)
    }

    @Test func hiddenFilesBackupsAndReadmesAreNoAttributes() throws {
        let tree = try TemporaryTree([
            ".git/config": "x", "threads/count~": "x", "README": "x", "auth/users/README": "x",
        ])
        #expect(try tree.load().settings == Settings.defaults)
    }

    @Test func mistakesAreNamed() throws {
        #expect(try TemporaryTree(["treads/count": "2"]).refusal().contains("threads/count?"))
        #expect(try TemporaryTree(["threads/count": "2\n3"]).refusal().contains("\"2 3\""))
        let long = String(repeating: "9", count: 500)
        #expect(try TemporaryTree(["threads/count": long]).refusal().utf8.count < 200)
        do {
            _ = try Settings.load(directory: "/nonexistent/turnpike", overrides: [])
            Issue.record("a directory that does not exist was read")
        } catch {
            #expect(error.description == "/nonexistent/turnpike: No such file or directory")
        }
    }

    @Test func theDefaultTreeInTheRepositoryIsThatOfTheTable() throws {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let directory = root.appendingPathComponent("tuning/defaults")
        let advice: Comment = "run: swift run turnpike attributes --write tuning/defaults"
        for file in Reference.defaultTree {
            let location = directory.appendingPathComponent(file.path)
            let written = try? String(contentsOf: location, encoding: .utf8)
            #expect(written == file.contents, advice)
        }
        let names = try FileManager.default.subpathsOfDirectory(atPath: directory.path)
        let files = names.filter {
            !directory.appendingPathComponent($0).hasDirectoryPath && !$0.hasPrefix(".")
        }
        #expect(Set(files) == Set(Reference.defaultTree.map(\.path)), advice)
        let loaded = try Settings.load(directory: directory.path, overrides: []).settings
        #expect(loaded == Settings.defaults)
    }

    @Test func theReferenceNamesEveryAttribute() {
        for attribute in AttributeTable.all {
            #expect("\n\(Reference.text)".contains("\n\(attribute.path)\n"))
            #expect(Reference.markdown.contains("| `\(attribute.path)` |"))
        }
        #expect(Set(AttributeTable.all.map(\.path)).count == AttributeTable.all.count)
    }
}
