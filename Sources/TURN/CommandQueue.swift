/// The effects that wait for the loop.

/// A ring of commands of fixed capacity.
///
/// Each command closes a relayed socket of this thread, or ends a connection with a peer. There is room for two for
/// each allocation that fits and for two more, and an allocation is only made while no more than two wait: those of the one
/// whose place it takes. A connection asks for one command in its life, and there is room for each.
@safe struct CommandQueue: ~Copyable {
    private let commands: UnsafeMutablePointer<Command>
    let capacity: Int
    private var first = 0

    /// The commands that wait.
    private(set) var count = 0

    init(capacity: Int) {
        precondition(capacity > 0, "a queue holds something")
        self.capacity = capacity
        unsafe commands = .allocate(capacity: capacity)
    }

    deinit {
        // Safe: allocated in `init`; commands are plain bits without a destructor.
        unsafe commands.deallocate()
    }

    mutating func append(_ command: Command) {
        precondition(count < capacity, "sockets and waiting commands share the capacity")
        // Safe: the position is below `capacity`.
        unsafe (commands + (first + count) % capacity).initialize(to: command)
        count += 1
    }

    mutating func next() -> Command? {
        guard count > 0 else { return nil }
        // Safe: `first` is below `capacity`, and initialised because the queue is not empty.
        let command = unsafe commands[first]
        first = (first + 1) % capacity
        count -= 1
        return command
    }
}

// Sendable: the queue owns its memory alone; handing it to another thread hands over both.
extension CommandQueue: @unchecked Sendable {}
