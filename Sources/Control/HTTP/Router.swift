/// Which route answers which path.

import NIOHTTP1

/// Routes in the order they were added; the first that fits answers.
struct Router {
    /// Answers a request at once, or throws the refusal; runs on the event loop and must not block.
    typealias Answer = (Request) throws(Response) -> Response
    /// The same, for what may take its time.
    typealias Replying = (Request) throws(Response) -> Reply

    private struct Route {
        let method: HTTPMethod
        let pattern: [Substring]
        let reply: Replying
    }

    private var routes: [Route] = []

    /// Adds a route that answers at once.
    ///
    /// - Parameters:
    ///   - method: The method it answers; GET answers HEAD too.
    ///   - pattern: A path such as `/join/{room}`.
    ///   - answer: What answers; `request.names` holds what stood in place of `{room}`.
    mutating func on(_ method: HTTPMethod, _ pattern: String, _ answer: @escaping Answer) {
        on(method, pattern, replying: { (request) throws(Response) in .now(try answer(request)) })
    }

    /// Adds a route that may take its time.
    mutating func on(_ method: HTTPMethod, _ pattern: String, replying: @escaping Replying) {
        routes.append(
            Route(method: method, pattern: pattern.split(separator: "/"), reply: replying)
        )
    }

    /// The answer of the first route that fits.
    ///
    /// - Returns: Nil when no route has this path. When one has, but not with this method: what it knows for OPTIONS,
    ///   405 for others.
    func reply(to request: Request) -> Reply? {
        var request = request
        let method = request.method == .HEAD ? .GET : request.method
        var methods: [String] = []
        for route in routes {
            guard let names = Self.match(route.pattern, request.segments) else { continue }
            methods.append(route.method.rawValue)
            if route.method != method { continue }
            request.names = names
            do throws(Response) { return try route.reply(request) } catch { return .now(error) }
        }
        if methods.isEmpty { return nil }
        let allowed = methods.joined(separator: ", ")
        var response =
            method == .OPTIONS
            ? Response.empty(.noContent)
            : request.refusal(.methodNotAllowed, "this path knows \(allowed)")
        response.headers.add(name: "Allow", value: allowed)
        return .now(response)
    }

    private static func match(_ pattern: [Substring], _ segments: [String]) -> [String: String]? {
        if pattern.count != segments.count { return nil }
        var names: [String: String] = [:]
        for (part, segment) in zip(pattern, segments) {
            if part.hasPrefix("{") {
                names[String(part.dropFirst().dropLast())] = segment
            } else if part != segment {
                return nil
            }
        }
        return names
    }
}
