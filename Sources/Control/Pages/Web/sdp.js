/** The few things that only the text of a session description can say. */

/**
 * Adds bandwidth and codec settings to the media sections that know them.
 *
 * @param {string} sdp A session description.
 * @param {{bitrate?: {audio?: number, video?: number}, opus?: object, startBitrate?: number}} wishes In kbit/s.
 */
export function tuned(sdp, { bitrate = {}, opus = {}, startBitrate }) {
    const [session, ...sections] = sdp.split(/^(?=m=)/m);
    const changed = sections.map((section) => {
        const kind = /^m=(\w+)/.exec(section)[1];
        let text = withBandwidth(section, bitrate[kind]);
        if (kind === "audio") text = withFormat(text, /^opus$/i, opus);
        if (kind === "video") text = withFormat(text, VIDEO_CODECS, { "x-google-start-bitrate": startBitrate });
        return text;
    });
    return session + changed.join("");
}

const VIDEO_CODECS = /^(VP8|VP9|AV1|H264|H265)$/i;

/** Names the session a description belongs to: another one is another peer connection (RFC 8866, 5.2). */
export const sessionOf = (sdp) => /^o=\S+ (\S+)/m.exec(sdp)?.[1];

/** A `b=AS` line after the section's `c=` line (RFC 8866, 5.8). */
function withBandwidth(section, kilobits) {
    return kilobits ? section.replace(/^(c=.*\r\n)/m, `$1b=AS:${kilobits}\r\n`) : section;
}

/** Settings in the `a=fmtp` line of each codec of these names. */
function withFormat(section, codec, settings) {
    const added = Object.entries(settings)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name}=${typeof value === "boolean" ? Number(value) : value}`);
    if (added.length === 0) return section;
    return section.replace(/^a=rtpmap:(\d+) ([^/]+)\/.*\r\n(?:a=fmtp:\1 (.*)\r\n)?/gm, (line, type, name, old) => {
        if (!codec.test(name)) return line;
        const names = added.map((setting) => setting.split("=")[0]);
        const kept = old ? old.split(";").filter((setting) => !names.includes(setting.split("=")[0].trim())) : [];
        return `${line.split("\r\n")[0]}\r\na=fmtp:${type} ${[...kept, ...added].join(";")}\r\n`;
    });
}
