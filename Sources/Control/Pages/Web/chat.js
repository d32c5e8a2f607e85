/** The chat panel. */

import { element, make } from "./page.js";

/** Shows what both sides say. */
export function showChat(text) {
    const panel = element("chat");
    const field = element("chat-text");
    let unread = 0;

    const showUnread = (count) => {
        unread = count;
        element("unread").hidden = count === 0;
        element("unread").textContent = String(count);
        element("chat-toggle").setAttribute("aria-label", count > 0 ? `Chat, ${count} unread` : "Chat");
    };
    const showOpen = () => {
        element("chat-send").disabled = !text.isOpen;
        field.placeholder = text.isOpen ? "Message" : "Nobody is there yet";
    };

    element("chat-form").addEventListener("submit", (event) => {
        event.preventDefault();
        if (!field.value.trim() || !text.say(field.value)) return;
        add(field.value, "own", "You");
        field.value = "";
    });
    text.addEventListener("chat", ({ detail }) => {
        add(detail, "", "They");
        if (panel.hidden) showUnread(unread + 1);
    });
    text.addEventListener("open", showOpen);
    text.addEventListener("close", showOpen);
    panel.addEventListener("shown", () => showUnread(0));
    showOpen();
}

function add(line, className, who) {
    const messages = element("messages");
    const speaker = make("span", { className: "visually-hidden", textContent: `${who}: ` });
    messages.append(make("li", { className }, speaker, line));
    messages.scrollTop = messages.scrollHeight;
}
