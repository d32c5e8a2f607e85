/// The table of what the RFCs ask: each row has its test, and each test that it names is there.

import Testing

@Suite struct CoverageTests {
    /// A row of the table.
    private struct Row: CustomStringConvertible {
        let line: Int
        let cells: [String]
        var description: String { "docs/coverage.md:\(line)" }
    }

    private let rows: [Row] = SourceFile.all(in: ["docs"], endings: ["coverage.md"])
        .flatMap { file in
            file.lines.enumerated().compactMap { index, line in
                guard line.hasPrefix("|"), !line.hasPrefix("|-") else { return nil }
                let cells = line.split(separator: " | ", omittingEmptySubsequences: false)
                let texts = cells.map { $0.trimming { "| ".contains($0) } }
                return texts.first == "section" ? nil : Row(line: index + 1, cells: texts)
            }
        }

    @Test func noCellIsEmpty() {
        #expect(rows.count > 250)
        for row in rows {
            #expect(row.cells.count == 3, "\(row)")
            #expect(row.cells.allSatisfy { !$0.isEmpty }, "\(row)")
        }
    }

    @Test func aRowHasATestOrAReasonWhyThereIsNone() throws {
        for row in rows {
            let reason = row.cells.last ?? ""
            let isReason = ["otherwise: ", "not applicable: "].contains { reason.hasPrefix($0) }
            #expect(try isReason || !tests(in: reason).isEmpty, "\(row)")
        }
    }

    @Test func namedTestsAreThere() throws {
        let known = declaredTests()
        #expect(known.count > 1000)
        for row in rows {
            let missing = try tests(in: row.cells.last ?? "").filter { !known.contains($0) }
            #expect(missing.isEmpty, "\(row)")
        }
    }

    /// What a cell names, as file and test.
    private func tests(in cell: String) throws -> [String] {
        let name = try Regex(#"`(([A-Z]\w*|test_\w+)\.\w+)`"#)
        return cell.matches(of: name).map { String($0.output[1].substring ?? "") }
    }

    /// The functions of all files of tests, in Swift and in Python.
    private func declaredTests() -> Set<String> {
        var found: Set<String> = []
        for file in SourceFile.all(in: ["Tests"], endings: [".swift", ".py"]) {
            let stem = file.path.split(separator: "/").last?.prefix { $0 != "." } ?? ""
            for line in file.lines {
                let words = line.split(separator: " ")
                guard let keyword = words.firstIndex(where: { $0 == "func" || $0 == "def" }),
                    keyword + 1 < words.count
                else { continue }
                found.insert("\(stem).\(words[keyword + 1].prefix { $0 != "(" })")
            }
        }
        return found
    }
}

extension Substring {
    /// The text without what `isTrimmed` says at both ends.
    fileprivate func trimming(_ isTrimmed: (Character) -> Bool) -> String {
        guard let first = firstIndex(where: { !isTrimmed($0) }),
            let last = lastIndex(where: { !isTrimmed($0) })
        else { return "" }
        return String(self[first...last])
    }
}
