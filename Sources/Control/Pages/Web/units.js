/** Figures as people read them; an empty text for one that is not known. */

/** A figure with its unit. */
export const figure = (value, unit, digits = 0) =>
    value === undefined ? "" : `${value.toFixed(digits)} ${unit}`.trim();

/** Bits per second in three digits, with the prefix that fits. */
export function bitrate(bits) {
    if (bits === undefined) return "";
    const units = [[1e9, "Gbit/s"], [1e6, "Mbit/s"], [1e3, "kbit/s"]];
    const [scale, unit] = units.find(([least]) => bits >= least) ?? [1, "bit/s"];
    const value = bits / scale;
    return figure(value, unit, scale <= 1e3 || value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

/** A number with the separators of the person's language. */
export const count = (value) => Math.round(value).toLocaleString();

/** Hours where there are some, minutes and seconds. */
export function duration(milliseconds) {
    const seconds = Math.floor(milliseconds / 1000);
    const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    if (parts[0] === 0) parts.shift();
    return parts.map((part, place) => (place === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
}
