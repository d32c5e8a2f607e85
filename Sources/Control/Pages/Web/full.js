/** The page of a room without a free seat. */

import { element, showFrame, values } from "./page.js";
import { isRandom } from "./rooms.js";

showFrame();
const name = values.room_id ?? "";
if (name && !isRandom(name)) element("room-name").textContent = name;
element("retry").href = location.pathname + location.search;
