/// What the server keeps over restarts: one directory, with the secrets that it made for itself.

import Glibc

/// A directory of mode 0700 that belongs to the server.
struct StateDirectory {
    /// Where it is.
    let path: String

    /// The directory an operator named, or the usual one.
    ///
    /// That is `/var/lib/turnpike` for root, and `$XDG_STATE_HOME/turnpike` or `~/.local/state/turnpike` for others.
    init(named name: String?) throws(StartProblem) {
        if let name {
            path = name
        } else if geteuid() == 0 && access("/var/lib", W_OK) == 0 {
            path = "/var/lib/turnpike"
        } else if let state = environment("XDG_STATE_HOME") {
            path = state + "/turnpike"
        } else if let home = environment("HOME") {
            path = home + "/.local/state/turnpike"
        } else {
            throw StartProblem("no place for state: there is no HOME; name one with --state DIR")
        }
    }

    /// A secret of the server's own, each in a file of that name.
    enum Key: String, CaseIterable {
        /// Signs time-limited TURN credentials.
        case secret
        /// Opens the admin's routes.
        case adminToken = "admin_token"
        /// Signs room tokens.
        case roomTokenKey = "room_token_key"
    }

    /// Where a secret is.
    func path(of key: Key) -> String { path + "/" + key.rawValue }

    /// The file of the secret of time-limited credentials.
    var secretPath: String { path(of: .secret) }

    /// Where the admin socket is unless the tree names a place.
    var adminSocketPath: String { path + "/admin.sock" }

    /// A secret of a server that was started before.
    func value(of key: Key) throws(StartProblem) -> String {
        let file = path(of: key)
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 && errno == ENOENT {
            throw StartProblem(
                "no \(key.rawValue) in \(path): start the server first, or name its --state"
            )
        }
        if descriptor < 0 { throw StartProblem(file, errno: errno) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 513)
        let count = read(descriptor, &bytes, bytes.count)
        if count < 0 { throw StartProblem(file, errno: errno) }
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        let secret = text.prefix { !$0.isNewline }
        guard (16...512).contains(secret.utf8.count) else {
            throw StartProblem("\(file): not a secret of one line of 16 to 512 bytes")
        }
        return String(secret)
    }

    /// A secret; made now if there is none yet.
    func valueMadeIfAbsent(of key: Key) throws(StartProblem) -> String {
        try make()
        let file = path(of: key)
        if access(file, F_OK) != 0 { try makeSecret(file) }
        return try value(of: key)
    }

    /// The files of secrets that others than the owner may read.
    var secretsReadableByOthers: [String] {
        Key.allCases.map(path(of:)).filter { file in
            var status = stat()
            return stat(file, &status) == 0 && status.st_mode & 0o077 != 0
        }
    }

    /// Makes the directory unless it is there.
    func make() throws(StartProblem) {
        let parts = path.split(separator: "/")
        let root = path.hasPrefix("/") ? "/" : ""
        for count in 1..<max(parts.count, 1) {
            let ancestor = root + parts.prefix(count).joined(separator: "/")
            if mkdir(ancestor, 0o755) != 0 && errno != EEXIST { break }
        }
        if mkdir(path, 0o700) != 0 && errno != EEXIST { throw StartProblem(path, errno: errno) }
    }

    /// Writes the secret beside its place and links it there, so that nobody ever reads half of one.
    private func makeSecret(_ file: String) throws(StartProblem) {
        let draft = file + "." + hexadecimal(randomBytes(8))
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor < 0 { throw StartProblem(draft, errno: errno) }
        defer { unlink(draft) }
        let line = Array((hexadecimal(randomBytes(32)) + "\n").utf8)
        let written = write(descriptor, line, line.count)
        let isStored = written == line.count && fsync(descriptor) == 0
        let number = errno
        close(descriptor)
        if !isStored { throw StartProblem(draft, errno: number) }
        // Another start may have been first; then its secret is the one.
        if link(draft, file) != 0 && errno != EEXIST {
            throw StartProblem(file, errno: errno)
        }
    }
}

/// Bytes of the system's cryptographic random source.
func randomBytes(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
}

/// Two lower-case digits for each byte.
func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

private func environment(_ name: String) -> String? {
    guard let value = getenv(name).map({ String(cString: $0) }), value.hasPrefix("/") else {
        return nil
    }
    return value
}
