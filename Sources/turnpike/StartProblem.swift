/// What keeps the program from doing what it was asked, in one line for the operator.

import ArgumentParser
import Glibc

/// A reason to end before the work began; shown as `turnpike: …`, with exit code 1.
struct StartProblem: Error, Equatable, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    /// What was tried, and what the system's error number says about it.
    init(_ attempt: String, errno number: Int32) {
        description = "\(attempt): \(String(cString: strerror(number)))"
    }
}

/// Runs a command's body; whatever it throws becomes one line on standard error and exit code 1.
func reportingProblems(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch let exit as ExitCode {
        throw exit
    } catch {
        writeLine("turnpike: \(error)", to: STDERR_FILENO)
        throw ExitCode.failure
    }
}

/// Writes a line in one piece; where nobody reads any more there is nobody to tell.
func writeLine(_ line: String, to descriptor: Int32) {
    var bytes = Array(line.utf8)
    bytes.append(UInt8(ascii: "\n"))
    var written = 0
    while written < bytes.count {
        let count = bytes[written...].withUnsafeBytes {
            write(descriptor, $0.baseAddress, $0.count)
        }
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { return }
        written += count
    }
}
