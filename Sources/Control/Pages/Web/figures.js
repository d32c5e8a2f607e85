/** The panel about the connection, and the badge that tells its route. */

import { element, make } from "./page.js";
import { Statistics } from "./statistics.js";
import { bitrate, duration, figure } from "./units.js";

/** Measures once a second while somebody is there. */
export function showFigures(session, version) {
    let statistics = null;
    let measured = null;
    const refresh = async () => {
        if (session.peer?.connection !== measured) {
            measured = session.peer?.connection ?? null;
            statistics = measured && new Statistics(measured);
        }
        const figures = statistics ? await statistics.sample() : {};
        showRoute(session.connectedAt === undefined ? undefined : figures);
        if (!element("info").hidden) showPanel(sections(session, figures, version));
    };
    setInterval(refresh, 1000);
    session.addEventListener("state", refresh);
    element("info").addEventListener("shown", refresh);
}

function showRoute(figures) {
    const badge = element("route");
    badge.hidden = !figures?.route;
    if (badge.hidden) return;
    badge.textContent = figures.route === "relay" ? "Relay" : "Direct";
    badge.title = routeText(figures);
}

function showPanel(content) {
    element("figures").replaceChildren(
        ...content.filter(([, rows]) => rows.some(([, value]) => value)).flatMap(([title, rows]) => [
            make("h3", { textContent: title }),
            make("dl", {}, ...rows.filter(([, value]) => value).flatMap(([name, value]) => [
                make("dt", { textContent: name }),
                make("dd", { textContent: value }),
            ])),
        ]),
    );
}

function sections(session, figures, version) {
    const connection = session.peer?.connection;
    const { audio = {}, video = {} } = figures;
    return [
        ["Call", [
            ["State", session.state],
            ["Time", session.connectedAt && duration(performance.now() - session.connectedAt)],
            ["Set up in", session.connectedAt && figure(session.setupMs, "ms")],
            ["Signalling", connection?.signalingState],
            ["ICE", connection && `${connection.iceConnectionState}, gathering ${connection.iceGatheringState}`],
            ["Version", version],
        ]],
        ["Route", [
            ["Route", figures.route && routeText(figures)],
            ["Local", figures.local && candidateText(figures.local)],
            ["Remote", figures.remote && candidateText(figures.remote)],
            ["Round trip", figure(figures.roundTripMs, "ms", 1)],
            ["On average", figure(figures.averageRoundTripMs, "ms", 1)],
            ["Sent", bitrate(figures.sentBitrate)],
            ["Received", bitrate(figures.receivedBitrate)],
            ["Candidates", figures.candidates && candidatesText(figures.candidates)],
        ]],
        ["Video sent", mediaRows(video.sent)],
        ["Video received", mediaRows(video.received)],
        ["Audio sent", mediaRows(audio.sent)],
        ["Audio received", mediaRows(audio.received)],
    ];
}

function mediaRows(media = {}) {
    const { repairs = {}, dropped } = media;
    const repaired = Object.entries(repairs).filter(([, count]) => count);
    return [
        ["Codec", media.codec],
        ["Bitrate", bitrate(media.bitrate)],
        ["Packets", figure(media.packetsPerSecond, "/s")],
        ["Loss", figure(media.lossPercent, "%", 1)],
        ["Jitter", figure(media.jitterMs, "ms", 1)],
        ["Level", figure(media.level, "", 2)],
        ["Picture", media.size && `${media.size}, ${figure(media.framesPerSecond ?? 0, "frames/s")}`],
        ["Frames", media.frames && `${media.frames}${dropped ? `, ${dropped} dropped` : ""}`],
        ["Repairs", repaired.map(([name, count]) => `${count} ${name.toUpperCase()}`).join(", ")],
        ["Limited by", media.limitedBy === "none" ? "" : media.limitedBy],
    ];
}

function routeText({ route, local }) {
    if (route !== "relay") return "direct";
    return local.relayProtocol ? `through the relay, ${local.relayProtocol.toUpperCase()} to it` : "through the relay";
}

function candidateText({ type, address, port, protocol }) {
    return `${type}, ${address ?? "hidden"}:${port ?? ""}${protocol === "udp" ? "" : ` ${protocol}`}`;
}

function candidatesText({ local, remote }) {
    const counts = (types) => Object.entries(types).map(([type, count]) => `${count} ${type}`).join(", ") || "none";
    return `${counts(local)} here; ${counts(remote)} there`;
}
