/** What the browser knows of a connection, once a second, as figures for people. */

/** Measures one peer connection; rates are over the time since the last sample. */
export class Statistics {
    #connection;
    #last = new Map();

    constructor(connection) {
        this.#connection = connection;
    }

    /** The figures now; undefined where the browser does not tell, or a rate has no sample before it. */
    async sample() {
        const report = new Map();
        (await this.#connection.getStats()).forEach((entry) => report.set(entry.id, entry));
        const entries = [...report.values()];
        const sample = {
            ...this.#route(report, selectedPair(report, entries)),
            audio: this.#media(report, entries.filter(({ kind }) => kind === "audio")),
            video: this.#media(report, entries.filter(({ kind }) => kind === "video")),
            candidates: {
                local: countTypes(entries, "local-candidate"),
                remote: countTypes(entries, "remote-candidate"),
            },
        };
        this.#last = report;
        return sample;
    }

    #route(report, pair) {
        if (!pair) return { route: undefined };
        const local = candidate(report.get(pair.localCandidateId));
        const remote = candidate(report.get(pair.remoteCandidateId));
        return {
            route: [local, remote].some(({ type }) => type === "relay") ? "relay" : "direct",
            local,
            remote,
            roundTripMs: milliseconds(pair.currentRoundTripTime),
            averageRoundTripMs: milliseconds(pair.totalRoundTripTime / pair.responsesReceived),
            sentBitrate: this.#bitrate(pair, "bytesSent"),
            receivedBitrate: this.#bitrate(pair, "bytesReceived"),
        };
    }

    #media(report, entries) {
        const [sent, received, fromRemote] = ["outbound-rtp", "inbound-rtp", "remote-inbound-rtp"].map((wanted) =>
            entries.find(({ type }) => type === wanted));
        return {
            sent: sent && {
                codec: codecName(report, sent),
                bitrate: this.#bitrate(sent, "bytesSent"),
                packetsPerSecond: this.#rate(sent, "packetsSent"),
                lossPercent: percent(fromRemote?.fractionLost),
                size: size(sent),
                framesPerSecond: sent.framesPerSecond,
                frames: sent.framesEncoded,
                repairs: repairs(sent),
                limitedBy: sent.qualityLimitationReason,
            },
            received: received && {
                codec: codecName(report, received),
                bitrate: this.#bitrate(received, "bytesReceived"),
                packetsPerSecond: this.#rate(received, "packetsReceived"),
                lossPercent: this.#lossPercent(received),
                jitterMs: milliseconds(received.jitter),
                level: received.audioLevel,
                size: size(received),
                framesPerSecond: received.framesPerSecond,
                frames: received.framesDecoded,
                dropped: received.framesDropped,
                repairs: repairs(received),
            },
        };
    }

    #rate(entry, field) {
        const before = this.#last.get(entry.id);
        const seconds = (entry.timestamp - before?.timestamp) / 1000;
        return seconds > 0 ? Math.max(0, entry[field] - before[field]) / seconds : undefined;
    }

    #bitrate(entry, field) {
        const rate = this.#rate(entry, field);
        return rate === undefined ? undefined : rate * 8;
    }

    #lossPercent(received) {
        const before = this.#last.get(received.id);
        if (!before) return undefined;
        const lost = Math.max(0, received.packetsLost - before.packetsLost);
        const all = lost + received.packetsReceived - before.packetsReceived;
        return all > 0 ? (lost / all) * 100 : undefined;
    }
}

function selectedPair(report, entries) {
    const transport = entries.find((entry) => entry.type === "transport" && entry.selectedCandidatePairId);
    if (transport) return report.get(transport.selectedCandidatePairId);
    return entries.find(({ type, state, nominated, selected }) =>
        type === "candidate-pair" && (selected || (nominated && state === "succeeded")));
}

function candidate(entry) {
    if (!entry) return { type: "unknown" };
    return {
        type: entry.candidateType,
        address: entry.address,
        port: entry.port,
        protocol: entry.protocol,
        relayProtocol: entry.relayProtocol,
    };
}

function countTypes(entries, type) {
    const counts = {};
    for (const entry of entries) {
        if (entry.type === type) counts[entry.candidateType] = (counts[entry.candidateType] ?? 0) + 1;
    }
    return counts;
}

const codecName = (report, entry) => report.get(entry.codecId)?.mimeType?.split("/")[1];
const milliseconds = (seconds) => (Number.isFinite(seconds) ? seconds * 1000 : undefined);
const percent = (fraction) => (fraction === undefined ? undefined : fraction * 100);
const size = ({ frameWidth, frameHeight }) => (frameWidth ? `${frameWidth} × ${frameHeight}` : undefined);
const repairs = ({ nackCount, pliCount, firCount }) => ({ nack: nackCount, pli: pliCount, fir: firCount });
