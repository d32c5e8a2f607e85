/// The pages that need no room, and the files of all pages.

import NIOHTTP1

/// Routes of pages and their files; `/` and `/r/{room}` are the room server's.
struct PageRoutes {
    private let configuration: ControlConfiguration
    private let values: [String: String]

    /// Routes of pages that show the operator's message and the version.
    init(_ configuration: ControlConfiguration) {
        self.configuration = configuration
        values = [
            "header_message": configuration.headerMessage, "version": configuration.version,
        ]
    }

    /// Adds them.
    func add(to router: inout Router) {
        router.on(.GET, "/assets/{name}") { request, parameters in
            guard let asset = Asset.all[parameters["name"] ?? ""] else {
                return .now(.text(.notFound, "Not Found\n"))
            }
            return .now(asset.response(to: request))
        }
        router.on(.GET, "/params.html") { _, _ in .now(Page.parameters.response(values: values)) }
        router.on(.GET, "/live") { request, _ in
            let needsToken = request.mayWatch(configuration) ? "false" : "true"
            let own = values.merging(["needs_token": needsToken]) { $1 }
            return .now(Page.live.response(values: own))
        }
        router.on(.GET, "/robots.txt") { _, _ in
            .now(.text(.ok, "User-agent: *\nDisallow: /r/\n"))
        }
    }
}
