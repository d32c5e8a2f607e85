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

    /// Every file by its name.
    static let all: [String: Asset] = scripts.merging(others) { script, _ in script }

    private static let others: [String: Asset] = [
        "style.css": style(PackageResources.style_css),
        "call.css": style(PackageResources.call_css),
        "live.css": style(PackageResources.live_css),
        "logo.svg": picture(PackageResources.logo_svg),
        "icons.svg": picture(PackageResources.icons_svg),
    ]

    private static let scripts: [String: Asset] = [
        "call.js": PackageResources.call_js
    ].mapValues { Asset(type: "text/javascript; charset=utf-8", $0) }

    private static func style(_ bytes: [UInt8]) -> Asset {
        Asset(type: "text/css; charset=utf-8", bytes)
    }

    private static func picture(_ bytes: [UInt8]) -> Asset {
        Asset(type: "image/svg+xml", bytes)
    }
}
