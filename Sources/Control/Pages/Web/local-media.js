/** Our own camera, microphone and screen: opening what there is, switching, changing devices. */

/** Constraints of today from those of old that the server sends: `{mandatory: {minWidth: "1280"}, optional: […]}`. */
export function modernConstraints(old) {
    if (typeof old !== "object" || old === null) return old;
    const modern = {};
    const add = (name, value, strength) => {
        const [, bound, property] = /^(min|max)(Width|Height|FrameRate|AspectRatio)$/.exec(name) ?? [];
        if (!bound) return;
        const key = property[0].toLowerCase() + property.slice(1);
        modern[key] = { ...modern[key], [strength === "ideal" ? "ideal" : bound]: Number(value) };
    };
    for (const [name, value] of Object.entries(old.mandatory ?? {})) add(name, value, "bound");
    for (const item of old.optional ?? []) {
        for (const [name, value] of Object.entries(item)) add(name, value, "ideal");
    }
    return Object.keys(modern).length > 0 ? modern : true;
}

const SOURCES = { microphone: "audio", camera: "video" };

/** Event: `change`, whenever what we send or whether it is on has changed. */
export class LocalMedia extends EventTarget {
    #constraints = { audio: true, video: true };
    microphone = null;
    camera = null;
    screen = null;

    /** What is to be sent: a shared screen takes the camera's place. */
    get tracks() {
        return { audio: this.microphone, video: this.screen ?? this.camera };
    }

    /** What is on, as the other side is told. */
    get state() {
        return {
            microphone: this.microphone?.enabled ?? false,
            camera: this.camera?.enabled ?? false,
            screen: this.screen !== null,
        };
    }

    /**
     * Opens camera and microphone; where one is missing or refused, the other.
     *
     * @param {{audio: boolean|object, video: boolean|object}} constraints
     * @returns {Promise<string>} What did not work, in words; empty when all did.
     */
    async open(constraints) {
        this.#constraints = { audio: constraints.audio || true, video: constraints.video || true };
        const { audio, video } = constraints;
        if (!audio && !video) return "";
        const problem = await this.#tryToOpen({ audio, video });
        if (!problem || !audio || !video) return problem;
        const microphoneProblem = await this.#tryToOpen({ audio, video: false });
        const cameraProblem = await this.#tryToOpen({ audio: false, video });
        return [microphoneProblem, cameraProblem].filter(Boolean)[0] ?? "";
    }

    /** Switches `microphone` or `camera`, opening it when it is not; returns what did not work. */
    async toggle(source) {
        const track = this[source];
        if (!track) {
            const kind = SOURCES[source];
            return this.#tryToOpen({ [kind]: this.#constraints[kind] });
        }
        track.enabled = !track.enabled;
        this.#changed();
        return "";
    }

    /** Shares the screen, or stops it. */
    async toggleScreen() {
        if (this.screen) {
            this.#stopScreen();
            return "";
        }
        try {
            const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 30 } } });
            [this.screen] = stream.getVideoTracks();
            this.screen.contentHint = "detail";
            this.screen.addEventListener("ended", () => this.#stopScreen());
            this.#changed();
            return "";
        } catch (error) {
            return error.name === "NotAllowedError" ? "" : problemText("screen", error);
        }
    }

    /** Takes another device for `microphone` or `camera`; returns what did not work. */
    async useDevice(source, deviceId) {
        const kind = SOURCES[source];
        const own = this.#constraints[kind];
        const wasOn = this[source]?.enabled ?? true;
        // Some phones lend one camera at a time.
        this[source]?.stop();
        const problem = await this.#tryToOpen({
            [kind]: { ...(own === true ? {} : own), deviceId: { exact: deviceId } },
        });
        if (!problem) this[source].enabled = wasOn;
        return problem;
    }

    /** Turns everything off. */
    close() {
        for (const source of ["microphone", "camera", "screen"]) {
            this[source]?.stop();
            this[source] = null;
        }
        this.#changed();
    }

    async #tryToOpen(constraints) {
        if (!navigator.mediaDevices) {
            return "Browsers lend camera and microphone to https pages only: open this page over https.";
        }
        try {
            const stream = await navigator.mediaDevices.getUserMedia(constraints);
            for (const track of stream.getTracks()) this.#keep(track);
            this.#changed();
            return "";
        } catch (error) {
            return problemText(constraints.video ? "camera" : "microphone", error);
        }
    }

    #keep(track) {
        const source = track.kind === "audio" ? "microphone" : "camera";
        this[source]?.stop();
        this[source] = track;
        track.addEventListener("ended", () => {
            if (this[source] !== track) return;
            this[source] = null;
            this.#changed();
        });
    }

    #stopScreen() {
        this.screen?.stop();
        this.screen = null;
        this.#changed();
    }

    #changed() {
        this.dispatchEvent(new Event("change"));
    }
}

function problemText(source, error) {
    switch (error.name) {
        case "NotAllowedError": return `The browser was not allowed to use the ${source}.`;
        case "NotFoundError": return `There is no ${source}.`;
        case "NotReadableError": return `Another program uses the ${source}.`;
        case "OverconstrainedError": return `The ${source} cannot do what was asked (${error.constraint}).`;
        default: return `The ${source} does not work: ${error.message}`;
    }
}
