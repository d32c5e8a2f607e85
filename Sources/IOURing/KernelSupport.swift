internal import Glibc

/// Why the relay cannot run on this kernel, in words for an operator.
public struct KernelShortfall: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: what is missing, what was seen, what to do.
    public let description: String
}

/// Finds out whether the kernel has what a relay thread needs, by asking for it.
public enum KernelSupport {
    /// Sets up a small ring with a buffer ring on the calling thread, and gives it back.
    ///
    /// - Returns: `nil` when everything is there.
    public static func check() -> KernelShortfall? {
        do throws(Errno) {
            let bufferRing = try BufferRing(capacity: 8)
            var ring = try Ring(entries: 8, completionEntries: 16, files: 8)
            try ring.attach(bufferRing)
            return nil
        } catch {
            return KernelShortfall(description: explanation(of: error))
        }
    }

    /// The kernel's release, as `uname -r` prints it.
    public static var release: String {
        text(of: "/proc/sys/kernel/osrelease") ?? "unknown"
    }

    /// What an error of ``Ring/init(entries:completionEntries:files:)`` means on this machine.
    public static func explanation(of error: Errno) -> String {
        explanation(
            of: error,
            release: release,
            disabled: text(of: "/proc/sys/kernel/io_uring_disabled")
        )
    }

    /// The same, for any machine.
    static func explanation(of error: Errno, release: String, disabled: String?) -> String {
        let seen = "this is Linux \(release), and io_uring_setup says \(error)"
        switch error {
        case .notPermitted where disabled == "1" || disabled == "2":
            return """
                io_uring is switched off by kernel.io_uring_disabled=\(disabled ?? "") (\(seen)); \
                set it to 0: sysctl -w kernel.io_uring_disabled=0
                """
        case .notPermitted:
            return """
                io_uring is forbidden to this process (\(seen)); a container's seccomp profile \
                usually does that: allow io_uring_setup, io_uring_enter and io_uring_register
                """
        case .invalidArgument, .notImplemented:
            return """
                Linux 6.1 or later is needed, for multishot receives into ring buffers with \
                IORING_SETUP_DEFER_TASKRUN; \(seen)
                """
        case .outOfMemory:
            return """
                there is no memory for an io_uring (\(seen)); raise the limit of locked memory \
                (ulimit -l, LimitMEMLOCK=) or the memory of the cgroup
                """
        case .tooManyFiles:
            return """
                the limit of open descriptors is too low (\(seen)); raise ulimit -n, or \
                LimitNOFILE= of the service
                """
        default:
            return "io_uring cannot be set up: \(seen)"
        }
    }

    /// The first line of a small file.
    private static func text(of path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 256) { buffer, count in
            // SAFETY: room for 256 bytes.
            count = max(0, unsafe read(descriptor, buffer.baseAddress, 256))
        }
        return String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
    }
}
