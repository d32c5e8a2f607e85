/**
 * The peer connection of one call: offers and answers, tracks, the data channel.
 *
 * Only the initiator offers, as AppRTC's clients expect; both pictures and voices have their place from the first offer
 * on, so that a camera or a screen that comes later needs no other.
 */

import { sessionOf, tuned } from "./sdp.js";

const KINDS = ["audio", "video"];

/**
 * Events: `state` (the connection's), `tracks` (the other side's), `channel` (the data channel is open), `replaced`
 * (another peer connection speaks; `detail` is its message).
 */
export class Peer extends EventTarget {
    #options;
    #send;
    #tracks;
    #stream = new MediaStream();
    #work = Promise.resolve();
    #early = [];
    #session;

    /** The other side's picture and voice. */
    remoteStream = new MediaStream();
    /** The data channel, once there is one. */
    channel = null;

    /**
     * @param {object} setup
     * @param {RTCConfiguration} setup.configuration
     * @param {boolean} setup.isInitiator
     * @param {{audio: MediaStreamTrack?, video: MediaStreamTrack?}} setup.tracks What we send.
     * @param {object} setup.options Of `parseOptions`.
     * @param {(message: object) => void} setup.send Gives a message to signalling.
     */
    constructor({ configuration, isInitiator, tracks, options, send }) {
        super();
        this.isInitiator = isInitiator;
        this.#options = options;
        this.#send = send;
        this.#tracks = tracks;
        this.connection = new RTCPeerConnection(configuration);
        this.#listen();
        if (isInitiator) this.#begin();
    }

    /** Takes a message of the other side; they are worked on one after the other. */
    receive(message) {
        if (message.sdp && this.#isFromAnother(message.sdp)) {
            this.dispatchEvent(new CustomEvent("replaced", { detail: message }));
            return;
        }
        this.#work = this.#work.then(() => this.#handle(message)).catch((error) => {
            if (this.connection.signalingState !== "closed") console.info(`negotiation: ${error.message}`);
        });
    }

    /** Sends other tracks from now on; null sends nothing of that kind. */
    async replaceTracks(tracks) {
        this.#tracks = tracks;
        for (const kind of KINDS) {
            if (this.connection.signalingState === "closed") return;
            await this.#transceiver(kind)?.sender.replaceTrack(tracks[kind]);
        }
    }

    /** Looks for another route; only the initiator may, the other side waits for it. */
    async restart(iceServers) {
        if (!this.isInitiator || this.connection.signalingState !== "stable") return;
        if (iceServers?.length) this.connection.setConfiguration({ ...this.connection.getConfiguration(), iceServers });
        this.connection.restartIce();
        await this.#offer();
    }

    close() {
        this.connection.close();
    }

    #begin() {
        this.#adopt(this.connection.createDataChannel("chat"));
        for (const kind of KINDS) {
            const transceiver = this.connection.addTransceiver(this.#tracks[kind] ?? kind, {
                direction: "sendrecv",
                streams: [this.#stream],
            });
            this.#preferCodecs(transceiver, kind);
        }
        this.#work = this.#work.then(() => this.#offer());
    }

    #listen() {
        const { connection } = this;
        connection.addEventListener("icecandidate", ({ candidate }) => {
            if (!candidate?.candidate) return;
            this.#send({
                type: "candidate",
                label: candidate.sdpMLineIndex,
                id: candidate.sdpMid,
                candidate: candidate.candidate,
            });
        });
        connection.addEventListener("connectionstatechange", () => this.dispatchEvent(new Event("state")));
        connection.addEventListener("datachannel", ({ channel }) => this.#adopt(channel));
        connection.addEventListener("track", ({ track }) => {
            this.remoteStream.addTrack(track);
            for (const event of ["mute", "unmute"]) {
                track.addEventListener(event, () => this.dispatchEvent(new Event("tracks")));
            }
            this.dispatchEvent(new Event("tracks"));
        });
    }

    #adopt(channel) {
        this.channel = channel;
        channel.addEventListener("open", () => this.dispatchEvent(new Event("channel")));
    }

    async #handle(message) {
        if (message.type === "offer" && !this.isInitiator) await this.#answer(message);
        else if (message.type === "answer" && this.isInitiator) await this.#accept(message);
        else if (message.type === "candidate") await this.#addCandidate(message);
    }

    async #offer() {
        await this.connection.setLocalDescription();
        this.#sendDescription();
    }

    async #answer({ sdp }) {
        await this.#setRemoteDescription("offer", sdp);
        for (const kind of KINDS) {
            const transceiver = this.#transceiver(kind);
            if (!transceiver) continue;
            transceiver.direction = "sendrecv";
            transceiver.sender.setStreams?.(this.#stream);
            this.#preferCodecs(transceiver, kind);
            await transceiver.sender.replaceTrack(this.#tracks[kind]);
        }
        await this.connection.setLocalDescription();
        this.#sendDescription();
        await this.#limitBitrates();
    }

    async #accept({ sdp }) {
        if (this.connection.signalingState !== "have-local-offer") return;
        await this.#setRemoteDescription("answer", sdp);
        await this.#limitBitrates();
    }

    async #addCandidate(message) {
        if (!this.connection.remoteDescription) {
            this.#early.push(message);
            return;
        }
        const { label, id, candidate } = message;
        // One that is of no use, such as a late one of an earlier call, must not stop the others.
        await this.connection.addIceCandidate({ sdpMLineIndex: label, sdpMid: id, candidate }).catch(() => {});
    }

    /** True for a description of another peer connection than the one we talk to. */
    #isFromAnother(sdp) {
        const session = sessionOf(sdp);
        this.#session ??= session;
        return this.#session !== session;
    }

    async #setRemoteDescription(type, sdp) {
        const { startBitrate, opus } = this.#options;
        await this.connection.setRemoteDescription({ type, sdp: tuned(sdp, { opus, startBitrate }) });
        for (const message of this.#early.splice(0)) await this.#addCandidate(message);
    }

    #sendDescription() {
        const { type, sdp } = this.connection.localDescription;
        const { receiveBitrate, opus } = this.#options;
        this.#send({ type, sdp: tuned(sdp, { bitrate: receiveBitrate, opus }) });
    }

    #transceiver(kind) {
        return this.connection.getTransceivers().find(({ receiver }) => receiver.track.kind === kind);
    }

    #preferCodecs(transceiver, kind) {
        const wanted = this.#options.codecs[kind].map((name) => `${kind}/${name}`.toLowerCase());
        const codecs = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
        const first = wanted.flatMap((name) => codecs.filter(({ mimeType }) => mimeType.toLowerCase() === name));
        if (first.length === 0 || !transceiver.setCodecPreferences) return;
        transceiver.setCodecPreferences([...first, ...codecs.filter((codec) => !first.includes(codec))]);
    }

    async #limitBitrates() {
        for (const kind of KINDS) {
            const kilobits = this.#options.sendBitrate[kind];
            const sender = this.#transceiver(kind)?.sender;
            const parameters = sender?.getParameters();
            if (!kilobits || !parameters?.encodings?.length) continue;
            parameters.encodings[0].maxBitrate = kilobits * 1000;
            await sender.setParameters(parameters);
        }
    }
}
