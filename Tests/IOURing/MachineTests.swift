import Glibc
import Testing

@testable import IOURing

@Suite struct MachineTests {
    @Test func threadStaysOnTheCPUItIsPinnedTo() throws {
        // On a thread of its own: a pinned thread of the test runner would stay pinned.
        let thread = try Thread {
            guard let cpus = try? CurrentThread.allowedCPUs(), let last = cpus.last else { exit(9) }
            guard (try? CurrentThread.pin(toCPU: last)) != nil else { exit(9) }
            guard (try? CurrentThread.allowedCPUs()) == [last] else { exit(9) }
            guard CurrentThread.cpu == last else { exit(9) }
            CurrentThread.name("a name that is far too long")
        }
        thread.join()
    }

    @Test func cpuThatIsNotThereIsRefused() {
        for cpu in [-1, 8191, 8192, .max] {
            #expect(throws: Errno.invalidArgument) { try CurrentThread.pin(toCPU: cpu) }
        }
    }

    @Test func nodeOfACPU() throws {
        let cpu = try #require(try CurrentThread.allowedCPUs().first)
        if let node = Machine.node(ofCPU: cpu) { #expect(node >= 0) }
        #expect(Machine.node(ofCPU: -5) == nil)
    }

    @Test func descriptorLimitIsTheHardOne() {
        let raised = Machine.raiseDescriptorLimit()
        #expect(raised > 0)
        #expect(Machine.raiseDescriptorLimit() == raised)
    }

    @Test func thisKernelWillDo() {
        #expect(KernelSupport.check() == nil)
        #expect(KernelSupport.release.contains("."))
    }

    @Test(arguments: [
        (EPERM, "2", "kernel.io_uring_disabled=2"),
        (EPERM, "0", "seccomp"),
        (EINVAL, "0", "Linux 6.1 or later is needed"),
        (ENOSYS, nil, "this is Linux 5.15.0"),
        (ENOMEM, "0", "ulimit -l"),
        (EMFILE, "0", "ulimit -n"),
        (EFAULT, "0", "EFAULT"),
    ])
    func reasonSaysWhatToChange(error: Int32, disabled: String?, part: String) {
        let text = KernelSupport.explanation(
            of: Errno(rawValue: error),
            release: "5.15.0",
            disabled: disabled
        )
        #expect(text.contains(part))
        #expect(!text.contains("\n"))
    }

    @Test func errorsHaveNameAndText() {
        #expect(Errno.tryAgain.description == "EAGAIN (Resource temporarily unavailable)")
        #expect(Errno(rawValue: 99_999).description == "error 99999")
        #expect(Errno(result: -EIO) == .inputOutput)
        #expect(Errno(result: 0) == nil)
    }

    /// In a process of its own: in this one other tests open sockets meanwhile.
    @Test func ringThatIsRefusedLeaksNoDescriptor() async {
        await #expect(processExitsWith: .success) {
            let before = try DatagramSocket(boundTo: .loopback(.ipv4)).descriptor
            for _ in 0..<20 {
                #expect(throws: Errno.self) {
                    _ = try Ring(entries: 8, completionEntries: 16, files: .max)
                }
            }
            let after = try DatagramSocket(boundTo: .loopback(.ipv4)).descriptor
            precondition(abs(after - before) < 15)
        }
    }
}
