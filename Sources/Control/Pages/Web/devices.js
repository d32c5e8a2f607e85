/** The dialog that chooses camera and microphone. */

import { element, make } from "./page.js";

const SOURCES = { camera: "videoinput", microphone: "audioinput" };

/** Opens the dialog from its button, and takes the device that is chosen. */
export function showDevices(media, notify) {
    element("settings-open").addEventListener("click", async () => {
        await list(media);
        element("settings").showModal();
    });
    for (const source of Object.keys(SOURCES)) {
        element(`${source}-device`).addEventListener("change", async ({ target }) => {
            notify(await media.useDevice(source, target.value));
        });
    }
    navigator.mediaDevices?.addEventListener("devicechange", () => element("settings").open && list(media));
}

async function list(media) {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    for (const [source, kind] of Object.entries(SOURCES)) {
        const select = element(`${source}-device`);
        const usable = devices.filter((device) => device.kind === kind && device.deviceId);
        select.replaceChildren(
            ...usable.map(({ deviceId, label }, place) =>
                make("option", { value: deviceId, textContent: label || `${source} ${place + 1}` })),
        );
        select.disabled = usable.length === 0;
        const current = media[source]?.getSettings().deviceId;
        if (current) select.value = current;
        else select.selectedIndex = -1;
    }
}
