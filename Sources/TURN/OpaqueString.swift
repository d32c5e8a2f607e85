/// Prepares realm, user names and passwords of the configuration as RFC 8489 14.3 and 14.9 ask.

/// The OpaqueString profile of RFC 8265 section 4, as far as it goes without Unicode tables of our own.
///
/// Non-ASCII spaces become spaces; controls, unassigned code points and empty strings are refused. Not done:
/// normalisation to NFC (write precomposed characters; every keyboard does), and the exceptions of RFC 8264
/// for Hangul jamo and ignorable code points.
public enum OpaqueString {
    /// The bytes that stand for `text`, or nil when the profile refuses it.
    public static func prepare(_ text: String) -> [UInt8]? {
        guard !text.isEmpty else { return nil }
        var prepared = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            guard let mapped = map(scalar) else { return nil }
            prepared.append(mapped)
        }
        return Array(String(prepared).utf8)
    }

    private static func map(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        if scalar.properties.isNoncharacterCodePoint { return nil }
        if scalar.properties.generalCategory == .spaceSeparator { return " " }
        if scalar.properties.generalCategory == .control { return nil }
        if scalar.properties.generalCategory == .unassigned { return nil }
        return scalar
    }
}
