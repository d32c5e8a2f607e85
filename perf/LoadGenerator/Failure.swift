/// Why a run could not be done; printed as one line.

import Glibc

struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    /// A system call's refusal; `result` is a negative errno.
    init(_ what: String, result: Int32) {
        self.init("\(what): \(String(cString: strerror(-result)))")
    }
}
