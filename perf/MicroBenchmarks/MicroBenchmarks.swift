/// What single steps of a datagram's way cost, in nanoseconds: a table on standard output.
///
/// `--smoke` runs each step briefly, so that the tests notice when one no longer works; its figures mean nothing.

@main enum MicroBenchmarks {
    static func main() throws {
        var report = Report(isSmoke: CommandLine.arguments.contains("--smoke"))
        report.begin()
        try measureSTUN(&report)
        try measureDigests(&report)
        try measureServer(&report)
        measureTable(&report)
        try measureSendBatch(&report)
        report.end()
    }
}
