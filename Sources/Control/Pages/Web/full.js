/** The page of a room without a free seat. */

import { element, showFrame, values } from "./page.js";
import { hasJustLeft, isRandom } from "./rooms.js";

const OWN_SEAT_MS = 500;

showFrame();
const name = values.room_id ?? "";
if (name && !isRandom(name)) element("room-name").textContent = name;
element("retry").href = location.pathname + location.search;
// Reloading a call asks for this page before the old one gives its seat back: the seat that is missing is our own.
if (hasJustLeft(name)) setTimeout(() => location.reload(), OWN_SEAT_MS);
