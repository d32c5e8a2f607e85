/// Base64 (RFC 4648 section 4) for nonces, time-limited passwords and WebSocket keys, without allocating, and for
/// keys of the configuration.

/// The standard alphabet.
public enum Base64 {
    /// The character of a six-bit number; higher bits are ignored.
    static func character(_ number: UInt8) -> UInt8 {
        switch number & 63 {
        case 0..<26: UInt8(ascii: "A") + (number & 63)
        case 26..<52: UInt8(ascii: "a") + (number & 63) - 26
        case 52..<62: UInt8(ascii: "0") + (number & 63) - 52
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }

    /// The six-bit number of a character, or nil when it is not of the alphabet.
    public static func number(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }

    /// The four characters of three bytes, given as a 24-bit number.
    public static func characters(_ group: UInt32) -> [4 of UInt8] {
        .init { character(UInt8(truncatingIfNeeded: group &>> UInt32(18 - 6 * $0))) }
    }

    /// The 24-bit number of the four characters at `offset`; nil when they are not there or not base64.
    static func group(_ text: RawSpan, at offset: Int) -> UInt32? {
        guard offset >= 0, text.byteCount >= 4, offset <= text.byteCount - 4 else { return nil }
        var group: UInt32 = 0
        for index in offset..<offset + 4 {
            guard let number = number(text.byte(index)) else { return nil }
            group = group &<< 6 | UInt32(number)
        }
        return group
    }

    /// The bytes of a text in the standard or in the URL alphabet, with or without padding; nil when it is none.
    static func bytes(_ text: some Collection<UInt8>) -> [UInt8]? {
        var digits = Array(text)
        while digits.last == UInt8(ascii: "="), digits.count > text.count - 2 {
            digits.removeLast()
        }
        guard digits.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        for (index, digit) in digits.enumerated() {
            let isURL = digit == UInt8(ascii: "-") || digit == UInt8(ascii: "_")
            guard let number = isURL ? (digit == UInt8(ascii: "-") ? 62 : 63) : number(digit) else {
                return nil
            }
            bits = bits &<< 6 | UInt32(number)
            // The first digit of four completes no byte.
            if index % 4 != 0 {
                bytes.append(UInt8(truncatingIfNeeded: bits &>> UInt32(6 - 2 * (index % 4))))
            }
        }
        return bytes
    }
}
