/// `turnpike serve`: the server, from its start to SIGTERM.

import ArgumentParser
import Control
import FoundationEssentials
import Glibc
import IOURing
import Logging
import Tunables

/// Runs the server in the foreground.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract:
            "Run the server until SIGTERM or SIGINT; SIGUSR1 writes its counters, SIGUSR2 drains it, SIGHUP reads the certificate again."
    )

    /// Threads that have not ended by then never will; the kernel ends the process (SIGALRM).
    private static let stopSeconds: UInt32 = 3

    @Flag(help: "Serve HTTPS with a certificate of our own making, for trying on a LAN.")
    var selfSigned = false

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        try reportingProblems {
            var (settings, warnings) = try options.load()
            if selfSigned {
                try settings.serveHTTPS(keeping: try StateDirectory(named: options.state))
            }
            // Before any thread is made: they inherit which signals are held back.
            let signals = Signals()
            let log = LineLog(settings.log)
            let logger = Logger(label: "turnpike") { _ in log }
            let plan = try StartPlan(settings, warnings: warnings, state: options.state)
            for warning in plan.warnings { logger.warning("\(warning)") }
            let threads = try RelayThreads(plan)
            let control = try start(plan, threads, logger)
            announce(plan, log)
            attend(signals, threads, plan.settings, log)
            logger.info("stopping")
            alarm(Self.stopSeconds)
            control.stop()
            threads.stop()
            logger.info("stopped")
        }
    }

    /// Starts the control plane; when it does not start, the relay threads end too.
    private func start(
        _ plan: StartPlan,
        _ threads: RelayThreads,
        _ logger: Logger
    ) throws -> ControlPlane {
        let cpus = plan.control.cpus
        var configuration = plan.control.configuration
        // The relay needs descriptors too.
        let most = Machine.raiseDescriptorLimit() / 2
        configuration.limits.connections = min(configuration.limits.connections, most)
        let control = ControlPlane(
            configuration,
            relay: threads.view(plan),
            log: logger,
            onThreadStart: {
                CurrentThread.name("control")
                // Where this is not allowed the scheduler knows better than to starve a relay thread.
                try? CurrentThread.keep(onCPUs: cpus)
            }
        )
        do {
            try control.start()
            return control
        } catch {
            threads.stop()
            throw StartProblem("control plane: \(error)")
        }
    }

    private func announce(_ plan: StartPlan, _ log: LineLog) {
        let banner = Banner(plan, options)
        switch log.format {
        case .text: writeLine(banner.text, to: STDOUT_FILENO)
        case .json: log.write(.notice, "ready", banner.fields)
        }
    }

    /// Does what signals ask, until one asks to stop.
    private func attend(
        _ signals: Signals,
        _ threads: RelayThreads,
        _ settings: Settings,
        _ log: LineLog
    ) {
        while true {
            switch signals.next() {
            case .stop: return
            case .report: log.write(.notice, "counters", threads.counters)
            case .reload: reload(threads, settings, log)
            case .drain:
                let isDraining = threads.toggleDraining()
                log.write(.notice, isDraining ? "draining" : "draining no more", [])
            }
        }
    }

    private func reload(_ threads: RelayThreads, _ settings: Settings, _ log: LineLog) {
        do throws(StartProblem) {
            try threads.reloadCertificates(settings)
            log.write(.notice, "new sessions get the certificate as it is now", [])
        } catch {
            log.write(.error, "the certificate stays as it was: \(error)", [])
        }
    }
}
