/** The call page: joins its parts, and asks before anything is opened. */

import { showChat } from "./chat.js";
import { listenToControls } from "./controls.js";
import { showDevices } from "./devices.js";
import { showFigures } from "./figures.js";
import { LocalMedia, modernConstraints } from "./local-media.js";
import { parseOptions } from "./options.js";
import { element, showFrame, values, version } from "./page.js";
import { hasJustEntered, isRandom, markLeft, remember } from "./rooms.js";
import { Session } from "./session.js";
import { showPictures } from "./pictures.js";
import { Statistics } from "./statistics.js";
import { TextChannel } from "./text-channel.js";

const NOTICE_MS = 8000;

/** Why a room could not be joined, by the server's word; the page of a full room is the server's own. */
const REFUSALS = {
    "HTTP 403": "This room needs an access token in its link.",
    "HTTP 429": "Too many people join from your address; try again in a minute.",
    ERROR: "The server has no room for another room.",
};

const room = values.room_id;
const media = new LocalMedia();
const session = new Session(room, location.search, parseOptions(new URLSearchParams(location.search)), media);
const text = new TextChannel();
let noticeTimer;

/** Shows a line that goes away by itself, or takes it away. */
function notify(line) {
    clearTimeout(noticeTimer);
    element("notice").textContent = line;
    noticeTimer = setTimeout(() => (element("notice").textContent = ""), NOTICE_MS);
}

/** Opens what was asked for, then joins: nobody should wait for us while the browser still asks. */
async function join() {
    const wished = JSON.parse(values.media_constraints || '{"audio":true,"video":true}');
    const problem = await media.open({
        audio: element("with-microphone").checked && modernConstraints(wished.audio),
        video: element("with-camera").checked && modernConstraints(wished.video),
    });
    notify([problem, ...JSON.parse(values.warning_messages || "[]")].filter(Boolean).join(" "));
    remember(room);
    await session.join();
}

/** Ends the call here, and says why when it was not the person's wish. */
async function leave(reason = "") {
    element("left-title").textContent = reason ? "You are not in the call." : "You have left the call.";
    element("left-text").textContent = reason;
    element("left-text").hidden = reason === "";
    const hasLeft = session.hangUp();
    media.close();
    await hasLeft;
}

function showState() {
    document.body.dataset.state = session.state;
    const link = element("link");
    link.value = location.origin + location.pathname + location.search;
    if (session.state === "left") element("rejoin").focus();
}

async function copyLink() {
    const link = element("link");
    try {
        await navigator.clipboard.writeText(link.value);
    } catch {
        // Only https pages have a clipboard; the old way works on all.
        link.select();
        document.execCommand("copy");
    }
    notify("The link is copied.");
}

/** A peer connection begins or ends: its channel and its figures go with it. */
function followPeer() {
    const { peer } = session;
    text.attach(null);
    peer?.addEventListener("channel", () => {
        text.attach(peer.channel);
        text.tellState(media.state);
    });
}

function nameTheRoom() {
    element("room-name").textContent = isRandom(room) ? "" : room;
    element("title").textContent = `Call in ${room}`;
    document.title = `${room} – Turnpike`;
    if (!isRandom(room)) element("ask-title").textContent = `Ready to join “${room}”?`;
}

showFrame();
nameTheRoom();
session.addEventListener("state", showState);
session.addEventListener("peer", followPeer);
session.addEventListener("notice", ({ detail }) => notify(detail));
session.addEventListener("refused", ({ detail }) => {
    if (detail === "FULL") location.reload();
    else leave(REFUSALS[detail] ?? `The server says: ${detail}.`);
});
media.addEventListener("change", () => text.tellState(media.state));

showPictures({ session, media, text });
showChat(text);
showDevices(media, notify);
showFigures(session, version);
listenToControls({ session, media, notify, hangUp: () => leave() });

element("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    join();
});
element("rejoin").addEventListener("click", join);
element("copy").addEventListener("click", copyLink);
if (navigator.share) {
    element("share").hidden = false;
    element("share").addEventListener("click", () => navigator.share({ url: element("link").value }).catch(() => {}));
}
addEventListener("pagehide", () => {
    if (session.isSeated) markLeft(room);
    session.abandon();
});
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());

const entered = hasJustEntered(room);
if (entered || values.bypass_join_confirmation === "true") join();
else element("join").focus();

/** For the browser's console: figures as the panel shows them, `session.peer.connection` for all the rest. */
globalThis.turnpike = { session, media, text, statistics: () => new Statistics(session.peer.connection).sample() };
