/** Names of rooms, and those that were visited lately. */

const RECENT = "recentRooms";
const RECENT_LIMIT = 10;
const ENTERED = "enteredRoom";
const LEFT = "leftRoom";

/** What is wrong with a room's name, in words; empty when nothing is. */
export function problemOf(name) {
    if (!/^[A-Za-z0-9_-]*$/.test(name)) return "Only letters, digits, “_” and “-”, please.";
    if (name.length < 5) return "At least 5 characters, please.";
    return "";
}

/** A name nobody will guess soon: 9 random digits, the first not 0. */
export function randomName() {
    const [number] = crypto.getRandomValues(new Uint32Array(1));
    return String(100_000_000 + (number % 900_000_000));
}

/** True for a name that was made up by `randomName`: not worth showing. */
export const isRandom = (name) => /^\d{9}$/.test(name);

/** The rooms visited lately, newest first. */
export function recentRooms() {
    try {
        const names = JSON.parse(localStorage.getItem(RECENT) ?? "[]");
        return Array.isArray(names) ? names.filter((name) => !problemOf(String(name))) : [];
    } catch {
        return [];
    }
}

/** Puts a room first among those visited lately. */
export function remember(name) {
    const names = [name, ...recentRooms().filter((other) => other !== name)];
    save(localStorage, RECENT, JSON.stringify(names.slice(0, RECENT_LIMIT)));
}

/** Forgets all rooms. */
export function forgetRooms() {
    take(localStorage, RECENT);
}

/** Goes to a room whose name was just given: its page need not ask again. */
export function enter(name, query) {
    save(sessionStorage, ENTERED, name);
    const parameters = query.toString();
    location.assign(`/r/${encodeURIComponent(name)}${parameters ? `?${parameters}` : ""}`);
}

/** True once for a room that was entered from the landing page. */
export const hasJustEntered = (name) => take(sessionStorage, ENTERED) === name;

/** Notes that this tab's call page is being closed with a seat in a room. */
export const markLeft = (name) => save(sessionStorage, LEFT, name);

/** True once for a room in which this tab itself had a seat until now. */
export const hasJustLeft = (name) => take(sessionStorage, LEFT) === name;

function take(storage, key) {
    try {
        const value = storage.getItem(key);
        storage.removeItem(key);
        return value;
    } catch {
        return null;
    }
}

function save(storage, key, value) {
    try {
        storage.setItem(key, value);
    } catch {
        // Storage is full or forbidden: remembering is a convenience.
    }
}
