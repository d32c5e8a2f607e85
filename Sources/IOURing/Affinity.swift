internal import CLinux
internal import Glibc

/// Where the calling thread runs.
public enum CurrentThread {
    /// Keeps the thread on one CPU.
    ///
    /// - Throws: `EINVAL` when there is no such CPU or the process may not use it.
    public static func pin(toCPU cpu: Int) throws(Errno) {
        try keep(onCPUs: [cpu])
    }

    /// Keeps the thread, and those it starts, on some CPUs.
    ///
    /// - Throws: `EINVAL` when there is no such CPU or the process may use none of them.
    public static func keep(onCPUs cpus: [Int]) throws(Errno) {
        let cpus = cpus.map { Int32(clamping: $0) }
        // SAFETY: the array outlives the call, which reads as many numbers as it has.
        let error = unsafe cpus.withUnsafeBufferPointer {
            unsafe turnpike_keep_thread($0.baseAddress, Int32($0.count))
        }
        guard error == 0 else { throw Errno(rawValue: error) }
    }

    /// The CPUs the thread may run on, in rising order: what cgroups and `taskset` leave.
    public static func allowedCPUs() throws(Errno) -> [Int] {
        let capacity = Int(turnpike_cpu_limit)
        var failure: Errno?
        let cpus = unsafe [Int32](unsafeUninitializedCapacity: capacity) { buffer, count in
            // SAFETY: room for `capacity` numbers.
            let result = unsafe turnpike_allowed_cpus(buffer.baseAddress, Int32(capacity))
            failure = Errno(result: result)
            count = max(0, Int(result))
        }
        if let failure { throw failure }
        return cpus.map(Int.init)
    }

    /// The CPU the thread is on now.
    public static var cpu: Int {
        Int(turnpike_current_cpu())
    }

    /// Names the thread, for `top -H` and `/proc`; the kernel keeps 15 bytes.
    public static func name(_ name: String) {
        let kept = String(decoding: name.utf8.prefix(15), as: UTF8.self)
        // SAFETY: a string that lives until the call returns.
        unsafe kept.withCString { _ = unsafe turnpike_name_thread($0) }
    }
}

/// What the machine and the system give a process.
public enum Machine {
    /// The NUMA node of a CPU; `nil` where the machine does not say.
    public static func node(ofCPU cpu: Int) -> Int? {
        let node = turnpike_node_of_cpu(Int32(clamping: cpu))
        return node >= 0 ? Int(node) : nil
    }

    /// Raises the soft limit of open descriptors to the hard one; returns the limit in force.
    @discardableResult
    public static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        // SAFETY: the kernel writes and reads one rlimit, before the calls return.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return 0
        }
        let soft = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        let isRaised = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
        return Int(clamping: isRaised ? limit.rlim_max : soft)
    }
}
