/// The project's source files, as the tidy tests read them.

import Foundation

/// A source file with its lines.
struct SourceFile: CustomStringConvertible {
    /// Below the repository's root, such as `Sources/STUN/Message.swift`.
    let path: String
    /// The lines, without their ends.
    let lines: [String]

    var description: String { path }

    /// A function and how many lines it takes.
    struct Function {
        let line: Int
        let count: Int
    }

    /// Every function, initialiser and accessor block that `swift format` lays out over several lines.
    ///
    /// The formatter puts the closing brace at the indentation of the line that begins the declaration.
    var functions: [Function] {
        lines.indices.compactMap { start in
            let indentation = lines[start].prefix { $0 == " " }
            let code = lines[start].dropFirst(indentation.count)
            guard Self.beginsFunction(code), hasBody(from: start, indentation) else { return nil }
            let end = lines[start...].firstIndex { $0.hasPrefix(indentation + "}") }
            return end.map { Function(line: start + 1, count: $0 - start + 1) }
        }
    }

    /// All files below the directories whose name ends in one of the endings.
    static func all(in directories: [String], endings: [String]) -> [SourceFile] {
        directories.flatMap { directory in
            let paths = FileManager.default.enumerator(atPath: root + "/" + directory)
            let names = paths?.compactMap { $0 as? String } ?? []
            return names.filter { name in endings.contains { name.hasSuffix($0) } }
                .filter { !$0.contains(".venv") && !$0.contains("__pycache__") }
                .sorted()
                .compactMap { read("\(directory)/\($0)") }
        }
    }

    /// True when a body follows the signature that begins on a line, and has lines of its own.
    private func hasBody(from start: Int, _ indentation: Substring) -> Bool {
        let isLong = lines[start].hasSuffix("(")
        let last = isLong ? lines[start...].first { $0.hasPrefix(indentation + ")") } : lines[start]
        return last?.hasSuffix("{") == true
    }

    private static func read(_ path: String) -> SourceFile? {
        guard let text = try? String(contentsOfFile: root + "/" + path, encoding: .utf8) else {
            return nil
        }
        var lines = text.components(separatedBy: "\n")
        if lines.last == "" { lines.removeLast() }
        return SourceFile(path: path, lines: lines)
    }

    private static func beginsFunction(_ code: Substring) -> Bool {
        let words = code.split(separator: " ").prefix(6)
        let names = ["func", "init", "init?", "deinit", "subscript"]
        return words.contains { word in
            names.contains(String(word)) || word.hasPrefix("init(") || word.hasPrefix("init?(")
                || word.hasPrefix("subscript(")
        } && !code.hasPrefix("//") && !code.hasPrefix("self.") && !code.hasPrefix("try ")
    }

    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
}
