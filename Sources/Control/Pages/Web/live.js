/** The live page: what each relay thread does, second by second. */

import { Chart, seriesClass } from "./chart.js";
import { eventsFrom, StreamRefused } from "./event-stream.js";
import { element, make, showFrame, values } from "./page.js";
import { bitrate, count } from "./units.js";

const RETRY_MS = 2000;
const TOKEN = "adminToken";

const perSecond = (value) => `${count(value)}/s`;
const percent = (value) => `${(value * 100).toFixed(1)} %`;

/** What is charted: the name of a thread's figure, its title, and how it is written. */
const MEASURES = [
    ["datagramsPerSecond", "Datagrams", perSecond],
    ["bitsPerSecond", "Relayed", bitrate],
    ["allocations", "Allocations", count],
    ["dropsPerSecond", "Dropped", perSecond],
    ["load", "CPU", percent],
];

const charts = new Map(MEASURES.map(([name, title, format]) => [name, new Chart(title, format)]));

function show(sample) {
    const totals = MEASURES.map(([name, title, format]) => {
        const series = sample.threads.map((thread) => thread[name]);
        const total = series.reduce((sum, value) => sum + value, 0);
        charts.get(name).push(series, total);
        return [title, format(total)];
    });
    const { rooms, participants } = sample.control;
    totals.push(["Control CPU", percent(sample.controlLoad)], ["Rooms", count(rooms)], ["Participants", count(participants)]);
    element("totals").replaceChildren(...totals.map(([title, text]) =>
        make("div", {}, make("dt", { textContent: title }), make("dd", { textContent: text }))));
    element("threads").replaceChildren(...sample.threads.map(threadRow));
    element("figures").hidden = false;
    element("token-form").hidden = true;
    tell("live", "Live");
}

function threadRow(thread, place) {
    return make(
        "tr", { className: seriesClass(place) },
        make("th", { scope: "row", textContent: `Relay ${thread.thread}` }),
        ...MEASURES.map(([name, , format]) => make("td", { textContent: format(thread[name]) })),
    );
}

function tell(state, text) {
    const line = element("link-state");
    if (line.textContent === text) return;
    line.dataset.state = state;
    line.textContent = text;
}

/** Follows the events for as long as the page is there; comes back when the server does. */
async function follow() {
    while (true) {
        try {
            for await (const data of eventsFrom("/api/v1/live", sessionStorage.getItem(TOKEN))) show(JSON.parse(data));
            tell("lost", "The server ended the stream; trying again…");
        } catch (error) {
            if (error instanceof StreamRefused && [401, 403].includes(error.status)) {
                askForToken();
                return;
            }
            tell("lost", "No connection to the server; trying again…");
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
}

function askForToken() {
    const wasWrong = sessionStorage.getItem(TOKEN) !== null;
    element("token-problem").textContent = wasWrong ? "This token is not accepted." : "";
    sessionStorage.removeItem(TOKEN);
    element("figures").hidden = true;
    element("token-form").hidden = false;
    element("token").value = "";
    element("token").focus();
    tell("waiting", "Waiting for the token");
}

showFrame();
const columns = ["Thread", ...MEASURES.map(([, title]) => title)];
element("thread-head").replaceChildren(
    make("tr", {}, ...columns.map((title) => make("th", { scope: "col", textContent: title }))),
);
element("charts").replaceChildren(...[...charts.values()].map((chart) => chart.element));
element("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(TOKEN, element("token").value);
    follow();
});
if (values.needs_token === "true" && !sessionStorage.getItem(TOKEN)) askForToken();
else follow();
