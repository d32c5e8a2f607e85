/// Scripts, styles and pictures of the pages, embedded in the program.

import NIOCore
import NIOHTTP1

/// A file under `/assets/`.
struct Asset {
    private let type: String
    private let body: ByteBuffer
    /// Changes whenever the bytes do, so that a browser asks once and keeps what it has.
    private let tag: String

    private init(type: String, _ bytes: [UInt8]) {
        self.type = type
        body = ByteBuffer(bytes: bytes)
        // FNV-1a: no secret, just a name for these bytes.
        let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01b3
        }
        tag = "\"\(String(hash, radix: 16))\""
    }

    /// The file, or 304 for a browser that has it.
    func response(to request: Request) -> Response {
        let isKnown = request.headers[canonicalForm: "If-None-Match"].contains { $0 == tag }
        var response =
            isKnown ? Response.empty(.notModified) : Response(.ok, type: type, body)
        response.headers.add(name: "ETag", value: tag)
        response.headers.add(name: "Cache-Control", value: "no-cache")
        return response
    }

    private static let types = [
        "js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8",
        "svg": "image/svg+xml",
    ]

    /// Every file by its name.
    static let all = files.reduce(into: [String: Asset]()) { all, file in
        let ending = file.name.split(separator: ".").last.map(String.init) ?? ""
        all[file.name] = Asset(type: types[ending] ?? "", file.bytes)
    }

    private static let files: [(name: String, bytes: [UInt8])] = [
        ("call.js", PackageResources.call_js), ("chart.js", PackageResources.chart_js),
        ("chat.js", PackageResources.chat_js), ("controls.js", PackageResources.controls_js),
        ("devices.js", PackageResources.devices_js),
        ("event-stream.js", PackageResources.event_stream_js),
        ("figures.js", PackageResources.figures_js), ("frame.js", PackageResources.frame_js),
        ("full.js", PackageResources.full_js), ("ice-servers.js", PackageResources.ice_servers_js),
        ("landing.js", PackageResources.landing_js), ("live.js", PackageResources.live_js),
        ("local-media.js", PackageResources.local_media_js),
        ("options.js", PackageResources.options_js), ("page.js", PackageResources.page_js),
        ("peer.js", PackageResources.peer_js), ("pictures.js", PackageResources.pictures_js),
        ("rooms.js", PackageResources.rooms_js), ("sdp.js", PackageResources.sdp_js),
        ("seat.js", PackageResources.seat_js), ("session.js", PackageResources.session_js),
        ("statistics.js", PackageResources.statistics_js),
        ("text-channel.js", PackageResources.text_channel_js),
        ("units.js", PackageResources.units_js),
        ("call-panels.css", PackageResources.call_panels_css),
        ("call.css", PackageResources.call_css), ("landing.css", PackageResources.landing_css),
        ("live.css", PackageResources.live_css),
        ("parameters.css", PackageResources.parameters_css),
        ("style.css", PackageResources.style_css), ("icons.svg", PackageResources.icons_svg),
        ("logo.svg", PackageResources.logo_svg),
    ]
}
