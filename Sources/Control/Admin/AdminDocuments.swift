/// What the admin's routes say, as the command line reads it.

import Exchange
import STUN

/// `GET /api/v1/admin/status`, and each event of `/api/v1/live`.
public struct ServerStatus: Codable, Sendable {
    /// One relay thread.
    public struct Thread: Codable, Equatable, Sendable {
        /// Its number, and its CPU; nil when the scheduler chooses.
        public var thread: Int, cpu: Int?
        /// Whether it makes passes.
        public var isMoving = true
        /// What it has now.
        public var allocations: UInt64 = 0, permissions: UInt64 = 0, channels: UInt64 = 0
        /// What it did in the last second, and the part of its CPU that took.
        public var datagramsPerSecond = 0, bitsPerSecond = 0, dropsPerSecond = 0, load = 0.0
        /// The CPU time it used.
        public var cpuSeconds = 0.0
    }

    /// The program's version and process.
    public var version: String, process: Int
    /// Time since the start.
    public var uptimeSeconds: Int
    /// The relay threads.
    public var threads: [Thread]
    /// The counters of the control plane, by name.
    public var control: [String: Int]
    /// The CPU time that the control thread used.
    public var controlCPUSeconds: Double
    /// The part of a CPU that the control thread used in the last second.
    public var controlLoad: Double
}

/// `GET /api/v1/admin/allocations`.
public struct AllocationDocument: Codable, Sendable {
    /// One allocation.
    public struct Allocation: Codable, Sendable {
        /// Names it in `DELETE /api/v1/admin/allocations/{id}`.
        public var id: String
        /// The relay thread that has it.
        public var thread: Int
        /// The client as the server sees it, and the relayed address as clients are told.
        public var client: String, relayed: String
        /// The second relayed address, of IPv6, when it has two.
        public var additional: String?
        /// The username it was made with, 64 bytes of it; empty when none was needed.
        public var user: String
        /// How long it lives unless it is refreshed.
        public var secondsLeft: UInt32
        /// What it has of each.
        public var permissions: UInt16, channels: UInt16
    }

    /// The allocations, by thread.
    public var allocations: [Allocation]
    /// Whether these are all there are.
    public var isComplete: Bool
}

extension AllocationDocument {
    /// The listing in words; `addresses` are those of relayed addresses by family and number.
    init(_ listing: AllocationListing, addresses: [UInt8: [String]]) {
        isComplete = listing.isComplete
        allocations = listing.records.enumerated().flatMap { thread, records in
            records.map { Allocation($0, of: thread, addresses) }
        }
    }
}

extension AllocationDocument.Allocation {
    fileprivate init(_ record: AllocationRecord, of thread: Int, _ addresses: [UInt8: [String]]) {
        func address(_ version: UInt8, _ number: UInt8, _ port: UInt16) -> String {
            let ofFamily = addresses[version] ?? []
            let relay = Int(number) < ofFamily.count ? ofFamily[Int(number)] : "?"
            return version == 6 ? "[\(relay)]:\(port)" : "\(relay):\(port)"
        }
        id = "\(AllocationID(thread: thread, place: record.place, stamp: record.stamp))"
        self.thread = thread
        client = record.client.text
        relayed = address(record.relayVersion, record.relayAddress, record.relayPort)
        let port = record.additionalRelayPort
        additional = port == 0 ? nil : address(6, record.additionalRelayAddress, port)
        user = record.userText
        secondsLeft = record.secondsLeft
        permissions = record.permissions
        channels = record.channels
    }
}

/// Names an allocation: its thread, its place in the thread's table, and what tells it from others there.
struct AllocationID: Equatable, CustomStringConvertible {
    let thread: Int, place: UInt32, stamp: UInt64

    var description: String { "\(thread)-\(place)-\(String(stamp, radix: 16))" }
}

extension AllocationID {
    /// Reads what `description` writes; nil for anything else.
    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, let thread = UInt16(parts[0]), let place = UInt32(parts[1]),
            let stamp = UInt64(parts[2], radix: 16)
        else { return nil }
        self.init(thread: Int(thread), place: place, stamp: stamp)
    }
}

extension RecordedAddress {
    /// The address with its port, IPv6 in brackets.
    fileprivate var text: String {
        let ipv4 = IPAddress(ipv4: UInt32(truncatingIfNeeded: low))
        let ip = version == 4 ? ipv4 : IPAddress(ipv6High: high, low: low)
        return TransportAddress(ip: ip, port: port).description
    }
}

extension AllocationRecord {
    /// The username's bytes up to the first zero; what is no UTF-8, such as half a letter at the end, is replaced.
    fileprivate var userText: String {
        let bytes = user.indices.map { user[$0] }.prefix { $0 != 0 }
        return String(decoding: bytes, as: UTF8.self)
    }
}
