/// The log: lines of text or JSON on standard error.

import FoundationEssentials
import Glibc
import Logging
import Tunables

/// Writes each event as one line, in one piece.
struct LineLog: LogHandler {
    /// How a line looks.
    enum Format: String {
        /// `time level message key=value …`
        case text
        /// One JSON object.
        case json
    }

    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    let format: Format

    /// A log of a format and a least level.
    init(format: Format, level: Logger.Level) {
        self.format = format
        self.logLevel = level
    }

    /// The log that the settings describe.
    init(_ settings: Settings.Log) {
        self.init(
            format: Format(rawValue: settings.format) ?? .text,
            level: Logger.Level(rawValue: settings.level) ?? .info
        )
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }
            .map { (name: $0.key, value: "\($0.value)") }
            .sorted { $0.name < $1.name }
        write(event.level, "\(event.message)", fields)
    }

    /// Writes a line whatever the level of the log is.
    func write(
        _ level: Logger.Level,
        _ message: String,
        _ fields: [(name: String, value: String)]
    ) {
        let line = Self.line(format, level.rawValue, message, fields, at: Date())
        writeLine(line, to: STDERR_FILENO)
    }

    /// The line for an event.
    static func line(
        _ format: Format,
        _ level: String,
        _ message: String,
        _ fields: [(name: String, value: String)],
        at date: Date
    ) -> String {
        let time = date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        switch format {
        case .text:
            let pairs = fields.map { " \($0.name)=\(plain($0.value))" }.joined()
            return "\(time) \(level) \(plain(message))\(pairs)"
        case .json:
            let head = [("time", time), ("level", level), ("message", message)]
            let pairs = (head + fields.map { ($0.name, $0.value) }).map {
                "\(quoted($0)):\(isNumber($1) ? $1 : quoted($1))"
            }
            return "{\(pairs.joined(separator: ","))}"
        }
    }

    /// Whoever wrote the text, it stays on its line.
    private static func plain(_ text: String) -> String {
        String(text.unicodeScalars.map { $0.value < 0x20 ? " " : Character($0) })
    }

    private static func isNumber(_ text: String) -> Bool {
        text == "0" || (UInt64(text) != nil && text.first != "0" && text.first != "+")
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case let control where control.value < 0x20:
                let digits = String(control.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            case let other: quoted.unicodeScalars.append(other)
            }
        }
        return quoted + "\""
    }
}
