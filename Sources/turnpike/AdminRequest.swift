/// Requests of the command line to the server, over the admin socket.

import ArgumentParser
import FoundationEssentials
import Glibc
import Tunables

/// `--config`, `--set` and `--state` say where the socket is; `--json` prints what came.
struct AdminOptions: ParsableArguments {
    @OptionGroup var configuration: ConfigurationOptions

    @Flag(help: "Print the server's answer as JSON.")
    var json = false

    /// Asks the server; a refusal becomes one line.
    ///
    /// - Parameters:
    ///   - method: Such as `GET`.
    ///   - path: The path and query, escaped.
    /// - Returns: The answer's body.
    /// - Throws: When no server answers, or it refuses.
    func ask(_ method: String, _ path: String) throws -> Data {
        let settings = try configuration.load().settings
        let state = try StateDirectory(named: configuration.state)
        guard let socket = AdminSocket.path(settings, state) else {
            throw StartProblem("control/admin is off: there is no socket to ask")
        }
        let answer = try AdminSocket(socket).answer(to: method, path)
        guard (200..<300).contains(answer.status) else {
            throw StartProblem(Self.reason(answer))
        }
        return answer.body
    }

    /// Asks the server, and prints the answer or its lines for a person.
    func show<Document: Decodable>(
        _ path: String,
        _: Document.Type,
        lines: (Document) -> [String]
    ) throws {
        let body = try ask("GET", path)
        if json { return print(String(decoding: body, as: UTF8.self)) }
        for line in lines(try JSONDecoder().decode(Document.self, from: body)) { print(line) }
    }

    private struct Refusal: Decodable { let detail: String }

    private static func reason(_ answer: HTTPAnswer) -> String {
        if let refusal = try? JSONDecoder().decode(Refusal.self, from: answer.body) {
            return refusal.detail
        }
        return "the server answered with status \(answer.status)"
    }
}

/// The answer to an HTTP request, as far as we need it.
struct HTTPAnswer: Equatable {
    var status: Int
    var body: Data

    /// Reads an answer that ended with its connection; nil when it is none, or cut short.
    init?(_ bytes: [UInt8]) {
        let separator = Array("\r\n\r\n".utf8)
        let end = bytes.indices.first { bytes[$0...].starts(with: separator) }
        guard let end else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
            return nil
        }
        self.status = status
        body = Data(bytes[(end + separator.count)...])
        let prefix = "content-length:"
        let length = lines.first { $0.lowercased().hasPrefix(prefix) }?.dropFirst(prefix.count)
        if let length, Int(length.filter { $0 != " " }) != body.count { return nil }
    }
}

/// The text as one segment of a path (RFC 3986 section 3.3).
func pathSegment(_ text: String) -> String {
    text.utf8.reduce(into: "") { escaped, byte in
        let isPlain =
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte
            || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
            || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || "-_~".utf8.contains(byte)
        escaped += isPlain ? String(UnicodeScalar(byte)) : "%" + hexadecimal([byte]).uppercased()
    }
}
