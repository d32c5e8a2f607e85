import Glibc
import IOURing
import Testing

@testable import RelayLoop

/// Accepts in a class, which expectations can look into.
private final class Listening {
    private var accepts = Accepts()

    var isPaused: Bool { accepts.isPaused }
    func arm(_ file: UInt32) { accepts.arm(file) }
    func succeeded() { accepts.succeeded() }
    func next(at nanoseconds: UInt64) -> UInt32? { accepts.next(at: nanoseconds) }

    func failed(_ file: UInt32, _ error: Errno, at nanoseconds: UInt64) {
        accepts.failed(file, error, at: nanoseconds)
    }
}

/// Accepts that fail: for one connection, or for want of something.
@Suite struct AcceptsTests {
    @Test(arguments: [ECONNABORTED, EPERM, EPROTO, ENETDOWN, EHOSTUNREACH, ENETUNREACH])
    func aConnectionThatFailedDoesNotKeepTheNextWaiting(error: Int32) {
        let accepts = Listening()
        accepts.failed(7, Errno(rawValue: error), at: 1000)
        #expect(accepts.isPaused)
        #expect(accepts.next(at: 1000) == 7)
        #expect(!accepts.isPaused)
        #expect(accepts.next(at: 1000) == nil)
    }

    @Test(arguments: [EMFILE, ENFILE, ENOMEM, ENOBUFS, EBADF])
    func wantOfDescriptorsMakesTheAcceptWait(error: Int32) {
        let accepts = Listening()
        accepts.failed(7, Errno(rawValue: error), at: 1000)
        #expect(accepts.isPaused)
        #expect(accepts.next(at: 999 + Limits.acceptPauseNanoseconds) == nil)
        #expect(accepts.next(at: 1000 + Limits.acceptPauseNanoseconds) == 7)
        #expect(!accepts.isPaused)
    }

    @Test func anAcceptThatWaitsDoesNotKeepOthersWaiting() {
        let accepts = Listening()
        accepts.failed(7, .tooManyFiles, at: 1000)
        accepts.arm(8)
        accepts.failed(9, Errno(rawValue: ECONNABORTED), at: 1000)
        #expect([accepts.next(at: 1000), accepts.next(at: 1000)] == [9, 8])
        #expect(accepts.next(at: 1000) == nil)
    }

    @Test func failuresWithoutEndAreNoBusyLoop() {
        let accepts = Listening()
        let error = Errno(rawValue: ECONNABORTED)
        for _ in 1..<Limits.acceptFailures {
            accepts.failed(7, error, at: 1000)
            #expect(accepts.next(at: 1000) == 7)
        }
        accepts.failed(7, error, at: 1000)
        #expect(accepts.next(at: 1000) == nil)
        #expect(accepts.next(at: 1000 + Limits.acceptPauseNanoseconds) == 7)
        accepts.failed(7, error, at: 2000)
        #expect(accepts.next(at: 2000) == 7)
    }

    @Test func aConnectionEndsARunOfFailures() {
        let accepts = Listening()
        for _ in 0..<(3 * Limits.acceptFailures) {
            accepts.failed(7, Errno(rawValue: EPERM), at: 1000)
            #expect(accepts.next(at: 1000) == 7)
            accepts.succeeded()
        }
    }
}
