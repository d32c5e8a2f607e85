/** What every page does: reads the server's values, shows its message and version. */

/** What the server put into the page: an object of strings. */
export const values = JSON.parse(document.getElementById("values").textContent);

/** The program's version; empty when it has none. */
export const version = values.version ?? JSON.parse(values.version_info || "null")?.gitHash ?? "";

/** The element with this id. */
export const element = (id) => document.getElementById(id);

/** A new element with properties and children. */
export function make(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
}

/** Shows the operator's message and the version, where the page has a place for them. */
export function showFrame() {
    const banner = element("banner");
    if (banner && values.header_message) {
        banner.textContent = values.header_message;
        banner.hidden = false;
    }
    const place = element("version");
    if (place && version) place.textContent = `Version ${version}`;
}
