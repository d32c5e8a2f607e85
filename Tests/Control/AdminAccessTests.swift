/// Who may administer, and who may look on.

import NIOHTTP1
import Testing

@testable import Control

@Suite struct AdminAccessTests {
    private let configuration = {
        var configuration = ControlConfiguration()
        configuration.adminToken = "0123456789abcdef"
        return configuration
    }()

    private func request(
        _ headers: HTTPHeaders,
        from address: String = "127.0.0.1",
        isLocal: Bool = true
    ) -> Request {
        var request = makeRequest("/metrics", headers: headers, from: address, isLocal: isLocal)
        request.peer = request.peer.asker(with: headers)
        return request
    }

    @Test(arguments: ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST", "127.0.0.9"])
    func aProgramOfThisMachineMayWatchButNotAdminister(_ host: String) {
        let request = request(["Host": host])
        #expect(request.mayWatch(configuration))
        #expect(!request.isFromAdmin(configuration))
    }

    @Test func theAdminSocketAndTheTokenMayDoAll() {
        let socket = request([:], from: "")
        #expect(socket.isFromAdmin(configuration) && socket.mayWatch(configuration))
        let headers: HTTPHeaders = ["Authorization": "Bearer 0123456789abcdef"]
        let far = request(headers, from: "198.51.100.7", isLocal: false)
        #expect(far.isFromAdmin(configuration) && far.mayWatch(configuration))
    }

    @Test func othersMayNothing() {
        let plain = request(["Host": "localhost"], from: "198.51.100.7", isLocal: false)
        #expect(!plain.mayWatch(configuration))
        for token in ["", "0123456789abcdee", "0123456789abcdef0"] {
            let headers: HTTPHeaders = ["Authorization": "Bearer \(token)"]
            #expect(!request(headers, from: "", isLocal: false).isFromAdmin(configuration))
        }
        let empty = request(["Authorization": "Bearer "], from: "::1")
        #expect(!empty.isFromAdmin(ControlConfiguration()))
    }

    @Test(arguments: ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"])
    func whomAProxyOfThisMachineAsksForIsNotLocal(_ name: String) {
        #expect(!request(["Host": "localhost", name: "x"]).mayWatch(configuration))
    }

    @Test func aPageOfAnotherSiteIsNotLocal() {
        #expect(!request(["Host": "rebound.example:8080"]).mayWatch(configuration))
        #expect(!request(["Host": "127.example.org"]).mayWatch(configuration))
        #expect(!request(["Host": "localhost.example.org"]).mayWatch(configuration))
        let foreign: HTTPHeaders = ["Host": "localhost:80", "Origin": "https://evil.example"]
        #expect(!request(foreign).mayWatch(configuration))
        let own: HTTPHeaders = ["Host": "localhost:80", "Origin": "http://localhost:80"]
        #expect(request(own).mayWatch(configuration))
    }
}
