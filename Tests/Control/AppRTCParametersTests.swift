/// The params object (apprtc.md 2.7) and the query parameters that change it (2.8).

import NIOHTTP1
import Testing

@testable import Control

@Suite struct AppRTCParametersTests {
    private func members(
        _ query: String = "",
        room: String? = "r1",
        headers: HTTPHeaders = [:],
        isEncrypted: Bool = false,
        _ change: (inout ControlConfiguration) -> Void = { _ in }
    ) -> [String: JSONValue] {
        var configuration = ControlConfiguration()
        change(&configuration)
        var all: HTTPHeaders = ["Host": "turn.example.org:8080"]
        all.add(contentsOf: headers)
        let target = query.isEmpty ? "/join/r1" : "/join/r1?" + query
        let request = makeRequest(target, headers: all, isEncrypted: isEncrypted)
        var members = CallParameters(request, ControlContext(configuration), room: room).members
        // Nobody can know the key.
        if case .string(let url)? = members["ice_server_url"] {
            members["ice_server_url"] = .string(url.replacing(/key=[0-9].*\..*/, with: "key=k"))
        }
        return members
    }

    @Test func everyMemberHasTheTypeThatClientsDependOn() {
        let expected: [String: JSONValue] = [
            "room_id": "r1",
            "room_link": "http://turn.example.org:8080/r/r1",
            "wss_url": "ws://turn.example.org:8080/ws",
            "wss_post_url": "http://turn.example.org:8080",
            "pc_config":
                #"{"bundlePolicy":"max-bundle","iceServers":[],"rtcpMuxPolicy":"require"}"#,
            "pc_constraints": #"{"optional":[]}"#,
            "media_constraints": #"{"audio":true,"video":true}"#,
            "offer_options": "{}",
            "is_loopback": "false",
            "bypass_join_confirmation": "false",
            "version_info": "null",
            "ice_server_url": "http://turn.example.org:8080/v1alpha/iceconfig?key=k",
            "ice_server_transports": "",
            "include_loopback_js": "",
            "header_message": .null,
            "error_messages": .array([]),
            "warning_messages": .array([]),
        ]
        #expect(members() == expected)
    }

    @Test func joiningAddsTheInitiatorAsAStringAndMessagesAsStrings() {
        let request = makeRequest("/join/r1", method: .POST)
        let messages = [#"{"type":"offer"}"#]
        let joined = Participation(client: "c1", isInitiator: true, messages: messages, peers: nil)
        let members = CallParameters(request, ControlContext(.init()), joined).members
        #expect(members["is_initiator"] == "true")
        #expect(members["client_id"] == "c1")
        #expect(members["messages"] == .array([#"{"type":"offer"}"#]))
        #expect(members["peers"] == nil)
    }

    @Test func withoutARoomThereIsNoLink() {
        let members = members(room: nil)
        #expect(members["room_id"] == nil && members["room_link"] == nil)
    }

    @Test func theOperatorsChoicesAreTold() {
        let members = members {
            $0.headerMessage = "Hello"
            $0.version = "1.2"
            $0.rooms.bypassesJoinConfirmation = true
        }
        #expect(members["header_message"] == "Hello")
        #expect(members["version_info"] == #"{"branch":"","gitHash":"1.2","time":""}"#)
        #expect(members["bypass_join_confirmation"] == "true")
    }

    @Test func overTLSAllURLsAreSecure() {
        let members = members(isEncrypted: true)
        #expect(members["wss_url"] == "wss://turn.example.org:8080/ws")
        #expect(members["wss_post_url"] == "https://turn.example.org:8080")
        #expect(members["room_link"] == "https://turn.example.org:8080/r/r1")
    }

    @Test func wstlsChoosesTheSchemeAndMakesTheLinkSecureBehindAProxy() {
        let secure = members("wstls=true")
        #expect(secure["wss_url"] == "wss://turn.example.org:8080/ws")
        #expect(secure["room_link"] == "https://turn.example.org:8080/r/r1?wstls=true")
        let plain = members("wstls=false", isEncrypted: true)
        #expect(plain["wss_post_url"] == "http://turn.example.org:8080")
    }

    @Test func wshppNamesOnlyAHostThatTheOperatorAllows() {
        let query = "debug=loopback&ts=&wshpp=localhost:8089&wstls=false"
        let refused = members(query)
        #expect(refused["wss_url"] == "ws://turn.example.org:8080/ws")
        #expect(refused["ice_server_url"] == "")
        #expect(
            refused["warning_messages"]
                == .array([#"The "wshpp" parameter names a host that is not allowed."#])
        )
        let allowed = members(query) { $0.origins = ["http://localhost:8089"] }
        #expect(allowed["wss_url"] == "ws://localhost:8089/ws")
        #expect(allowed["wss_post_url"] == "http://localhost:8089")
        #expect(allowed["warning_messages"] == .array([]))
        #expect(members("wshpp=turn.example.org:8080")["warning_messages"] == .array([]))
    }

    @Test func tsNamesOnlyAProviderThatTheOperatorAllows() {
        #expect(members("ts=")["ice_server_url"] == "")
        let own = "http://turn.example.org:8080/v1alpha/iceconfig?key=k"
        let refused = members("ts=https://evil.example")
        #expect(refused["ice_server_url"] == .string(own))
        #expect(refused["warning_messages"] != .array([]))
        let allowed = members("ts=https://ice.example&apikey=a/b") {
            $0.origins = ["https://ice.example"]
        }
        #expect(
            allowed["ice_server_url"] == "https://ice.example/v1alpha/iceconfig?key=a%2Fb"
        )
    }

    @Test func theLinkKeepsAllParametersAndNoneCanBreakOut() {
        let members = members(#"tt="><script>&audio=true&empty"#)
        let query = "tt=%22%3E%3Cscript%3E&audio=true&empty="
        #expect(members["room_link"] == .string("http://turn.example.org:8080/r/r1?" + query))
        #expect(members["ice_server_transports"] == #""><script>"#)
    }

    @Test func itChoosesTheTransportsOfICEAndTtFiltersServers() {
        let members = members("it=relay&tt=udp")
        #expect(
            members["pc_config"]
                == #"{"bundlePolicy":"max-bundle","iceServers":[],"iceTransports":"relay","rtcpMuxPolicy":"require"}"#
        )
        #expect(members["ice_server_transports"] == "udp")
    }

    @Test func legacyConstraintsAreThereWhenAskedForAndLoopbackTurnsDTLSOff() {
        #expect(
            members("dtls=true&dscp=True&ipv6=false&x=1")["pc_constraints"]
                == #"{"optional":[{"DtlsSrtpKeyAgreement":true},{"googDscp":true},{"googIPv6":false}]}"#
        )
        #expect(
            members("debug=loopback&dtls=true")["pc_constraints"]
                == #"{"optional":[{"DtlsSrtpKeyAgreement":false}]}"#
        )
        #expect(members("dtls=perhaps")["pc_constraints"] == #"{"optional":[]}"#)
    }

    // MARK: Media

    @Test(arguments: [
        ("", #"true"#), ("true", "true"), ("TRUE", "true"), ("false", "false"),
        (
            "minWidth=640,googNoiseReduction=true",
            #"{"mandatory":{"minWidth":"640"},"optional":[{"googNoiseReduction":"true"}]}"#
        ),
        (
            "optional:minWidth=640,mandatory:googX=1",
            #"{"mandatory":{"googX":"1"},"optional":[{"minWidth":"640"}]}"#
        ),
        ("x,=,a=b=c,=1", #"{"mandatory":{},"optional":[]}"#),
    ])
    func aTrackIsABoolOrItsConstraints(text: String, json: String) {
        #expect(CallParameters.track(text).text == json)
    }

    @Test func hdOverridesVideoWithAWarning() {
        let members = members("hd=true&video=minWidth=1")
        let hd = #"{"mandatory":{"minHeight":"720","minWidth":"1280"},"optional":[]}"#
        #expect(members["media_constraints"] == .string(#"{"audio":true,"video":\#(hd)}"#))
        #expect(
            members["warning_messages"]
                == .array([#"The "hd" parameter has overridden video=minWidth=1"#])
        )
    }

    @Test(arguments: [
        ("Mozilla/5.0 Chrome/120", "", true), ("Mozilla/5.0 Chrome/120 Android", "", false),
        ("Mozilla/5.0 Firefox/120", "", false), ("Mozilla/5.0 Chrome/120", "video=true", false),
        ("Mozilla/5.0 Chrome/120", "hd=false", false),
    ])
    func chromeOnADesktopIsAskedForHD(agent: String, query: String, isHD: Bool) {
        let members = members(query, headers: ["User-Agent": agent])
        let hd = #"{"mandatory":{},"optional":[{"minWidth":"1280"},{"minHeight":"720"}]}"#
        let video = isHD ? hd : "true"
        #expect(members["media_constraints"] == .string(#"{"audio":true,"video":\#(video)}"#))
    }

    @Test func aFakeDeviceAndOldParametersAreUnderstood() {
        #expect(
            members("firefox_fake_device=1&audio=false")["media_constraints"]
                == #"{"audio":false,"fake":true,"video":true}"#
        )
        #expect(
            members("minre=1")["warning_messages"]
                == .array([#"The "minre" parameter is no longer supported."#])
        )
    }
}
