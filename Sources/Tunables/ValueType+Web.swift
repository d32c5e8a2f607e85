/// Values of the web and of the file system: origins, ICE URLs, paths.

extension ValueType where Value == [String] {
    /// Origins of web pages (RFC 6454), or `*`.
    static var origins: Self {
        let allowed = "origins such as \"https://app.example.org http://localhost:3000\", or *"
        return ValueType(allowed: allowed) { text in
            let list = words(text)
            return list.allSatisfy { $0 == "*" || isOrigin($0) } ? list : nil
        }
    }

    /// URLs of STUN and TURN servers (RFC 7064, RFC 7065).
    static var iceURLs: Self {
        let allowed = "URLs such as turn:turn.example.org:3478?transport=udp, or stun: and turns:"
        return ValueType(allowed: allowed) { text in
            let list = words(text)
            return list.allSatisfy(isICEURL) ? list : nil
        }
    }
}

extension ValueType where Value == String {
    /// The path of a Unix socket; the kernel takes 107 bytes.
    static var socketPath: Self {
        let allowed =
            "an absolute path of at most 107 bytes; off: none; empty: in the state directory"
        return ValueType(allowed: allowed) {
            if $0.isEmpty || $0 == "off" { return $0 }
            return isAbsolutePath($0) && $0.utf8.count <= 107 ? $0 : nil
        }
    }

    /// The path of a file, or nothing.
    static var filePath: Self {
        ValueType(allowed: "an absolute path; empty: none") {
            $0.isEmpty || isAbsolutePath($0) ? $0 : nil
        }
    }
}

private func isAbsolutePath(_ text: String) -> Bool {
    text.hasPrefix("/") && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
}

private func isOrigin(_ text: String) -> Bool {
    for scheme in ["https://", "http://"] where text.hasPrefix(scheme) {
        let host = text.dropFirst(scheme.count)
        return !host.isEmpty && host.utf8.allSatisfy { isPrintable($0) && $0 != UInt8(ascii: "/") }
    }
    return false
}

private func isICEURL(_ text: String) -> Bool {
    for scheme in ["turn:", "turns:", "stun:", "stuns:"] where text.hasPrefix(scheme) {
        return text.utf8.count > scheme.utf8.count && text.utf8.allSatisfy(isPrintable)
    }
    return false
}

private func isPrintable(_ byte: UInt8) -> Bool {
    byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
}
