/** The landing page: a room's name, and the way to the room. */

import { element, make, showFrame } from "./page.js";
import { enter, forgetRooms, problemOf, randomName, recentRooms } from "./rooms.js";

const name = element("room");
const query = new URLSearchParams(location.search);

/** Says what is wrong with the name, and lets it be joined when nothing is. */
function validate() {
    const problem = problemOf(name.value);
    element("room-problem").textContent = problem;
    element("join").disabled = problem !== "";
    name.setAttribute("aria-invalid", String(problem !== ""));
    return problem === "";
}

/** The query of the room's page: this page's own, with the chosen options. */
function roomQuery() {
    const chosen = new URLSearchParams(query);
    for (const [parameter, id] of [["it", "route"], ["tt", "transport"]]) {
        const { value } = element(id);
        if (value) chosen.set(parameter, value);
        else chosen.delete(parameter);
    }
    return chosen;
}

function suggestName() {
    name.value = randomName();
    validate();
}

function showRecentRooms() {
    const names = recentRooms();
    element("recent").hidden = names.length === 0;
    element("recent-rooms").replaceChildren(
        ...names.map((room) => {
            const link = make("a", { className: "button", href: `/r/${room}`, textContent: room });
            link.addEventListener("click", (event) => {
                if (event.ctrlKey || event.metaKey || event.shiftKey) return;
                event.preventDefault();
                enter(room, roomQuery());
            });
            return make("li", {}, link);
        }),
    );
}

showFrame();
element("route").value = query.get("it") === "relay" ? "relay" : "";
element("transport").value = ["udp", "tcp"].includes(query.get("tt")) ? query.get("tt") : "";
document.querySelector(".options").open = element("route").value !== "" || element("transport").value !== "";
suggestName();
showRecentRooms();
name.select();

name.addEventListener("input", validate);
element("random").addEventListener("click", suggestName);
element("forget").addEventListener("click", () => {
    forgetRooms();
    showRecentRooms();
    name.focus();
});
element("room-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (validate()) enter(name.value, roomQuery());
});
// Coming back with the browser's button, the list may have grown.
addEventListener("pageshow", showRecentRooms);
