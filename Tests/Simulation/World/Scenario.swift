/// What kind of world a seed describes: sizes, limits, faults. Small on purpose, so that limits are met.

/// A person with a long-term credential.
struct User: Hashable {
    let name: String
    let password: String
    /// The second from which a TURN REST name opens no allocation; nil for a static user.
    let expirySeconds: UInt64?
}

/// How the network treats datagrams.
struct NetworkConditions {
    var delay: ClosedRange<Nanoseconds>
    /// Out of 1000 each.
    var loss: Int
    var duplication: Int
    /// Out of 1000: held back by up to ten times the longest delay.
    var reordering: Int
    /// Datagrams to peers, out of 1000, that an ICMP message answers.
    var unreachable: Int
    /// Arrivals at the server within this time are one pass, and may be coalesced.
    var passWindow: Nanoseconds
    var isCoalescing: Bool
}

/// How the kernel under the server fails, out of 1000 each.
struct KernelFaults {
    var sendRefused: Int
    var segmentationRefused: Int
    var openFailure: Int
    /// A word to another thread finds no room.
    var handoverRefused: Int
    /// How long words are on their way between threads.
    var handoverDelay: ClosedRange<Nanoseconds>
    /// How long a send holds its buffers.
    var completionDelay: ClosedRange<Nanoseconds>
}

/// All parameters of one run.
struct Scenario {
    static let realm = "example.org"
    /// Port of every listener; a second one on IPv4 listens on the port after it.
    static let serverPort: UInt16 = 3478
    static let serverIPv4 = Address(192, 0, 2, 1)
    static let serverIPv6 = Address(ipv6High: 0x2001_0DB8_0000_0000, low: 1)
    static let relayIPv4 = Address(198, 51, 100, 7)
    static let relayIPv6 = Address(ipv6High: 0x2A01_0004_0000_0000, low: 7)
    static let alternateIPv4 = Endpoint(address: Address(192, 0, 2, 77), port: 3478)
    static let alternateIPv6 = Endpoint(
        address: Address(ipv6High: 0x2001_0DB8_0000_0000, low: 77),
        port: 3478
    )
    static let externalIPv4 = Address(8, 8, 4, 4)

    var threads: Int
    var clients: Int
    var peers: Int
    var users: [User]
    var secret: [UInt8]
    var hasIPv6Relay: Bool
    var hasExternalIPv4: Bool
    var isAuthenticationRequired: Bool
    var isRFC5766: Bool
    /// Clients may keep their allocation when they move (RFC 8016).
    var allowsMobility: Bool
    /// The configuration allows 10.0.0.0/8, where one of the peers is.
    var allowsPrivatePeers: Bool
    /// Where clients are sent on to while the server drains.
    var alternates: [Endpoint]
    /// How often, out of 100 chances, the server begins or ends to drain.
    var draining: Int
    var ports: ClosedRange<UInt16>
    var allocationCapacity: Int
    var totalQuota: Int
    var userQuota: Int
    var permissionsPerAllocation: Int
    var channelsPerAllocation: Int
    var bandwidth: UInt64
    var unauthenticatedPerSecond: UInt32
    var nonceLifetimeSeconds: UInt32
    var maximumLifetimeSeconds: UInt32
    var permissionLifetimeSeconds: UInt32
    var channelLifetimeSeconds: UInt32
    var bufferCount: Int
    var sendSlots: Int
    var isSegmenting: Bool
    /// Some hosts cannot; never together with a bandwidth, so that each drop has one cause.
    var canSetDontFragment: Bool
    var network: NetworkConditions
    var faults: KernelFaults
    var start: Nanoseconds
    var startUnixSeconds: UInt64
    var duration: Nanoseconds
    /// How late a busy thread may get to removing what is past its deadline; nothing may show that.
    var expiryLag: Nanoseconds
    /// How many things clients and peers do altogether.
    var actions: Int

    init(_ chance: inout SeededGenerator) {
        allowsMobility = chance.chance(50)
        threads = chance.chance(allowsMobility ? 60 : 20) ? chance.within(2...3) : 1
        clients = chance.within(1...6)
        peers = chance.within(1...4)
        hasIPv6Relay = chance.chance(60)
        hasExternalIPv4 = chance.chance(25)
        isAuthenticationRequired = !chance.chance(6)
        isRFC5766 = chance.chance(20)
        allowsPrivatePeers = chance.chance(20)
        alternates = [Self.alternateIPv4, Self.alternateIPv6].filter { _ in chance.chance(60) }
        draining = chance.pick([0, 0, 0, 1, 4])
        let first = chance.within(20_000...50_000)
        let width = chance.chance(40) ? chance.within(1...8) : chance.within(16...200)
        ports = UInt16(first)...UInt16(first + width - 1)
        allocationCapacity = chance.chance(20) ? chance.within(1...4) : chance.within(8...32)
        totalQuota = chance.chance(20) ? chance.within(1...4) : 0
        userQuota = chance.chance(30) ? chance.within(1...3) : 0
        permissionsPerAllocation = chance.chance(30) ? chance.within(1...4) : 16
        channelsPerAllocation = chance.chance(30) ? chance.within(1...4) : 16
        if allowsMobility {
            // So that what comes from another thread always finds room.
            permissionsPerAllocation = min(permissionsPerAllocation, 8)
            channelsPerAllocation = min(channelsPerAllocation, 4)
        }
        bandwidth = chance.chance(15) ? UInt64(chance.within(2_000...40_000)) : 0
        unauthenticatedPerSecond = chance.chance(15) ? UInt32(chance.within(1...5)) : 0
        nonceLifetimeSeconds = UInt32(chance.pick([30, 120, 600, 3600]))
        maximumLifetimeSeconds = UInt32(chance.pick([600, 900, 3600]))
        permissionLifetimeSeconds = UInt32(chance.pick([300, 300, 40]))
        channelLifetimeSeconds = UInt32(chance.pick([600, 600, 75]))
        bufferCount = chance.chance(20) ? chance.within(4...12) : 64
        sendSlots = chance.chance(20) ? chance.within(4...12) : 48
        isSegmenting = !chance.chance(20)
        canSetDontFragment = bandwidth > 0 || chance.chance(70)
        start = .seconds(chance.within(1...1_000_000)) + UInt64(chance.below(1_000_000_000))
        startUnixSeconds = UInt64(chance.within(1_600_000_000...2_000_000_000))
        duration = .seconds(chance.pick([60, 600, 1800, 5400]))
        expiryLag = .seconds(chance.pick([0, 0, 2, 60, 400]))
        actions = chance.within(60...300)
        secret = chance.bytes(20)
        users = []
        network = Self.conditions(&chance)
        faults = Self.faults(&chance)
        users = someUsers(&chance)
    }

    /// The code of the second of the Unix clock at a simulated time.
    func unixSeconds(at time: Nanoseconds) -> UInt64 {
        startUnixSeconds + (time - start) / 1_000_000_000
    }

    private func someUsers(_ chance: inout SeededGenerator) -> [User] {
        var result = (0..<chance.within(1...3)).map {
            User(name: "user\($0)", password: "secret\($0)", expirySeconds: nil)
        }
        for index in 0..<chance.below(3) {
            let life = chance.pick([0, 100, 1000, 100_000])
            let expiry = startUnixSeconds + UInt64(life)
            let name = "\(expiry):guest\(index)"
            let code = IntegrityHash.sha1.code(key: secret, of: Array(name.utf8))
            result.append(User(name: name, password: base64(code), expirySeconds: expiry))
        }
        return result
    }

    private static func conditions(_ chance: inout SeededGenerator) -> NetworkConditions {
        let least = chance.pick([5, 200, 20_000])
        return NetworkConditions(
            delay: .microseconds(least) ... .microseconds(least * chance.within(1...3)),
            loss: chance.pick([0, 0, 10, 100]),
            duplication: chance.pick([0, 10, 60]),
            reordering: chance.pick([0, 20, 100]),
            unreachable: chance.pick([0, 10, 300]),
            passWindow: .microseconds(chance.pick([0, 50, 1000])),
            isCoalescing: chance.chance(75)
        )
    }

    private static func faults(_ chance: inout SeededGenerator) -> KernelFaults {
        KernelFaults(
            sendRefused: chance.pick([0, 0, 20, 200]),
            segmentationRefused: chance.pick([0, 0, 100, 1000]),
            openFailure: chance.pick([0, 0, 50, 300]),
            handoverRefused: chance.pick([0, 0, 0, 100]),
            handoverDelay: 0 ... .microseconds(chance.pick([0, 20, 1000, 50_000])),
            completionDelay: chance.chance(50) ? 0...0 : 0 ... .milliseconds(2)
        )
    }
}

/// The base64 text of RFC 4648, as TURN REST passwords are written.
func base64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = Array(bytes[start..<min(start + 3, bytes.count)])
        let value = bigEndianNumber(group + Array(repeating: 0, count: 3 - group.count))
        for place in 0..<4 {
            let digit = Int(value >> UInt64(18 - 6 * place)) & 63
            text.append(place <= group.count ? alphabet[digit] : "=")
        }
    }
    return text
}
