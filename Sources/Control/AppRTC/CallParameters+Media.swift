/// From `audio=`, `video=` and `hd=` of a call's link to the constraints of its camera and microphone (apprtc.md 2.8).

import NIOHTTP1

extension CallParameters {
    /// `{"audio":…,"video":…}`, each a bool or `{"mandatory":{…},"optional":[…]}`.
    mutating func media() -> JSONValue {
        let (asked, hd) = (request.parameter("video") ?? "", request.parameter("hd") ?? "")
        let agent = request.headers.first(name: "User-Agent") ?? ""
        var video = asked
        if hd.lowercased() == "true" {
            video = "mandatory:minWidth=1280,mandatory:minHeight=720"
            if !asked.isEmpty {
                warnings.append(#"The "hd" parameter has overridden video=\#(asked)"#)
            }
        } else if asked.isEmpty, hd.isEmpty, agent.contains("Chrome"), !agent.contains("Android") {
            video = "optional:minWidth=1280,optional:minHeight=720"
        }
        for name in ["minre", "maxre"] where request.parameter(name) != nil {
            warnings.append(#"The "\#(name)" parameter is no longer supported."#)
        }
        let audio = request.parameter("audio") ?? ""
        var members = ["audio": Self.track(audio), "video": Self.track(video)]
        if request.parameter("firefox_fake_device") ?? "" != "" { members["fake"] = .bool(true) }
        return .object(members)
    }

    /// One kind of track: yes, no, or a comma list of `key=value`.
    ///
    /// Keys of Google's are optional and others mandatory, unless `mandatory:` or `optional:` says so; what is no
    /// `key=value` is ignored.
    static func track(_ text: String) -> JSONValue {
        if let isWanted = Bool(text.isEmpty ? "true" : text.lowercased()) { return .bool(isWanted) }
        var mandatory: [String: JSONValue] = [:]
        var optional: [JSONValue] = []
        for item in text.split(separator: ",") {
            let parts = item.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let pair = (parts.last ?? "").split(separator: "=", omittingEmptySubsequences: false)
            guard pair.count == 2, !pair[0].isEmpty else { continue }
            let (key, value) = (String(pair[0]), JSONValue.string(String(pair[1])))
            if parts.count == 2 ? parts[0] == "mandatory" : !key.hasPrefix("goog") {
                mandatory[key] = value
            } else {
                optional.append(.object([key: value]))
            }
        }
        return .object(["mandatory": .object(mandatory), "optional": .array(optional)])
    }
}
