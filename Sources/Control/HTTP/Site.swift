/// Everything that is served, whichever listener the request came through.

import NIOCore
import NIOHTTP1

/// The routes, what they stand on, and who gets the sockets; lives on the event loop.
struct Site {
    let context: ControlContext
    let router: Router
    /// Who hears of WebSockets.
    let sockets: any SocketListener
    /// Answers what no route has.
    let fallback: (Request) -> Response

    var connections: Connections { context.connections }

    /// A response with the headers that every response has, and those that let a page of another origin read it.
    func finished(_ response: Response, to request: HTTPRequestHead) -> Response {
        var response = response
        response.addCommonHeaders()
        guard let origin = request.headers.first(name: "Origin") else { return response }
        response.headers.add(name: "Vary", value: "Origin")
        guard context.origins.allows(request.headers) else {
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
