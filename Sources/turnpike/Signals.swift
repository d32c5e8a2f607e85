/// The signals of the program, taken one by one on the main thread.

import Glibc

/// What an operator asks by a signal.
enum SignalRequest: Equatable {
    /// SIGTERM or SIGINT: end in an orderly way.
    case stop
    /// SIGUSR1: write the counters.
    case report
    /// SIGHUP: read the certificate again.
    case reload
    /// SIGUSR2: make no new allocations, or make them again.
    case drain
}

/// Holds the program's signals back, so that they are received where the program waits for them.
struct Signals {
    private var set = sigset_t()

    /// Blocks the signals in this thread and those it starts from now on.
    ///
    /// Make it before any other thread. SIGPIPE is ignored: a reader that went away is an error of the write.
    init() {
        signal(SIGPIPE, SIG_IGN)
        sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP] { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits for the next request.
    func next() -> SignalRequest {
        var set = set
        var number: Int32 = 0
        while sigwait(&set, &number) != 0 {}
        return switch number {
        case SIGUSR1: .report
        case SIGUSR2: .drain
        case SIGHUP: .reload
        default: .stop
        }
    }
}
