/// Which registered files have a receive armed.

internal import IOURing

/// The state of the multishot receive of each registered file.
///
/// A multishot receive ends when buffers run out, on an error, when the completion queue overflows, or
/// when it is cancelled; the loop then arms it again or finishes the close.
struct Receives: ~Copyable {
    /// Files to arm at the end of this pass.
    private(set) var waiting: [UInt32] = []
    /// Receives that had to be armed again.
    private(set) var rearms: UInt64 = 0

    private var isArmed: [Bool]
    private var generations: [UInt32]

    init(files: Int) {
        isArmed = Array(repeating: false, count: files)
        generations = Array(repeating: 0, count: files)
        waiting.reserveCapacity(files)
    }

    /// The token of the receive that is armed, or will be next.
    func token(of file: UInt32) -> Token {
        Token(kind: OperationKind.receive.rawValue, generation: generations[Int(file)], index: file)
    }

    /// Whether the file's receive is with the kernel.
    func isArmed(_ file: UInt32) -> Bool { isArmed[Int(file)] }

    /// Whether a completion belongs to the receive armed now, not to one of an earlier socket.
    func isCurrent(_ token: Token) -> Bool {
        isArmed[Int(token.index)] && self.token(of: token.index) == token
    }

    /// Notes that the receive went to the kernel.
    mutating func armed(_ file: UInt32) { isArmed[Int(file)] = true }

    /// Notes that the receive has ended.
    mutating func ended(_ file: UInt32) {
        isArmed[Int(file)] = false
        generations[Int(file)] = (generations[Int(file)] &+ 1) & 0xFF_FFFF
    }

    /// Asks for a receive to be armed at the end of the pass.
    mutating func arm(_ file: UInt32) { waiting.append(file) }

    /// Asks for a receive that has ended to be armed again.
    mutating func rearm(_ file: UInt32) {
        waiting.append(file)
        rearms &+= 1
    }

    /// Takes the next file to arm.
    mutating func nextWaiting() -> UInt32? { waiting.popLast() }
}
