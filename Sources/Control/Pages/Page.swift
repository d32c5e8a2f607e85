/// The web pages, and how what the server knows gets into them.

import FoundationEssentials
import NIOCore
import NIOHTTP1

/// A page of HTML embedded in the program.
enum Page: CaseIterable {
    /// Where a room is chosen.
    case landing
    /// A call; the values are the params object of a room page, such as `room_id` and `room_link`.
    case call
    /// Instead of a call, when every seat is taken.
    case full
    /// Charts of what the relay does.
    case live
    /// What the query of a call page may say.
    case parameters

    /// The page with these values, whatever characters they hold.
    ///
    /// - Parameter values: What the page's scripts read from `<script id="values">`; `header_message` and `version` mean
    ///   the same on every page.
    /// - Returns: The whole response; its policy allows nothing but our own files.
    func response(values: [String: String] = [:]) -> Response {
        let (before, after) = Self.templates[self] ?? ("", "")
        let html = ByteBuffer(string: before + Self.json(values) + after)
        var response = Response(.ok, type: "text/html; charset=utf-8", html)
        response.headers.add(name: "Content-Security-Policy", value: Self.contentSecurityPolicy)
        response.headers.add(name: "Permissions-Policy", value: Self.permissionsPolicy)
        response.headers.add(name: "Cache-Control", value: "no-store")
        return response
    }

    private var html: [UInt8] {
        switch self {
        case .landing: PackageResources.landing_html
        case .call: PackageResources.call_html
        case .full: PackageResources.full_html
        case .live: PackageResources.live_html
        case .parameters: PackageResources.parameters_html
        }
    }

    /// What stands before and after the values; the files hold `{}` between.
    private static let templates: [Page: (before: String, after: String)] = {
        let marker = #"<script type="application/json" id="values">"#
        return Dictionary(
            uniqueKeysWithValues: allCases.map { page in
                let text = String(decoding: page.html, as: UTF8.self)
                guard let range = text.firstRange(of: marker + "{}") else {
                    preconditionFailure("\(page) has no place for values")
                }
                return (
                    page, (text[..<range.lowerBound] + marker, String(text[range.upperBound...]))
                )
            }
        )
    }()

    /// Values as a JSON object that cannot end the script element it stands in.
    private static func json(_ values: [String: String]) -> String {
        jsonText(values).replacing("<", with: "\\u003c")
    }

    /// Nothing from elsewhere, no inline script or style, no frame around us; `blob:` is for the camera's picture.
    static let contentSecurityPolicy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'",
        "connect-src 'self'", "media-src 'self' blob:", "form-action 'self'", "base-uri 'none'",
        "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
    ].joined(separator: "; ")

    private static let permissionsPolicy =
        "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), geolocation=()"
}
