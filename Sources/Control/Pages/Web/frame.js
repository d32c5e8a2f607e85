/** A page without a script of its own: shows the server's message and version. */

import { showFrame } from "./page.js";

showFrame();
