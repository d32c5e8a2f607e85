/// The walls between modules, as far as the build does not check them itself.

import Testing

@Suite struct WallTests {
    private let sources = SourceFile.all(in: ["Sources"], endings: [".swift"])

    /// Where pointers are, outside `IOURing`, and why.
    private let pointers = [
        "Sources/Exchange/AtomicArray.swift": "atomics on the heap, aligned to cache lines",
        "Sources/Exchange/ParcelPost.swift": "what travels between two threads",
        "Sources/Exchange/Parcels.swift": "slots that many threads fill and one empties",
        "Sources/STUN/AESGCM.swift": "an object of OpenSSL's, for one call",
        "Sources/TLS/TLSSession.swift": "an object of OpenSSL's that changes its owner",
        "Sources/Exchange/Mailbox.swift": "slots that one thread fills and another empties",
        "Sources/RelayLoop/RelayThread.swift": "the argument of pthread_create",
        "Sources/TLS/TLSContext.swift": "an object of OpenSSL's",
        "Sources/TLS/TLSSessions+Records.swift": "what is lent to OpenSSL for a call",
        "Sources/TLS/TLSSessions.swift": "objects of OpenSSL's, in owned memory of a fixed size",
        "Sources/TURN/CommandQueue.swift": "owned memory of a fixed size",
        "Sources/TURN/DeadlineHeap.swift": "owned memory of a fixed size",
        "Sources/TURN/FlatTable.swift": "owned memory of a fixed size",
        "Sources/TURN/RelayMap.swift": "owned memory of a fixed size",
        "Sources/TURN/SlotPool.swift": "owned memory of a fixed size",
        "Sources/TURN/UnauthenticatedLimiter.swift": "owned memory of a fixed size",
        "Sources/Tunables/TreeFile.swift": "names from readdir",
        "Sources/turnpike/AdminSocket.swift": "the socket address for connect",
        "Sources/turnpike/NetworkInterfaces.swift": "the list of getifaddrs",
        "Sources/turnpike/ProbeSocket.swift": "socket addresses for bind and connect",
    ]

    @Test func theProtocolTouchesNoOperatingSystem() throws {
        let system = try Regex(#"^(\w+ )?import (Glibc|Foundation\w*|Synchronization|Dispatch)\b"#)
        // An atomic that nobody touches: it only keeps structs where they are.
        let mark = "Sources/TURN/InPlace.swift"
        for file in sources
        where file.path.hasPrefix("Sources/STUN/") || file.path.hasPrefix("Sources/TURN/") {
            if file.path == mark { continue }
            for line in file.lines {
                #expect(line.firstMatch(of: system) == nil, "\(file): \(line)")
            }
        }
    }

    @Test func pointersAreInNamedPlaces() throws {
        let pointer = try Regex(#"\b(Unsafe(Mutable)?(Raw)?(Buffer)?Pointer|OpaquePointer)\b"#)
        for file in sources where !file.path.hasPrefix("Sources/IOURing/") {
            let usesPointers = file.lines.contains {
                !$0.drop { $0 == " " }.hasPrefix("//") && $0.firstMatch(of: pointer) != nil
            }
            if usesPointers {
                #expect(pointers[file.path] != nil, "\(file): pointers belong into IOURing")
            }
        }
    }

    @Test func namedPlacesStillHavePointers() {
        let paths = Set(sources.map(\.path))
        for path in pointers.keys { #expect(paths.contains(path), "\(path) is gone") }
    }
}
