/// The house rules that a machine can check; each failure names the file.

import Foundation
import Testing

@Suite struct TidyTests {
    private let sources = SourceFile.all(in: ["Sources"], endings: [".swift"])
    private let swift = SourceFile.all(in: ["Sources", "Tests", "perf"], endings: [".swift"])
    private let all = SourceFile.all(
        in: ["Sources", "CShims", "Tests", "perf", "tuning"],
        endings: [".swift", ".c", ".h", ".py", ".sh"]
    )

    /// Files that may be longer; the list only gets shorter.
    private let longFiles: Set<String> = []

    @Test func thereAreFilesToCheck() {
        #expect(sources.count > 30)
    }

    @Test func aFileIsOneIdea() {
        for file in all where !longFiles.contains(file.path) {
            #expect(file.lines.count <= 350, "\(file): split it")
        }
    }

    /// Its first line, or the first after the imports, is a documentation comment.
    @Test func aFileOpensWithWhatItIsFor() throws {
        let importing = try Regex(#"^(@\w+ )?(\w+ )?import "#)
        for file in swift where !file.path.hasPrefix("Tests/") {
            let first = file.lines.first { !$0.isEmpty && $0.firstMatch(of: importing) == nil }
            #expect(first?.hasPrefix("///") == true, "\(file): no opening comment")
        }
    }

    @Test func aFunctionFitsAScreen() {
        for file in swift {
            for function in file.functions {
                #expect(function.count <= 60, "\(file):\(function.line): too long")
            }
        }
    }

    @Test func functionsAreMeasuredByTheirLayout() {
        let text = [
            "struct A {", "    init(_ a: Int) { self.a = a }", "", "    func long(",
            "        a: Int",
            "    ) {", "        if a {", "        }",
            "    }", "    func declared()", "}",
        ]
        let functions = SourceFile(path: "A.swift", lines: text).functions
        #expect(functions.map(\.line) == [4])
        #expect(functions.map(\.count) == [6])
    }

    @Test func namesSayWhatAThingIs() throws {
        let vague = ["Manager", "Helper", "Helpers", "Util", "Utils", "Handler", "Impl"]
        let declaration = try Regex(#"\b(class|struct|enum|actor|protocol|typealias) (\w+)"#)
        for file in swift {
            for line in file.lines where !line.contains("//") {
                guard let match = line.firstMatch(of: declaration) else { continue }
                let name = String(match.output[2].substring ?? "")
                #expect(!vague.contains { name.hasSuffix($0) }, "\(file): \(name)")
            }
            let base = file.path.split(separator: "/").last?.dropLast(".swift".count) ?? ""
            #expect(!vague.contains { base.hasSuffix($0) }, "\(file)")
        }
    }

    @Test func nothingIsLeftForLater() {
        let words = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
        for file in all {
            for (index, line) in file.lines.enumerated() {
                #expect(!words.contains { line.contains($0) }, "\(file):\(index + 1)")
            }
        }
    }
}
