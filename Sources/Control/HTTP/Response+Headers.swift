/// The headers that every response has.

import NIOHTTP1

extension Response {
    /// Adds what every response says, where a route has not said it; makes every value fit for one line.
    mutating func addCommonHeaders() {
        headers = HTTPHeaders(headers.map { ($0.name, Self.onOneLine($0.value)) })
        headers.replaceOrAdd(name: "X-Content-Type-Options", value: "nosniff")
        add(missing: "Referrer-Policy", "same-origin")
        add(missing: "Cache-Control", "no-store")
        if headers.first(name: "Content-Type")?.hasPrefix("text/html") == true {
            add(missing: "Content-Security-Policy", Page.contentSecurityPolicy)
        }
    }

    private mutating func add(missing name: String, _ value: String) {
        if !headers.contains(name: name) { headers.add(name: name, value: value) }
    }

    /// Control characters end a header or begin another one; none has business in a value.
    private static func onOneLine(_ value: String) -> String {
        let isControl = { (byte: UInt8) in byte < 0x20 || byte == 0x7F }
        guard value.utf8.contains(where: isControl) else { return value }
        return String(
            decoding: value.utf8.map { isControl($0) ? UInt8(ascii: " ") : $0 },
            as: UTF8.self
        )
    }
}
