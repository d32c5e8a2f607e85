/// The types of attribute values: text in, a value or a refusal out.

/// How the text of an attribute becomes a value.
struct ValueType<Value: Sendable>: Sendable {
    /// What is allowed, in words that follow "allowed:".
    let allowed: String
    /// The value of a text without surrounding white space, nil when it is not allowed.
    let parse: @Sendable (_ text: String) -> Value?
}

extension ValueType where Value == Int {
    /// A whole number within bounds.
    static func integer(_ bounds: ClosedRange<Int>) -> Self {
        ValueType(allowed: "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)") {
            guard let number = decimal($0), bounds.contains(number) else { return nil }
            return number
        }
    }

    /// A number of bytes within bounds, with k, m or g for powers of 1024.
    static func size(_ bounds: ClosedRange<Int>) -> Self {
        let lower = sizeText(bounds.lowerBound)
        let upper = sizeText(bounds.upperBound)
        return ValueType(allowed: "a size from \(lower) to \(upper), with k, m or g if wanted") {
            guard let size = bytes($0), bounds.contains(size) else { return nil }
            return size
        }
    }
}

extension ValueType where Value == Int? {
    /// A word for nothing, or a whole number within bounds.
    static func integer(_ bounds: ClosedRange<Int>, orNone word: String) -> Self {
        let range = "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)"
        return ValueType(allowed: "\(word), or \(range)") {
            if $0 == word { return .some(nil) }
            guard let number = decimal($0), bounds.contains(number) else { return nil }
            return number
        }
    }
}

extension ValueType where Value == Bool {
    /// A switch: 0 or 1.
    static var toggle: Self {
        ValueType(allowed: "0 (off) or 1 (on)") { $0 == "1" ? true : $0 == "0" ? false : nil }
    }
}

extension ValueType where Value == String {
    /// One of a few words.
    static func choice(_ words: String...) -> Self {
        ValueType(allowed: "one of " + words.joined(separator: ", ")) {
            words.contains($0) ? $0 : nil
        }
    }

    /// One line without quotes, in so many bytes.
    static func text(bytes: ClosedRange<Int>) -> Self {
        let allowed = "one line of \(bytes.lowerBound) to \(bytes.upperBound) bytes without quotes"
        return ValueType(allowed: allowed) {
            let isFit = bytes.contains($0.utf8.count) && isOneLine($0) && !$0.contains("\"")
            return isFit ? $0 : nil
        }
    }

    /// A shared secret: one line in so many bytes, or nothing where that is allowed.
    static func secret(bytes: ClosedRange<Int>, mayBeEmpty: Bool = false) -> Self {
        let range = "one line of \(bytes.lowerBound) to \(bytes.upperBound) bytes"
        return ValueType(allowed: range + (mayBeEmpty ? "; empty: none" : "")) {
            if $0.isEmpty { return mayBeEmpty ? "" : nil }
            return bytes.contains($0.utf8.count) && isOneLine($0) ? $0 : nil
        }
    }

    /// A key of access tokens; what the key itself is made of is for those to judge who use it.
    static var tokenKey: Self {
        let allowed =
            "A256GCM or A128GCM and a key of 32 or 16 bytes, base64 or 0x and hex digits; then, if wanted, "
            + "from= and until= in seconds since 1970, and kid= where NAME cannot be it"
        return ValueType(allowed: allowed) {
            let words = words($0)
            let isKey = isOneLine($0) && (2...5).contains(words.count)
            return isKey && ["A256GCM", "A128GCM"].contains(words[0]) ? $0 : nil
        }
    }

    /// A password, or the key made from it in hexadecimal.
    static var passwordOrKey: Self {
        let allowed = "a password of 1 to 508 bytes, or 0x and 32 (MD5) or 64 (SHA-256) hex digits"
        return ValueType(allowed: allowed) {
            guard isOneLine($0), (1...508).contains($0.utf8.count) else { return nil }
            guard $0.hasPrefix("0x") else { return $0 }
            let digits = $0.dropFirst(2)
            let isKey = digits.count == 32 || digits.count == 64
            return isKey && digits.allSatisfy { $0.isASCII && $0.isHexDigit } ? $0 : nil
        }
    }
}

/// The number of a text of decimal digits and nothing else.
func decimal(_ text: some StringProtocol) -> Int? {
    let digits = text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    return digits ? Int(text) : nil
}

/// The words of a list, which spaces and line ends separate.
func words(_ text: String) -> [String] {
    text.split(whereSeparator: \.isWhitespace).map(String.init)
}

private func isOneLine(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
}

private func bytes(_ text: String) -> Int? {
    let units: [Character: Int] = ["k": 1 << 10, "m": 1 << 20, "g": 1 << 30]
    guard let last = text.last, let unit = units[last] else { return decimal(text) }
    guard let number = decimal(text.dropLast()) else { return nil }
    let (size, overflow) = number.multipliedReportingOverflow(by: unit)
    return overflow ? nil : size
}

private func sizeText(_ size: Int) -> String {
    for (unit, letter) in [(1 << 30, "g"), (1 << 20, "m"), (1 << 10, "k")]
    where size >= unit && size % unit == 0 {
        return "\(size / unit)\(letter)"
    }
    return "\(size)"
}
