/// The head of an HTTP/1.1 request (RFC 9112), read where it lies and without allocating.
///
/// Strict, since nobody but clients of WebSockets speaks here: lines end in CRLF, nothing is folded, names are tokens.

internal import STUN

/// A line of bytes inside a request.
typealias HTTPField = (name: Range<Int>, value: Range<Int>)

/// A complete head, over the bytes that begin with it.
struct HTTPRequestHead: ~Escapable {
    private let bytes: RawSpan
    private static let longestMethod = 16
    /// The method.
    let method: Range<Int>
    /// What is asked for, without query.
    let path: Range<Int>
    /// Whether it is HTTP/1.1.
    let isHTTP11: Bool
    /// Where the first field begins.
    private let fields: Int
    /// The bytes of the head, the empty line included.
    let count: Int

    /// The bytes of a head, its empty line included; nil when that line is not among the first `limit` bytes.
    static func count(in bytes: RawSpan, limit: Int) -> Int? {
        let end = min(bytes.byteCount, limit)
        guard end >= 4 else { return nil }
        for index in 3..<end where bytes.uint8(at: index) == UInt8(ascii: "\n") {
            if bytes.uint32(at: index - 3) == 0x0D0A_0D0A { return index + 1 }
        }
        return nil
    }

    /// Whether a request may begin with these bytes: a method, then, at the end of the first line, a version.
    static func canBegin(_ bytes: RawSpan) -> Bool {
        let count = bytes.byteCount
        let method = index(of: " ", in: bytes, 0..<count)
        guard method <= longestMethod, isToken(bytes, 0..<method) else { return false }
        let end = index(of: "\n", in: bytes, 0..<count)
        if end == count { return true }
        return end > 9 && bytes.matches(end - 10..<end - 2, " HTTP/1.")
    }

    /// Whether a request asks for a path, which its first line tells; nil while so much has not come.
    static func asks(_ bytes: RawSpan, for path: String) -> Bool? {
        var start: Int?
        for index in 0..<bytes.byteCount {
            switch bytes.uint8(at: index) {
            case UInt8(ascii: " ") where start == nil: start = index + 1
            case UInt8(ascii: " "), UInt8(ascii: "\r"), UInt8(ascii: "\n"):
                guard let start else { return false }
                return bytes.matches(Self.path(bytes, start..<index), path)
            default: continue
            }
        }
        return nil
    }

    /// Reads a head of `count` bytes; nil when it is none.
    @_lifetime(copy bytes)
    init?(_ bytes: RawSpan, count: Int) {
        self.bytes = bytes
        self.count = count
        let line = Self.lineEnd(bytes, from: 0)
        let methodEnd = Self.index(of: " ", in: bytes, 0..<line)
        let targetEnd = Self.index(of: " ", in: bytes, min(methodEnd + 1, line)..<line)
        guard methodEnd > 0, targetEnd > methodEnd + 1, targetEnd < line,
            Self.isToken(bytes, 0..<methodEnd), Self.isVisible(bytes, methodEnd + 1..<targetEnd)
        else { return nil }
        let version = targetEnd + 1..<line
        guard version.count == 8, bytes.matches(targetEnd + 1..<line - 1, "HTTP/1.") else {
            return nil
        }
        method = 0..<methodEnd
        path = Self.path(bytes, methodEnd + 1..<targetEnd)
        isHTTP11 = bytes.uint8(at: line - 1) == UInt8(ascii: "1")
        fields = line + 2
        var position = fields
        while let next = Self.field(bytes, at: position) { position = next.value.upperBound }
        if position != count - 2 { return nil }
    }

    /// Whether a range of the head is a text, letter by letter.
    func matches(_ range: Range<Int>, _ text: String) -> Bool {
        bytes.matches(range, text)
    }

    /// How many fields have a name.
    func occurrences(of name: String) -> Int {
        var found = 0
        forEach(name) { _ in found += 1 }
        return found
    }

    /// The value of the only field with a name; nil when there is none or several.
    func only(_ name: String) -> Range<Int>? {
        var value: Range<Int>?
        var found = 0
        forEach(name) { range in
            value = range
            found += 1
        }
        return found == 1 ? value : nil
    }

    /// Whether a list in the fields with a name has a token, in whatever case.
    func has(_ token: String, in name: String) -> Bool {
        var isFound = false
        forEach(name) { value in
            var start = value.lowerBound
            while start <= value.upperBound {
                let end = Self.index(of: ",", in: bytes, start..<value.upperBound)
                let item = Self.trimmed(bytes, start..<end)
                isFound = isFound || bytes.matches(item, token, ignoringCase: true)
                start = end + 1
            }
        }
        return isFound
    }

    private func forEach(_ name: String, _ body: (Range<Int>) -> Void) {
        var position = fields
        while let next = Self.field(bytes, at: position) {
            if bytes.matches(next.name, name, ignoringCase: true) {
                body(Self.trimmed(bytes, next.value.lowerBound..<next.value.upperBound - 2))
            }
            position = next.value.upperBound
        }
    }
}

// MARK: - Pieces

extension HTTPRequestHead {
    /// The field at a position, whose value ends with the line, CRLF included; nil at the empty line, or for none.
    private static func field(_ bytes: RawSpan, at start: Int) -> HTTPField? {
        let end = lineEnd(bytes, from: start)
        let colon = index(of: ":", in: bytes, start..<end)
        guard colon > start, colon < end, isToken(bytes, start..<colon) else { return nil }
        for index in colon + 1..<end {
            let byte = bytes.uint8(at: index)
            if byte < 0x20 && byte != 0x09 || byte == 0x7F { return nil }
        }
        return (start..<colon, colon + 1..<end + 2)
    }

    /// The path of a target: that of an absolute one (RFC 9112, 3.2.2) behind its authority, without the query.
    private static func path(_ bytes: RawSpan, _ target: Range<Int>) -> Range<Int> {
        var start = target.lowerBound
        for scheme in ["http://", "https://"] where target.count > scheme.utf8.count {
            let head = target.lowerBound..<target.lowerBound + scheme.utf8.count
            if bytes.matches(head, scheme, ignoringCase: true) {
                start = index(of: "/", in: bytes, head.upperBound..<target.upperBound)
            }
        }
        return start..<index(of: "?", in: bytes, start..<target.upperBound)
    }

    /// Where the line that begins at `start` ends, before its CRLF; a head always has one more.
    private static func lineEnd(_ bytes: RawSpan, from start: Int) -> Int {
        var index = start
        while index + 1 < bytes.byteCount {
            if bytes.uint16(at: index) == 0x0D0A { return index }
            index += 1
        }
        return bytes.byteCount
    }

    /// Where a character is, or the range's end.
    private static func index(
        of character: Unicode.Scalar,
        in bytes: RawSpan,
        _ range: Range<Int>
    ) -> Int {
        let byte = UInt8(ascii: character)
        return range.first { bytes.uint8(at: $0) == byte } ?? range.upperBound
    }

    private static func trimmed(_ bytes: RawSpan, _ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, isBlank(bytes.uint8(at: start)) { start += 1 }
        while start < end, isBlank(bytes.uint8(at: end - 1)) { end -= 1 }
        return start..<end
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func isVisible(_ bytes: RawSpan, _ range: Range<Int>) -> Bool {
        range.allSatisfy { 0x21...0x7E ~= bytes.uint8(at: $0) }
    }

    /// RFC 9110, 5.6.2.
    private static func isToken(_ bytes: RawSpan, _ range: Range<Int>) -> Bool {
        range.allSatisfy { index in
            switch bytes.uint8(at: index) {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            case let byte: "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
        }
    }
}

extension RawSpan {
    /// Whether a range of the bytes is a text of ASCII.
    func matches(_ range: Range<Int>, _ text: String, ignoringCase: Bool = false) -> Bool {
        guard range.count == text.utf8.count else { return false }
        for (index, character) in text.utf8.enumerated() {
            let byte = uint8(at: range.lowerBound + index)
            let isLetter = UInt8(ascii: "a")...UInt8(ascii: "z") ~= character | 0x20
            let differing: UInt8 = ignoringCase && isLetter ? 0x20 : 0
            if byte | differing != character | differing { return false }
        }
        return true
    }
}
