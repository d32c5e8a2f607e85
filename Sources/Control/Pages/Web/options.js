/** What the query of a call page asks for; `/params.html` documents it. */

/** A whole number of a parameter, or undefined where it is absent or makes no sense. */
function number(query, name) {
    const value = query.get(name);
    return value && /^\d+$/.test(value) ? Number(value) : undefined;
}

/** True or false of a parameter, or undefined. */
function flag(query, name) {
    return { true: true, false: false }[query.get(name)];
}

/** Bitrates in kbit/s, codecs by name, and how Opus is told to work. */
export function parseOptions(query) {
    return {
        /** What we send at most. */
        sendBitrate: { audio: number(query, "asbr"), video: number(query, "vsbr") },
        /** What we ask the other side to send at most. */
        receiveBitrate: { audio: number(query, "arbr"), video: number(query, "vrbr") },
        /** Where the estimate of our video's bitrate begins. */
        startBitrate: number(query, "vsibr"),
        /** Codecs to prefer, best first; those for receiving go before those for sending. */
        codecs: {
            audio: [query.get("arc"), query.get("asc")].filter(Boolean),
            video: [query.get("vrc"), query.get("vsc")].filter(Boolean),
        },
        opus: {
            maxplaybackrate: number(query, "opusmaxpbr"),
            useinbandfec: flag(query, "opusfec"),
            usedtx: flag(query, "opusdtx"),
            stereo: flag(query, "stereo"),
        },
    };
}
