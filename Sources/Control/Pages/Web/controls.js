/** The buttons under the picture and their keys. */

import { element } from "./page.js";

const IDLE_MS = 4000;

/** Connects buttons and keys with what they do. */
export function listenToControls({ session, media, notify, hangUp }) {
    const actions = {
        microphone: async () => notify(await media.toggle("microphone")),
        camera: async () => notify(await media.toggle("camera")),
        screen: async () => notify(await media.toggleScreen()),
        "chat-toggle": () => toggleSide("chat"),
        "info-toggle": () => toggleSide("info"),
        "full-screen": toggleFullScreen,
        "hang-up": hangUp,
        "put-away": () => element("local").classList.toggle("put-away"),
    };
    for (const [id, action] of Object.entries(actions)) element(id)?.addEventListener("click", action);
    for (const button of document.querySelectorAll("[data-closes]")) {
        button.addEventListener("click", () => toggleSide(button.dataset.closes));
    }
    listenToKeys(session, actions);
    media.addEventListener("change", () => showSources(media.state));
    showSources(media.state);
    document.addEventListener("fullscreenchange", () =>
        element("full-screen").setAttribute("aria-pressed", String(document.fullscreenElement !== null)));
    element("full-screen").hidden = !document.fullscreenEnabled;
    element("screen").hidden = !navigator.mediaDevices?.getDisplayMedia;
    hideWhenIdle();
}

const KEYS = {
    m: "microphone", " ": "microphone", c: "camera", s: "screen", t: "chat-toggle", i: "info-toggle",
    f: "full-screen", q: "hang-up", l: "put-away",
};

function listenToKeys(session, actions) {
    addEventListener("keydown", (event) => {
        if (event.key === "Escape") closeSides();
        if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
        if (session.state === "idle" || session.state === "left" || element("settings").open) return;
        if (event.target.closest("input, select, textarea")) return;
        // The space bar presses the button that has the focus.
        if (event.key === " " && event.target.closest("button, a")) return;
        const action = actions[KEYS[event.key.toLowerCase()]];
        if (!action) return;
        event.preventDefault();
        action();
    });
}

function showSources(state) {
    for (const [source, isOn] of Object.entries(state)) {
        const button = element(source);
        button.setAttribute("aria-pressed", String(isOn));
        if (source === "screen") continue;
        const icon = source === "microphone" ? "mic" : "camera";
        button.querySelector("use").setAttribute("href", `/assets/icons.svg#${icon}${isOn ? "" : "-off"}`);
    }
}

/** Shows one of the panels at the side, and moves the focus there; hides it, and gives the focus back. */
function toggleSide(name) {
    const willShow = element(name).hidden;
    for (const side of ["chat", "info"]) {
        const shows = side === name && willShow;
        element(side).hidden = !shows;
        element(`${side}-toggle`).setAttribute("aria-expanded", String(shows));
        element(side).dispatchEvent(new Event(shows ? "shown" : "hidden"));
    }
    if (!willShow) element(`${name}-toggle`).focus();
    else if (name === "chat") element("chat-text").focus();
}

function closeSides() {
    const open = ["chat", "info"].find((side) => !element(side).hidden);
    if (open) toggleSide(open);
}

async function toggleFullScreen() {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await document.documentElement.requestFullscreen().catch(() => {});
}

/** After some seconds without a sign of the person, only the picture is left. */
function hideWhenIdle() {
    let timer;
    const wake = () => {
        document.body.classList.remove("idle");
        clearTimeout(timer);
        timer = setTimeout(() => document.body.classList.add("idle"), IDLE_MS);
    };
    for (const event of ["pointermove", "pointerdown", "keydown", "focusin"]) {
        addEventListener(event, wake, { passive: true });
    }
    wake();
}
