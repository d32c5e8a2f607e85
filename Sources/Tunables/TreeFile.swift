/// The attribute tree on disk: a directory with one value a file.

import Glibc

/// A file of the tree, read whole.
struct TreeFile {
    /// Below the tree's directory, such as `threads/count`.
    var path: String
    /// What is in it, comments included.
    var text: String
    /// True when others than its owner may read it.
    var isReadableByOthers: Bool

    /// The value: all lines but comments, without surrounding white space.
    var value: String {
        let lines = text.split(separator: "\n").filter {
            !$0.drop(while: \.isWhitespace).hasPrefix("#")
        }
        return trimmed(lines.joined(separator: "\n"))
    }

    /// All files of the tree in `directory`, ordered by path.
    ///
    /// Hidden files, `README` and editors' backups (`~`) are no part of the tree.
    static func all(in directory: String) throws(Refusal) -> [TreeFile] {
        try files(in: directory, below: "", depth: 0)
    }

    /// The tree is three components deep; what lies deeper can only be a mistake or a loop of links.
    private static let maximumDepth = 4
    /// The longest file: a list of some ten thousand prefixes.
    private static let maximumSize = 1 << 20

    private static func files(
        in directory: String,
        below prefix: String,
        depth: Int
    ) throws(Refusal) -> [TreeFile] {
        if depth > maximumDepth { throw Refusal("\(directory): too deep for an attribute tree") }
        var files: [TreeFile] = []
        for name in try names(in: directory) {
            let location = "\(directory)/\(name)"
            var status = stat()
            if stat(location, &status) != 0 { throw refusal(location) }
            if status.st_mode & S_IFMT == S_IFDIR {
                files += try Self.files(in: location, below: "\(prefix)\(name)/", depth: depth + 1)
            } else {
                let file = TreeFile(
                    path: prefix + name,
                    text: try contents(of: location),
                    isReadableByOthers: status.st_mode & 0o077 != 0
                )
                files.append(file)
            }
        }
        return files
    }

    private static func names(in directory: String) throws(Refusal) -> [String] {
        guard let stream = opendir(directory) else { throw refusal(directory) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            let isIgnored = name.hasPrefix(".") || name.hasSuffix("~") || name == "README"
            if !isIgnored { names.append(name) }
        }
        return names.sorted()
    }

    private static func contents(of location: String) throws(Refusal) -> String {
        let descriptor = open(location, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw refusal(location) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 { throw refusal(location) }
            if count == 0 { break }
            bytes += chunk[..<count]
            if bytes.count > maximumSize { throw Refusal("\(location): too large for a value") }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Refusal("\(location): not UTF-8 text")
        }
        return text
    }

    private static func refusal(_ location: String) -> Refusal {
        Refusal("\(location): \(String(cString: strerror(errno)))")
    }
}

/// The text without white space at both ends.
func trimmed(_ text: some StringProtocol) -> String {
    var rest = text.drop(while: \.isWhitespace)
    while let last = rest.last, last.isWhitespace { rest.removeLast() }
    return String(rest)
}
