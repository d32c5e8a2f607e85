/// Values of the network: addresses, prefixes, ports, and lists of CPUs.

import Glibc

/// The two families of addresses in the tree.
private enum Family { case ipv4, ipv6 }

extension ValueType where Value == [String] {
    /// Addresses with ports, IPv6 in brackets.
    static var endpoints: Self {
        let allowed = "addresses with ports, such as \"0.0.0.0:3478 [::]:3478\"; empty: off"
        return ValueType(allowed: allowed) { text in
            let list = words(text)
            return list.allSatisfy(isEndpoint) ? list : nil
        }
    }

    /// For each family no endpoints, or two that differ in address and in port.
    static var natDiscovery: Self {
        let allowed =
            "two addresses with ports of a family, both different, such as \"192.0.2.1:3478 192.0.2.2:3479\", "
            + "or two of each; empty: off"
        return ValueType(allowed: allowed) { text in
            let list = words(text)
            guard list.allSatisfy(isEndpoint) else { return nil }
            let families = [list.filter { $0.hasPrefix("[") }, list.filter { !$0.hasPrefix("[") }]
            return families.allSatisfy(isCrossed) ? list : nil
        }
    }

    /// Endpoints, each with the name in its certificate before it if wanted.
    static var alternates: Self {
        let allowed =
            "addresses with ports, for TLS with a name, such as \"192.0.2.7:3478 turn2.example.org@[2001:db8::7]:5349\""
        return ValueType(allowed: allowed) { text in
            let list = words(text)
            return list.allSatisfy(isAlternate) ? list : nil
        }
    }

    /// At most eight addresses of each family, each once.
    static var relayAddresses: Self {
        let allowed = "up to 8 IPv4 addresses and up to 8 of IPv6; empty: found by itself"
        return ValueType(allowed: allowed) { text in
            let list = words(text)
            let families = list.compactMap(family(of:))
            let most = [Family.ipv4, .ipv6].map { each in families.count { $0 == each } }
            let isGood = families.count == list.count && most.allSatisfy { $0 <= 8 }
            return isGood && Set(list).count == list.count ? list : nil
        }
    }

    /// Addresses, each with the one of the same family that it stands for if it is said which.
    static var externalAddresses: Self {
        let allowed =
            "an address of a family, or PUBLIC/PRIVATE for each of relay/address, such as "
            + "\"203.0.113.7/10.0.0.7 203.0.113.8/10.0.0.8\"; empty: the same as relay/address"
        return ValueType(allowed: allowed) { text in
            let list = words(text)
            let mappings = list.map { word in
                word.split(separator: "/", omittingEmptySubsequences: false).map {
                    family(of: String($0))
                }
            }
            let areGood = mappings.allSatisfy {
                (1...2).contains($0.count) && $0[0] != nil && $0[0] == $0.last
            }
            let alone = mappings.filter { $0.count == 1 }.map { $0[0] }
            return areGood && Set(alone).count == alone.count ? list : nil
        }
    }

    /// Address prefixes.
    static var prefixes: Self {
        let allowed = "prefixes such as \"10.0.0.0/8 fc00::/7 192.0.2.1\", no IPv4-mapped ones"
        return ValueType(allowed: allowed) { text in
            let list = words(text)
            return list.allSatisfy(isPrefix) ? list : nil
        }
    }
}

extension ValueType where Value == ClosedRange<UInt16> {
    /// A range of ports.
    static var ports: Self {
        ValueType(allowed: "two ports from 1024 to 65535, such as 49152-65535") { text in
            let ends = text.split(separator: "-", omittingEmptySubsequences: false)
            guard ends.count == 2, let first = decimal(ends[0]), let last = decimal(ends[1]),
                first >= 1024, first <= last, last <= 65_535
            else { return nil }
            return UInt16(first)...UInt16(last)
        }
    }
}

extension ValueType where Value == [Int] {
    /// CPU numbers and ranges of them.
    static var cpus: Self {
        let allowed = "CPU numbers below 1024 and ranges, such as \"2 4-7\"; empty: all"
        return ValueType(allowed: allowed) { text in
            var cpus: [Int] = []
            for word in words(text) {
                let ends = word.split(separator: "-", omittingEmptySubsequences: false)
                guard ends.count <= 2, let first = decimal(ends[0]),
                    let last = ends.count == 2 ? decimal(ends[1]) : first,
                    first <= last, last < 1024
                else { return nil }
                cpus += first...last
            }
            return Set(cpus).count == cpus.count ? cpus : nil
        }
    }
}

private func family(of address: String) -> Family? {
    var memory = in6_addr()
    if inet_pton(AF_INET, address, &memory) == 1 { return .ipv4 }
    return inet_pton(AF_INET6, address, &memory) == 1 ? .ipv6 : nil
}

private func isIPv4Mapped(_ address: String) -> Bool {
    var memory = in6_addr()
    guard inet_pton(AF_INET6, address, &memory) == 1 else { return false }
    return withUnsafeBytes(of: &memory) { bytes in
        bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
    }
}

private func isEndpoint(_ text: String) -> Bool {
    guard let colon = text.lastIndex(of: ":") else { return false }
    guard let port = decimal(text[text.index(after: colon)...]), (1...65_535).contains(port) else {
        return false
    }
    let host = text[..<colon]
    guard host.hasPrefix("["), host.hasSuffix("]") else {
        return family(of: String(host)) == .ipv4
    }
    return family(of: String(host.dropFirst().dropLast())) == .ipv6
}

/// Whether endpoints of one family are none, or two without an address or a port in common.
private func isCrossed(_ endpoints: [String]) -> Bool {
    guard endpoints.count == 2, let first = endpoints[0].lastIndex(of: ":"),
        let second = endpoints[1].lastIndex(of: ":")
    else { return endpoints.isEmpty }
    return endpoints[0][..<first] != endpoints[1][..<second]
        && decimal(endpoints[0][first...].dropFirst())
            != decimal(endpoints[1][second...].dropFirst())
}

private func isAlternate(_ text: String) -> Bool {
    guard let at = text.lastIndex(of: "@") else { return isEndpoint(text) }
    let name = text[..<at].utf8
    let isName = (1...255).contains(name.count) && name.allSatisfy { (0x21...0x7E).contains($0) }
    return isName && isEndpoint(String(text[text.index(after: at)...]))
}

private func isPrefix(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let family = family(of: String(parts[0])) else { return false }
    // Such an address is looked up as the IPv4 address in it, so that ::ffff:0:0/96 would mean all of IPv4.
    if isIPv4Mapped(String(parts[0])) { return false }
    guard parts.count == 2 else { return true }
    guard let length = decimal(parts[1]) else { return false }
    return length <= (family == .ipv4 ? 32 : 128)
}
