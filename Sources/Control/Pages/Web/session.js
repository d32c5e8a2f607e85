/**
 * A call from joining to hanging up: a seat in the room, a peer connection while somebody is there, and what is done
 * when either breaks. Knows nothing of the page.
 */

import { fetchICEServers } from "./ice-servers.js";
import { Peer } from "./peer.js";
import { JoinRefused, Seat } from "./seat.js";

/** A connection that is merely interrupted may come back by itself. */
const PATIENCE_MS = 4000;
/** The time each attempt to get the connection back is given. */
const ATTEMPT_MS = 8000;
/** Attempts with the same peer connection before everything begins anew. */
const ATTEMPTS = 2;
const REJOIN_PAUSE_MS = 2000;

/**
 * Events: `state`, `peer` (there is another peer connection, or none), `notice` (its `detail` is text for people),
 * `refused` (its `detail` is the server's reason).
 *
 * States: `idle`, `joining`, `waiting`, `connected`, `reconnecting`, `left`.
 */
export class Session extends EventTarget {
    #room;
    #query;
    #options;
    #media;
    #seat = null;
    #timer;
    #attempts = 0;
    #joinBegan = 0;
    #configuration = {};
    state = "idle";
    peer = null;
    /** Milliseconds from joining, or from the other side's coming, to the connection. */
    setupMs = undefined;
    /** `performance.now()` when the connection came up. */
    connectedAt = undefined;

    constructor(room, query, options, media) {
        super();
        this.#room = room;
        this.#query = query;
        this.#options = options;
        this.#media = media;
        media.addEventListener("change", () => this.peer?.replaceTracks(media.tracks));
    }

    /** Our id in the room. */
    get seatId() {
        return this.#seat?.params.client_id;
    }

    /** True while messages can come. */
    get isSignalling() {
        return this.#seat?.isConnected ?? false;
    }

    /** True while we have a seat, whatever our connections do. */
    get isSeated() {
        return this.#seat !== null;
    }

    /** Joins the room; the outcome comes as events. */
    async join() {
        this.#joinBegan = performance.now();
        this.#setState("joining");
        try {
            await this.#takeSeat();
        } catch (error) {
            if (this.state === "left") return;
            this.#setState("left");
            this.#tell("refused", error instanceof JoinRefused ? error.reason : error.message);
        }
    }

    /** Ends the call. */
    async hangUp() {
        this.#setState("left");
        this.#closePeer();
        await this.#seat?.leave();
        this.#seat = null;
    }

    /** Ends the call from a page that is being closed. */
    abandon() {
        this.#seat?.abandon();
        this.#closePeer();
    }

    async #takeSeat() {
        const seat = await Seat.take(this.#room, this.#query);
        this.#closePeer();
        this.#seat = seat;
        seat.addEventListener("message", ({ detail }) => this.#receive(seat, detail));
        seat.addEventListener("interrupted", () => this.#tell("notice", "The server is not reached; trying again…"));
        seat.addEventListener("resumed", () => this.#tell("notice", ""));
        seat.addEventListener("lost", () => this.#rejoin(seat));
        // The peer connection must be there before the socket brings its first message.
        this.#configuration = await this.#makeConfiguration();
        if (!this.#isCurrent(seat)) return;
        this.#setState(seat.isInitiator ? "waiting" : "joining");
        this.#startPeer();
        for (const message of seat.earlierMessages) this.#receive(seat, message);
        await seat.connect();
    }

    /** True unless the call ended, or went on elsewhere, while something was waited for. */
    #isCurrent(seat) {
        if (this.state !== "left" && this.#seat === seat) return true;
        seat.leave();
        return false;
    }

    async #makeConfiguration() {
        const { iceServers = [], iceTransports, ...rest } = JSON.parse(this.#seat.params.pc_config);
        const own = await this.#freshServers();
        const iceTransportPolicy = iceTransports === "relay" ? "relay" : "all";
        return { ...rest, iceServers: [...iceServers, ...own], iceTransportPolicy };
    }

    async #freshServers() {
        const { ice_server_url: url, ice_server_transports: transports, room_id, client_id } = this.#seat.params;
        try {
            return await fetchICEServers(url, transports, { room: room_id, client: client_id });
        } catch (error) {
            const isNews = this.connectedAt === undefined;
            if (isNews) this.#tell("notice", `There is no relay for this call: ${error.message}.`);
            return [];
        }
    }

    #startPeer() {
        const seat = this.#seat;
        const peer = new Peer({
            configuration: this.#configuration,
            isInitiator: seat.isInitiator,
            tracks: this.#media.tracks,
            options: this.#options,
            send: (message) => seat.send(message),
        });
        this.peer = peer;
        this.#attempts = 0;
        peer.addEventListener("state", () => this.#follow(peer));
        peer.addEventListener("replaced", ({ detail }) => this.#replacePeer(detail));
        // Somebody is there, and will offer; the initiator may wait for ever.
        if (!seat.isInitiator) this.#recoverAfter(ATTEMPT_MS);
        this.dispatchEvent(new Event("peer"));
    }

    #closePeer() {
        clearTimeout(this.#timer);
        this.peer?.close();
        this.peer = null;
        this.connectedAt = undefined;
        this.dispatchEvent(new Event("peer"));
    }

    #receive(seat, message) {
        if (seat !== this.#seat || this.state === "left") return;
        if (message.type === "bye") this.#waitForAnother();
        else this.peer?.receive(message);
        if (message.type === "answer" && this.state === "waiting") {
            this.#joinBegan = performance.now();
            this.#setState("joining");
        }
    }

    /** The other side is gone: whoever comes next gets our offer. */
    #waitForAnother() {
        this.#tell("notice", "The other side hung up.");
        this.#beginAnew();
    }

    #beginAnew() {
        this.#seat.isInitiator = true;
        this.#closePeer();
        this.#setState("waiting");
        this.#startPeer();
    }

    /** Somebody else's description: offer to them when that is our part, else take their offer. */
    #replacePeer(message) {
        if (this.#seat.isInitiator) {
            this.#beginAnew();
            return;
        }
        this.#closePeer();
        this.#startPeer();
        this.peer.receive(message);
    }

    #follow(peer) {
        if (peer !== this.peer) return;
        switch (peer.connection.connectionState) {
            case "connected":
                clearTimeout(this.#timer);
                this.#attempts = 0;
                this.connectedAt ??= performance.now();
                this.setupMs = this.connectedAt - this.#joinBegan;
                this.#tell("notice", "");
                this.#setState("connected");
                break;
            case "disconnected":
                this.#setState("reconnecting");
                this.#recoverAfter(PATIENCE_MS);
                break;
            case "failed":
                this.#setState("reconnecting");
                this.#recoverAfter(0);
                break;
        }
    }

    #recoverAfter(milliseconds) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#recover(), milliseconds);
    }

    /** The initiator looks for another route, the other side waits for that; in the end both begin anew. */
    async #recover() {
        const { peer } = this;
        this.#attempts += 1;
        if (this.#attempts > ATTEMPTS) {
            if (this.#seat.isInitiator) this.#beginAnew();
            else this.#rejoin(this.#seat);
            return;
        }
        this.#recoverAfter(ATTEMPT_MS);
        if (this.#seat.isInitiator) await peer.restart(await this.#freshServers());
    }

    /** Leaves and joins again until that works; the pictures stay as long as they move. */
    async #rejoin(lost) {
        if (this.#seat !== lost) return;
        this.#seat = null;
        clearTimeout(this.#timer);
        this.#setState("reconnecting");
        await lost.leave();
        while (this.state !== "left") {
            try {
                await this.#takeSeat();
                return;
            } catch (error) {
                const why = error instanceof JoinRefused ? error.message : "The server does not answer.";
                this.#tell("notice", `${why} Trying again…`);
                await new Promise((resolve) => setTimeout(resolve, REJOIN_PAUSE_MS));
            }
        }
    }

    #setState(state) {
        if (this.state === state) return;
        this.state = state;
        this.dispatchEvent(new Event("state"));
    }

    #tell(event, detail) {
        this.dispatchEvent(new CustomEvent(event, { detail }));
    }
}
