/// What a process has used, from /proc: the side of the measurement that no server can colour.

import Glibc

/// A reading of the counters of a process.
struct ProcessUsage {
    /// Time on a CPU of all its threads, nanoseconds, from the scheduler's own clock.
    var scheduledNanoseconds: UInt64 = 0
    /// Time that its threads wanted a CPU and waited for one, nanoseconds.
    var waitedNanoseconds: UInt64 = 0
    /// User and system time of the process, nanoseconds, in the kernel's ticks.
    var accountedNanoseconds: UInt64 = 0
    /// Resident memory, bytes.
    var residentBytes: UInt64 = 0
    /// When it was read, monotonic nanoseconds.
    var time: UInt64 = 0
}

struct ServerProcess {
    let pid: Int32

    /// Reads the counters; zeros when the process is gone.
    func usage() -> ProcessUsage {
        var usage = ProcessUsage()
        usage.time = monotonicNanoseconds()
        for thread in threads() {
            let (scheduled, waited) = schedule(of: thread)
            usage.scheduledNanoseconds += scheduled
            usage.waitedNanoseconds += waited
        }
        usage.accountedNanoseconds = accounted()
        let pages = fields(of: "/proc/\(pid)/statm")
        usage.residentBytes = pages.count > 1 ? (UInt64(pages[1]) ?? 0) * UInt64(getpagesize()) : 0
        return usage
    }

    private func threads() -> [String] {
        guard let directory = opendir("/proc/\(pid)/task") else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    private func schedule(of thread: String) -> (scheduled: UInt64, waited: UInt64) {
        let values = fields(of: "/proc/\(pid)/task/\(thread)/schedstat")
        guard values.count > 1, let scheduled = UInt64(values[0]), let waited = UInt64(values[1])
        else { return (0, 0) }
        return (scheduled, waited)
    }

    /// utime and stime: fields 14 and 15 of proc_pid_stat(5), counted after the name in parentheses.
    private func accounted() -> UInt64 {
        let text = contents(of: "/proc/\(pid)/stat")
        guard let close = text.lastIndex(of: ")") else { return 0 }
        let values = text[text.index(after: close)...].split(separator: " ")
        guard values.count > 12, let user = UInt64(values[11]), let system = UInt64(values[12])
        else {
            return 0
        }
        return (user + system) * 1_000_000_000 / UInt64(sysconf(Int32(_SC_CLK_TCK)))
    }

    private func fields(of path: String) -> [Substring] {
        contents(of: path).split { $0 == " " || $0 == "\n" }
    }

    private func contents(of path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(file, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
}
