/** Both pictures, what stands in for a missing one, and the badges on top. */

import { element } from "./page.js";
import { duration } from "./units.js";

const local = element("local");
const remote = element("remote");

/** Keeps the stage in step with the call. */
export function showPictures({ session, media, text }) {
    let told = {};
    const showRemote = () => {
        const stream = session.peer?.remoteStream ?? null;
        if (remote.srcObject !== stream) remote.srcObject = stream;
        if (stream) play(remote);
        const isThere = session.state === "connected" || session.state === "reconnecting";
        const picture = stream?.getVideoTracks().some(({ muted }) => !muted) ?? false;
        const hasPicture = picture && (told.screen || told.camera !== false);
        element("portrait").hidden = !isThere || hasPicture;
        remote.hidden = !isThere || !hasPicture;
        element("portrait-text").textContent = told.camera === false ? "Their camera is off" : "No picture";
        element("remote-muted").hidden = !isThere || told.microphone !== false;
    };
    const showLocal = () => {
        const { video } = media.tracks;
        const shown = local.srcObject?.getVideoTracks()[0];
        if (video !== shown) local.srcObject = video ? new MediaStream([video]) : null;
        local.classList.toggle("off", !video?.enabled);
        local.classList.toggle("screen", media.screen !== null);
        local.classList.toggle("mirrored", media.screen === null && isFrontCamera(video));
    };

    media.addEventListener("change", showLocal);
    text.addEventListener("state", ({ detail }) => {
        told = detail;
        showRemote();
    });
    session.addEventListener("peer", () => {
        told = {};
        session.peer?.addEventListener("tracks", showRemote);
        showRemote();
    });
    session.addEventListener("state", showRemote);
    session.addEventListener("state", () => showClock(session));
    setInterval(() => showClock(session), 1000);
    showLocal();
    showRemote();
}

/** A camera that looks at the person is shown as a mirror. */
function isFrontCamera(track) {
    return track?.getSettings().facingMode !== "environment";
}

/** Without a click since the page was opened, a browser may refuse to make a sound: then the next one starts it. */
function play(video) {
    video.play().catch((error) => {
        if (error.name !== "NotAllowedError") return;
        addEventListener("pointerdown", () => play(video), { once: true });
        addEventListener("keydown", () => play(video), { once: true });
    });
}

function showClock(session) {
    const clock = element("clock");
    clock.hidden = session.connectedAt === undefined;
    if (clock.hidden) return;
    clock.textContent = duration(performance.now() - session.connectedAt);
}
