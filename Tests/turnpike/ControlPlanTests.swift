/// What is decided about the control plane before it starts.

import Foundation
import Glibc
import STUN
import Testing
import Tunables

@testable import Control
@testable import turnpike

@Suite struct ControlPlanTests {
    private func plan(
        _ overrides: String...,
        allowed: [Int] = [0, 1, 2],
        check: (ControlPlan, StateDirectory) throws -> Void
    ) throws {
        let path = NSTemporaryDirectory() + "turnpike-control-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        let settings = try Settings.load(
            directory: nil,
            overrides: ["control/http="] + overrides
        ).settings
        let state = try StateDirectory(named: path)
        let plan = try ControlPlan(
            settings,
            state: state,
            turn: ([try #require(TransportAddress("127.0.0.1:3999"))], [], "a TURN secret"),
            processors: try Processors(settings.threads, allowed: allowed)
        )
        try check(plan, state)
    }

    private func problem(_ overrides: String...) -> String {
        do {
            try plan(overrides.joined(separator: "\n")) { _, _ in }
            return "none"
        } catch {
            return "\(error)"
        }
    }

    @Test func tokensAreMadeOnceForTheirOwnerOnly() throws {
        try plan { plan, state in
            let configuration = plan.configuration
            #expect(configuration.adminToken.count == 64)
            #expect(configuration.roomTokenKey.count == 64)
            #expect(configuration.adminToken != configuration.roomTokenKey)
            let adminToken = try state.value(of: .adminToken)
            let roomTokenKey = try state.value(of: .roomTokenKey)
            #expect(adminToken == configuration.adminToken)
            #expect(roomTokenKey == configuration.roomTokenKey)
            #expect(state.secretsReadableByOthers.isEmpty)
            chmod(state.path(of: .adminToken), 0o640)
            #expect(state.secretsReadableByOthers == [state.path(of: .adminToken)])
        }
    }

    @Test func settingsReachTheControlPlane() throws {
        try plan(
            "control/http=127.0.0.1:34790 [::1]:34790",
            "control/admin_token=0123456789abcdef",
            "control/header_message=hello",
            "rooms/token_key=fedcba9876543210",
            "rooms/capacity=4",
            "rooms/grace_s=3",
            "ice/urls=turn:turn.example.org",
            "ice/lifetime_s=600",
            "listen/tls=0.0.0.0:5349 [::]:5349"
        ) { plan, state in
            let configuration = plan.configuration
            #expect(configuration.http.map(\.description) == ["127.0.0.1:34790", "[::1]:34790"])
            #expect(configuration.https.isEmpty)
            let outside = try #require(IPAddress("192.0.2.1"))
            #expect(plan.pages(outside: outside) == ["http://127.0.0.1:34790/"])
            #expect(configuration.adminSocket == state.path + "/admin.sock")
            #expect(configuration.adminToken == "0123456789abcdef")
            #expect(configuration.roomTokenKey == "fedcba9876543210")
            #expect(configuration.headerMessage == "hello")
            #expect(configuration.rooms.capacity == 4 && configuration.rooms.graceSeconds == 3)
            #expect(configuration.ice.urls == ["turn:turn.example.org"])
            #expect(configuration.ice.lifetimeSeconds == 600)
            #expect(configuration.ice.udpPort == 3999 && configuration.ice.tlsPort == 5349)
            #expect(configuration.ice.secret == "a TURN secret")
            #expect(!FileManager.default.fileExists(atPath: state.path(of: .adminToken)))
        }
    }

    @Test func aSharedPortHasTheHTTPSPages() throws {
        let outside = try #require(IPAddress("2001:db8::1"))
        let tls = "listen/tls=0.0.0.0:443"
        try plan("listen/share_http=1", tls) { plan, _ in
            #expect(plan.configuration.sharesPorts)
            #expect(plan.pages(outside: outside) == ["https://[2001:db8::1]:443/"])
        }
        try plan(tls) { plan, _ in #expect(plan.pages(outside: outside).isEmpty) }
    }

    @Test(arguments: [
        ("127.0.0.1:8080", "127.0.0.1:8080"), ("0.0.0.0:8080 192.0.2.1:9", "127.0.0.1:8080"),
        ("[::]:8080", "[::1]:8080"), ("192.0.2.1:8080", "192.0.2.1:8080"), ("", nil),
    ])
    func sharedPortsReachTheFirstPlainAddress(_ http: String, _ reached: String?) throws {
        let settings = try Settings.load(
            directory: nil,
            overrides: ["control/http=\(http)", "listen/share_http=1"]
        ).settings
        #expect(settings.sharedWebServer?.description == reached)
        #expect(Settings.defaults.sharedWebServer == nil)
    }

    @Test func theControlThreadKeepsOffTheRelayThreads() throws {
        try plan("threads/count=2") { plan, _ in #expect(plan.cpus == [0]) }
        try plan("threads/cpus=1") { plan, _ in #expect(plan.cpus == [0, 2]) }
        try plan(allowed: [5]) { plan, _ in #expect(plan.cpus == [5]) }
    }

    @Test func aTakenPortIsNamed() throws {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var count = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, count) | listen(socket, 1) | getsockname(socket, $0, &count)
            }
        }
        #expect(result == 0)
        let endpoint = "127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        let text = problem("control/http=\(endpoint)")
        #expect(text.hasPrefix("control/http: \(endpoint) is in use by another program"))
    }

    @Test func httpsNeedsACertificateThatIsThere() {
        let endpoint = "control/https=127.0.0.1:34791"
        #expect(problem(endpoint).contains("needs tls/certificate and tls/private_key"))
        do {
            try plan(endpoint, "tls/certificate=/nonexistent/a", "tls/private_key=/nonexistent/b") {
                _,
                _ in
            }
            Issue.record("a certificate that is not there was taken")
        } catch {
            #expect("\(error)" == "tls/certificate: /nonexistent/a: No such file or directory")
        }
    }

    @Test func anAddressOfAnotherMachineIsNamed() {
        let text = problem("control/http=198.51.100.7:34792")
        #expect(text == "control/http: 198.51.100.7:34792 is not an address of this machine")
    }

    @Test func aLongPathOfTheAdminSocketIsNamed() throws {
        let state = try StateDirectory(named: "/" + String(repeating: "d", count: 120))
        #expect(
            AdminSocket.path(Settings.defaults, state)?.utf8.count ?? 0 > AdminSocket.longestPath
        )
        let off = try Settings.load(directory: nil, overrides: ["control/admin=off"]).settings
        #expect(AdminSocket.path(off, state) == nil)
    }
}
