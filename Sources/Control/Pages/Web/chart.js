/** A line chart of the last two minutes: one line for each thread. */

import { make } from "./page.js";

const SAMPLES = 120;
const HEIGHT = 100;
const COLOURS = 8;
const SVG = "http://www.w3.org/2000/svg";

/** The class that gives the line, and the table's row, of a thread its colour. */
export const seriesClass = (place) => `series-${place % COLOURS}`;

export class Chart {
    #format;
    #history = [];
    #picture = drawing("svg", {
        viewBox: `0 0 ${SAMPLES - 1} ${HEIGHT}`,
        preserveAspectRatio: "none",
        "aria-hidden": "true",
    });
    #now = make("span");
    #top = make("span");
    element;

    /** A chart with a title; `format` writes a value with its unit. */
    constructor(title, format) {
        this.#format = format;
        this.element = make(
            "figure", { className: "chart" },
            make("figcaption", {}, make("span", { textContent: title }), this.#now),
            make("div", { className: "top" }, this.#top),
            this.#picture,
            make("div", { className: "time" }, make("span", {}, "2 minutes ago"), make("span", {}, "now")),
        );
    }

    /** Adds the values of one second, and what they are together. */
    push(values, total) {
        this.#history.push(values);
        if (this.#history.length > SAMPLES) this.#history.shift();
        const top = niceCeiling(Math.max(...this.#history.flat()));
        this.#top.textContent = this.#format(top);
        this.#now.textContent = this.#format(total);
        const lines = values.map((_, place) =>
            drawing("polyline", { class: seriesClass(place), points: this.#points(place, top) }));
        const middle = drawing("line", { class: "grid", x1: 0, x2: SAMPLES - 1, y1: HEIGHT / 2, y2: HEIGHT / 2 });
        this.#picture.replaceChildren(middle, ...lines);
    }

    #points(place, top) {
        const first = SAMPLES - this.#history.length;
        // Two units at the top and at the bottom keep the line's width inside.
        const y = (value) => HEIGHT - 2 - (value / top) * (HEIGHT - 4);
        return this.#history.map((values, index) => `${first + index},${y(values[place] ?? 0).toFixed(1)}`).join(" ");
    }
}

/** The least of 1, 2 and 5 times a power of ten that is not below the value. */
function niceCeiling(value) {
    if (!(value > 0)) return 1;
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 5, 10].find((step) => step * power >= value) * power;
}

function drawing(name, attributes) {
    const made = document.createElementNS(SVG, name);
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
    return made;
}
