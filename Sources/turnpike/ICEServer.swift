/// Credentials as a browser wants them, and the times people write.

import FoundationEssentials
import STUN

/// An entry of a browser's `iceServers`.
struct ICEServer: Encodable {
    let urls: [String]
    let username: String
    let credential: String

    /// The entry on one line.
    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}

/// An address as the host of a URI: IPv6 in brackets (RFC 3986 section 3.2.2).
func uriHost(_ address: IPAddress) -> String {
    switch address.family {
    case .ipv4: address.description
    case .ipv6: "[\(address.description)]"
    }
}

/// The seconds of a time such as `90s`, `30m`, `1h`, `2d` or plain seconds; nil for anything else.
func seconds(_ text: String) -> UInt64? {
    let units: [Character: UInt64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    let unit = text.last.flatMap { units[$0] }
    let digits = unit == nil ? text[...] : text.dropLast()
    let areDigits = digits.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    guard areDigits, let number = UInt64(digits) else { return nil }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
    return overflow || product == 0 || product > longestTime ? nil : product
}

/// A hundred years: past that it is a slip of the keyboard.
private let longestTime: UInt64 = 100 * 365 * 86_400
