/// What the server keeps over restarts: one directory, with the secret of time-limited credentials in it.

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

    /// The file of the secret.
    var secretPath: String { path + "/secret" }

    /// The secret of a server that was started before.
    func secret() throws(StartProblem) -> String {
        let descriptor = open(secretPath, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 && errno == ENOENT {
            throw StartProblem("no secret in \(path): start the server first, or name its --state")
        }
        if descriptor < 0 { throw StartProblem(secretPath, errno: errno) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 513)
        let count = read(descriptor, &bytes, bytes.count)
        if count < 0 { throw StartProblem(secretPath, errno: errno) }
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        let secret = text.prefix { !$0.isNewline }
        guard (16...512).contains(secret.utf8.count) else {
            throw StartProblem("\(secretPath): not a secret of one line of 16 to 512 bytes")
        }
        return String(secret)
    }

    /// The secret; made now if there is none yet.
    func secretMadeIfAbsent() throws(StartProblem) -> String {
        try make()
        if access(secretPath, F_OK) != 0 { try makeSecret() }
        return try secret()
    }

    /// True when others than the owner may read the secret.
    var isSecretReadableByOthers: Bool {
        var status = stat()
        return stat(secretPath, &status) == 0 && status.st_mode & 0o077 != 0
    }

    private func make() throws(StartProblem) {
        let parts = path.split(separator: "/")
        let root = path.hasPrefix("/") ? "/" : ""
        for count in 1..<max(parts.count, 1) {
            let ancestor = root + parts.prefix(count).joined(separator: "/")
            if mkdir(ancestor, 0o755) != 0 && errno != EEXIST { break }
        }
        if mkdir(path, 0o700) != 0 && errno != EEXIST { throw StartProblem(path, errno: errno) }
    }

    /// Writes the secret beside its place and links it there, so that nobody ever reads half of one.
    private func makeSecret() throws(StartProblem) {
        let draft = secretPath + "." + hexadecimal(randomBytes(8))
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
        if link(draft, secretPath) != 0 && errno != EEXIST {
            throw StartProblem(secretPath, errno: errno)
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
