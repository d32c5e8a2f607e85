/** Server-sent events by fetch: unlike EventSource it can send a token. */

/** The server answered with something other than events. */
export class StreamRefused extends Error {
    constructor(status) {
        super(`The server answers ${status}.`);
        this.status = status;
    }
}

/** The data of each event until the stream ends; throws `StreamRefused` where it does not begin. */
export async function* eventsFrom(url, token) {
    const headers = { Accept: "text/event-stream", ...(token && { Authorization: `Bearer ${token}` }) };
    const response = await fetch(url, { headers, cache: "no-store" });
    if (!response.ok) throw new StreamRefused(response.status);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    while (true) {
        const { value, done } = await reader.read();
        if (done) return;
        const events = (rest + value.replaceAll("\r\n", "\n")).split("\n\n");
        rest = events.pop();
        for (const event of events) {
            const lines = event.split("\n").filter((line) => line.startsWith("data:"));
            const data = lines.map((line) => line.slice(5).trimStart());
            if (data.length > 0) yield data.join("\n");
        }
    }
}
