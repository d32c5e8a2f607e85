/**
 * Our seat in a room: joining, messages both ways, leaving.
 *
 * Speaks the protocol of AppRTC: the initiator posts its messages, the other side sends them over its WebSocket, and
 * both receive over it. A seat outlives its socket by some seconds, so a lost socket is opened again.
 */

import { here } from "./ice-servers.js";

/** How long the server keeps a seat without a socket. */
const GRACE_MS = 10_000;
const RETRY_MS = 500;

/** The server did not give us a seat; `reason` is its word for why, such as `FULL`. */
export class JoinRefused extends Error {
    constructor(reason) {
        super(`The room answers ${reason}.`);
        this.reason = reason;
    }
}

/**
 * Events: `message` (its `detail` is the other side's message), `interrupted` and `resumed` (the socket),
 * `lost` (the seat is gone).
 */
export class Seat extends EventTarget {
    #socket = null;
    #left = false;
    #lostAt = 0;
    #unsent = [];
    #posting = Promise.resolve();

    /** Takes a seat; `query` is the page's own, as the server wants it with every request. */
    static async take(room, query) {
        const response = await fetch(`/join/${encodeURIComponent(room)}${query}`, { method: "POST" });
        if (!response.ok) throw new JoinRefused(`HTTP ${response.status}`);
        const { result, params } = await response.json();
        if (result !== "SUCCESS") throw new JoinRefused(result);
        return new Seat(params, query);
    }

    constructor(params, query) {
        super();
        this.params = params;
        this.isInitiator = params.is_initiator === "true";
        this.query = query;
        this.path = `${encodeURIComponent(params.room_id)}/${encodeURIComponent(params.client_id)}`;
        addEventListener("online", this.#retryNow);
    }

    /** What the other side said before we came. */
    get earlierMessages() {
        return this.params.messages.map((text) => JSON.parse(text));
    }

    get isConnected() {
        return this.#socket?.readyState === WebSocket.OPEN;
    }

    /** Opens the socket and registers; resolves whether or not that works at once, since it is tried again. */
    connect() {
        return new Promise((resolve) => {
            const socket = new WebSocket(here(this.params.wss_url));
            this.#socket = socket;
            socket.addEventListener("open", () => {
                this.#register(socket);
                resolve();
            });
            socket.addEventListener("message", ({ data }) => this.#receive(data));
            socket.addEventListener("close", () => {
                resolve();
                if (socket === this.#socket) this.#reopen();
            });
        });
    }

    /** Sends a message to the other side. */
    send(message) {
        const text = JSON.stringify(message);
        if (this.isInitiator) this.#post(text);
        else if (this.isConnected) this.#sendOverSocket(text);
        else this.#unsent.push(text);
    }

    /** Gives the seat back, then says bye: only in this order can the other side call again at once. */
    async leave() {
        if (this.#left) return;
        this.#end();
        const bye = JSON.stringify({ type: "bye" });
        const collider = here(`${this.params.wss_post_url}/${this.path}`);
        await post(`/leave/${this.path}`);
        if (this.isConnected) this.#sendOverSocket(bye);
        else await post(collider, bye);
        this.#socket?.close();
        await fetch(collider, { method: "DELETE" }).catch(() => {});
    }

    /** As `leave`, with what a page may still do while it is being closed. */
    abandon() {
        if (this.#left) return;
        this.#end();
        navigator.sendBeacon(`/leave/${this.path}`);
        if (this.isConnected) this.#sendOverSocket(JSON.stringify({ type: "bye" }));
        this.#socket?.close();
    }

    #end() {
        this.#left = true;
        removeEventListener("online", this.#retryNow);
    }

    #register(socket) {
        const { room_id: roomid, client_id: clientid } = this.params;
        socket.send(JSON.stringify({ cmd: "register", roomid, clientid }));
        for (const text of this.#unsent.splice(0)) this.#sendOverSocket(text);
        if (this.#lostAt) this.dispatchEvent(new Event("resumed"));
    }

    #sendOverSocket(text) {
        this.#socket.send(JSON.stringify({ cmd: "send", msg: text }));
    }

    /** One post after the other: candidates must not overtake the offer. */
    #post(text) {
        this.#posting = this.#posting.then(async () => {
            const answer = await post(`/message/${this.path}${this.query}`, text);
            const { result } = (await answer?.json().catch(() => null)) ?? {};
            if (result?.startsWith("UNKNOWN")) this.#lose();
        });
    }

    #receive(data) {
        const { msg, error } = JSON.parse(data);
        if (error) console.info(`signalling: ${error}`);
        if (msg) {
            this.#lostAt = 0;
            this.dispatchEvent(new CustomEvent("message", { detail: JSON.parse(msg) }));
        }
    }

    #reopen() {
        if (this.#left) return;
        const now = performance.now();
        if (!this.#lostAt) {
            this.#lostAt = now;
            this.dispatchEvent(new Event("interrupted"));
        }
        if (now - this.#lostAt > GRACE_MS) this.#lose();
        else setTimeout(this.#retryNow, RETRY_MS);
    }

    #retryNow = () => {
        if (!this.#left && this.#socket?.readyState === WebSocket.CLOSED) this.connect();
    };

    #lose() {
        if (!this.#left) this.dispatchEvent(new Event("lost"));
    }
}

/** The answer to a post, or null where there is none. */
async function post(url, body) {
    try {
        return await fetch(url, { method: "POST", body });
    } catch {
        return null;
    }
}
