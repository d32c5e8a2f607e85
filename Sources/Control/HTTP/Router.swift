/// Which route answers which path.

import NIOHTTP1

/// What the parts of a path in braces stood for, such as `["room": "r1"]`.
typealias PathParameters = [String: String]

/// Routes in the order they were added; the first that fits answers.
struct Router {
    typealias Action = (Request, PathParameters) -> Reply

    private struct Route {
        let method: HTTPMethod
        let pattern: [Substring]
        let action: Action
    }

    private var routes: [Route] = []

    /// Adds a route.
    ///
    /// - Parameters:
    ///   - method: The method it answers; GET answers HEAD too.
    ///   - pattern: A path such as `/join/{room}`.
    ///   - action: What answers; runs on the event loop and must not block.
    mutating func on(_ method: HTTPMethod, _ pattern: String, _ action: @escaping Action) {
        routes.append(Route(method: method, pattern: pattern.split(separator: "/"), action: action))
    }

    /// The answer of the first route that fits.
    ///
    /// - Returns: Nil when no route has this path; 405 when one has, but not with this method.
    func reply(to request: Request) -> Reply? {
        let method = request.method == .HEAD ? .GET : request.method
        for route in routes where route.method == method {
            guard let parameters = Self.match(route.pattern, request.segments) else { continue }
            return route.action(request, parameters)
        }
        let others = methods(of: request)
        if others.isEmpty { return nil }
        var refusal =
            request.segments.first == "api"
            ? Response.problem(
                .methodNotAllowed,
                "this path knows \(others.joined(separator: ", "))"
            )
            : Response.text(.methodNotAllowed, "Method Not Allowed\n")
        refusal.headers.add(name: "Allow", value: others.joined(separator: ", "))
        return .now(refusal)
    }

    /// The methods that routes have for this path, none for an unknown path.
    func methods(of request: Request) -> [String] {
        routes.filter { Self.match($0.pattern, request.segments) != nil }.map(\.method.rawValue)
    }

    private static func match(_ pattern: [Substring], _ segments: [String]) -> PathParameters? {
        if pattern.count != segments.count { return nil }
        var parameters: PathParameters = [:]
        for (part, segment) in zip(pattern, segments) {
            if part.hasPrefix("{") {
                parameters[String(part.dropFirst().dropLast())] = segment
            } else if part != segment {
                return nil
            }
        }
        return parameters
    }
}
