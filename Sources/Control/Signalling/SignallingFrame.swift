/// What clients are told over their WebSocket.

/// A frame to a client: always one JSON object with `msg` and `error`, in this order, and a newline.
enum SignallingFrame {
    /// A message of another client.
    ///
    /// - Parameters:
    ///   - text: The message as it was sent.
    ///   - sender: Who sent it, in rooms of more than two (our extension); else nil, and the frame does not say.
    /// - Returns: The text of the frame.
    static func message(_ text: String, from sender: String? = nil) -> String {
        let origin = sender.map { #","from":"# + quoted($0) } ?? ""
        return #"{"msg":"# + quoted(text) + #","error":"""# + origin + "}\n"
    }

    /// Why something was refused.
    static func error(_ error: SignallingError) -> String {
        #"{"msg":"","error":"# + quoted(error.rawValue) + "}\n"
    }

    /// A JSON string; `<`, `>`, `&` and the line separators are escaped, as Go does and clients have always seen it.
    private static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = [UInt8(ascii: "\"")]
        bytes.reserveCapacity(text.utf8.count + text.utf8.count / 8 + 2)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): bytes += #"\n"#.utf8
            case UInt8(ascii: "\r"): bytes += #"\r"#.utf8
            case UInt8(ascii: "\t"): bytes += #"\t"#.utf8
            case 0..<0x20, UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"):
                bytes += #"\u00"#.utf8
                bytes += [digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
            default:
                bytes.append(byte)
                escapeLineSeparator(&bytes)
            }
        }
        bytes.append(UInt8(ascii: "\""))
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Replaces U+2028 or U+2029 at the end, which ended a line of JavaScript.
    private static func escapeLineSeparator(_ bytes: inout [UInt8]) {
        guard let last = bytes.last, last & 0xFE == 0xA8,
            bytes.suffix(3).starts(with: [0xE2, 0x80])
        else { return }
        bytes.removeLast(3)
        bytes += (last == 0xA8 ? #"\u2028"# : #"\u2029"#).utf8
    }

    private static let digits = Array("0123456789abcdef".utf8)
}
