/// A relay thread as the rest of the program sees it.

public import Exchange
internal import Glibc
internal import IOURing
internal import Synchronization

/// Why a relay thread did not start.
public struct StartError: Error, Equatable, Sendable, CustomStringConvertible {
    /// One line: what was tried, and what the system said.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// One relay thread: started, stopped and joined by its owner, otherwise alone with its ring.
public final class RelayThread: Sendable {
    /// What the thread counts; readable at any time.
    public let counters = CounterBlock()

    private let index: Int
    private let configuration: RelayThreadConfiguration
    private let shared: SharedState
    private let inbox: RelayInbox
    private let ready: WakeEvent
    private let startError = Mutex<StartError?>(nil)
    private let handle = Mutex<pthread_t?>(nil)

    /// Prepares a thread; nothing runs yet.
    ///
    /// - Throws: `StartError` when the system gives no event descriptor.
    public init(
        index: Int,
        configuration: RelayThreadConfiguration,
        shared: SharedState
    ) throws(StartError) {
        self.index = index
        self.configuration = configuration
        self.shared = shared
        do throws(Errno) {
            inbox = try RelayInbox(event: shared.post.event(of: index))
            ready = try WakeEvent()
            if index < shared.arrivals.count { shared.arrivals[index].open(inbox.event) }
        } catch {
            throw StartError("relay thread \(index): no event descriptor: \(error)")
        }
    }

    /// Runs the thread, and returns once its sockets are bound and armed.
    ///
    /// - Throws: `StartError` when the kernel refuses something; the thread has ended then.
    public func start() throws(StartError) {
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        // The context is a retained reference that the new thread takes over.
        let result = unsafe pthread_create(&thread, nil, enterRelayThread, context)
        if result != 0 {
            // The thread that would have taken the reference over does not exist.
            unsafe Unmanaged<RelayThread>.fromOpaque(context).release()
            throw StartError("relay thread \(index): \(Errno(rawValue: result))")
        }
        ready.wait()
        if let error = startError.withLock({ $0 }) {
            pthread_join(thread, nil)
            throw error
        }
        handle.withLock { $0 = thread }
    }

    /// Asks the thread to close its sockets and end; `join` waits for it.
    ///
    /// The inbox has one sender: nobody may `ask` any more.
    public func stop() {
        while !inbox.send(.stop) { sched_yield() }
    }

    /// Lets new sessions use the certificates that are in the shared state now; false when the inbox is full.
    ///
    /// Called by the thread that asks.
    public func reloadCertificates() -> Bool { inbox.send(.reloadCertificates) }

    /// Sends a question, for one asking thread; false when the inbox is full.
    public func ask(_ question: RelayQuestion) -> Bool { inbox.send(.answer(question)) }

    /// The next part of an answer, for the asking thread; nil when none is there.
    public func nextAnswer() -> RelayAnswer? { inbox.answers.receive() }

    /// The CPU time that the thread used, in nanoseconds; nil before its start and after its end.
    public var cpuNanoseconds: UInt64? {
        // Under the lock nobody joins the thread, so that its handle is good.
        handle.withLock { thread in
            var clock = clockid_t()
            guard let thread, unsafe pthread_getcpuclockid(thread, &clock) == 0 else { return nil }
            return Clock.nanoseconds(clock)
        }
    }

    /// Waits until the thread has ended.
    public func join() {
        guard let thread = handle.withLock({ $0.take() }) else { return }
        pthread_join(thread, nil)
    }

    /// The thread's body.
    fileprivate func run() {
        do throws(StartError) {
            var loop = try RelayLoop.start(
                index: index,
                configuration: configuration,
                shared: shared,
                inbox: inbox,
                counters: counters
            )
            ready.signal()
            loop.run()
        } catch {
            startError.withLock { $0 = error }
            ready.signal()
        }
    }
}

/// Where a new thread begins.
private func enterRelayThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let context = unsafe context {
        // `start` retained the thread object for exactly this one use.
        unsafe Unmanaged<RelayThread>.fromOpaque(context).takeRetainedValue().run()
    }
    return nil
}
