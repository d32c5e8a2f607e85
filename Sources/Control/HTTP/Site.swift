/// Everything that is served, whichever listener the request came through.

import NIOCore
import NIOHTTP1

/// The routes, who may use them from a browser, and who gets the sockets.
struct Site {
    let router: Router
    /// Who may use rooms and sockets from a browser.
    let origins: OriginPolicy
    /// Who hears of WebSockets; without one there is no `/ws`.
    let sockets: (any SocketListener)?
    /// Answers what no route has.
    let fallback: (Request) -> Response

    /// What a request is answered.
    func reply(to request: Request) -> Reply {
        router.reply(to: request) ?? .now(fallback(request))
    }

    /// A response with the headers that every response has, and those that let a page of another origin read it.
    func finished(_ response: Response, to request: Request) -> Response {
        var response = response
        response.addCommonHeaders()
        guard let origin = request.headers.first(name: "Origin") else { return response }
        response.headers.add(name: "Vary", value: "Origin")
        guard origins.allows(request.headers) else {
            response.headers.remove(name: "Access-Control-Allow-Origin")
            return response
        }
        response.headers.replaceOrAdd(name: "Access-Control-Allow-Origin", value: origin)
        if request.method == .OPTIONS {
            let methods = response.headers.first(name: "Allow") ?? "GET, POST, DELETE"
            let allowed = "Authorization, Content-Type"
            response.headers.replaceOrAdd(name: "Access-Control-Allow-Methods", value: methods)
            response.headers.replaceOrAdd(name: "Access-Control-Allow-Headers", value: allowed)
            response.headers.replaceOrAdd(name: "Access-Control-Max-Age", value: "600")
        }
        return response
    }
}
