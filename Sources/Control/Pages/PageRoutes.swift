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
        router.on(.GET, "/assets/{name}") { request in
            Asset.all[request.names["name"] ?? ""]?.response(to: request)
                ?? .text(.notFound, "Not Found\n")
        }
        router.on(.GET, "/params.html") { _ in Page.parameters.response(values: values) }
        router.on(.GET, "/live") { request in
            let needsToken = request.mayWatch(configuration) ? "false" : "true"
            return Page.live.response(values: values.merging(["needs_token": needsToken]) { $1 })
        }
        router.on(.GET, "/robots.txt") { _ in .text(.ok, "User-agent: *\nDisallow: /r/\n") }
    }
}
