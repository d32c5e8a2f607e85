/** Text and small news between the two pages, over the call's data channel. */

/**
 * Events: `open` and `close`; `chat` (its `detail` is a text), `state` (its `detail` says which of the other side's
 * sources are on).
 */
export class TextChannel extends EventTarget {
    #channel = null;

    get isOpen() {
        return this.#channel?.readyState === "open";
    }

    /** Uses an open channel from now on, or null for none. */
    attach(channel) {
        this.#channel = channel;
        if (!channel) {
            this.dispatchEvent(new Event("close"));
            return;
        }
        channel.addEventListener("message", ({ data }) => this.#receive(data));
        channel.addEventListener("close", () => {
            if (this.#channel === channel) this.attach(null);
        });
        this.dispatchEvent(new Event("open"));
    }

    /** Says a text to the other side; false when nobody is there. */
    say(text) {
        return this.#send({ type: "chat", text });
    }

    /** Tells the other side which of our sources are on. */
    tellState(state) {
        return this.#send({ type: "state", ...state });
    }

    #send(message) {
        if (!this.isOpen) return false;
        this.#channel.send(JSON.stringify(message));
        return true;
    }

    #receive(data) {
        try {
            const { type, ...rest } = JSON.parse(data);
            if (type === "chat") this.dispatchEvent(new CustomEvent("chat", { detail: String(rest.text) }));
            if (type === "state") this.dispatchEvent(new CustomEvent("state", { detail: rest }));
        } catch {
            // Another program's channel: not our language.
        }
    }
}
