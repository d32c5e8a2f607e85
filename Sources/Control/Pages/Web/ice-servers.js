/** The relay's addresses and this call's credentials for it. */

/**
 * Asks the server, and keeps the URLs of the wanted transports.
 *
 * @param {string} url `ice_server_url` of the params; empty: there is none. Its key does not last as long as a call.
 * @param {string} transports `udp`, `tcp`, both with a comma, or empty for all.
 * @param {{room: string, client: string}} seat What proves to our own server that we may still ask.
 */
export async function fetchICEServers(url, transports, seat) {
    if (!url) return [];
    const place = new URL(here(url));
    if (place.host === location.host) {
        for (const [name, value] of Object.entries(seat)) place.searchParams.set(name, value);
    }
    const response = await fetch(place, { method: "POST", signal: AbortSignal.timeout(8000) });
    if (!response.ok) throw new Error(`the server answers ${response.status}`);
    const { iceServers } = await response.json();
    return iceServers
        .map((server) => ({ ...server, urls: server.urls.filter((each) => isWanted(each, transports)) }))
        .filter((server) => server.urls.length > 0);
}

/** A URL of our own server as this page reaches it, also through a proxy that speaks TLS for it. */
export function here(url) {
    const absolute = new URL(url, location.href);
    if (absolute.host === location.host) {
        absolute.protocol = absolute.protocol.startsWith("ws")
            ? location.protocol.replace("http", "ws")
            : location.protocol;
    }
    return absolute.href;
}

function isWanted(url, transports) {
    if (!transports || url.startsWith("stun")) return true;
    const transport = /[?&]transport=(\w+)/.exec(url)?.[1] ?? (url.startsWith("turns") ? "tcp" : "udp");
    return transports.split(",").includes(transport);
}
