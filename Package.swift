// swift-tools-version: 6.2
import PackageDescription

/// Everything else, tests included (macro expansions of Swift Testing trip strict memory safety).
let common: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableExperimentalFeature("Lifetimes"),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
]

/// Modules on the way of a datagram: strict memory safety, spans that may be returned, no warning left.
let dataPlane: [SwiftSetting] =
    common + [
        .strictMemorySafety(),
        // What crosses a module on the way of a datagram is inlined, also where it touches private members.
        .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
    ]

/// A module of the data plane under `Sources/`.
func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: dataPlane)
}

/// A test target under `Tests/`.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: dependencies,
        path: "Tests/\(name)",
        swiftSettings: common
    )
}

/// A program under `perf/`.
func benchmark(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name,
        dependencies: dependencies,
        path: "perf/\(name)",
        swiftSettings: common
    )
}

let package = Package(
    name: "turnpike",
    products: [.executable(name: "turnpike", targets: ["turnpike"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    ],
    targets: [
        .target(
            name: "CLiburing",
            path: "CShims/CLiburing",
            linkerSettings: [.linkedLibrary("uring")]
        ),
        .target(
            name: "CLinux",
            path: "CShims/CLinux",
            linkerSettings: [.linkedLibrary("numa")]
        ),
        .target(
            name: "COpenSSL",
            path: "CShims/COpenSSL",
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]
        ),
        .target(name: "CTLSClient", dependencies: ["COpenSSL"], path: "CShims/CTLSClient"),
        .target(
            name: "CLoad",
            path: "CShims/CLoad",
            linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]
        ),
        module("STUN", ["COpenSSL"]),
        module("TURN", ["STUN"]),
        module("TLS", ["COpenSSL"]),
        module("IOURing", ["CLiburing", "CLinux"]),
        module("Exchange", []),
        module("RelayLoop", ["TURN", "STUN", "TLS", "IOURing", "Exchange"]),
        .target(name: "Tunables", swiftSettings: common),
        .target(name: "Tokens", dependencies: ["STUN"], swiftSettings: common),
        .target(
            name: "Control",
            dependencies: [
                "Exchange", "TURN", "STUN", "Tokens",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            resources: [.embedInCode("Pages/Web"), .embedInCode("API/openapi.json")],
            swiftSettings: common
        ),
        .executableTarget(
            name: "turnpike",
            dependencies: [
                "Control", "RelayLoop", "Tokens", "Tunables", "Exchange", "TURN", "STUN", "TLS",
                "IOURing", "COpenSSL",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: common
        ),
        benchmark(
            "LoadGenerator",
            ["CLoad", .product(name: "ArgumentParser", package: "swift-argument-parser")]
        ),
        benchmark(
            "BareForwarder",
            [
                "CLoad", "CLiburing",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]
        ),
        benchmark("MicroBenchmarks", ["STUN", "TURN", "IOURing", "RelayLoop", "Exchange"]),
        tests("STUN", ["STUN"]),
        tests("TURN", ["TURN", "STUN", "COpenSSL"]),
        tests("TLS", ["TLS", "COpenSSL", "CTLSClient"]),
        tests("IOURing", ["IOURing"]),
        tests("Exchange", ["Exchange"]),
        tests(
            "RelayLoop",
            ["RelayLoop", "TURN", "STUN", "TLS", "IOURing", "Exchange", "COpenSSL", "CTLSClient"]
        ),
        tests("Tunables", ["Tunables"]),
        tests(
            "Control",
            [
                "Control", "Exchange", "TURN", "STUN", "Tokens",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOWebSocket", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]
        ),
        tests("turnpike", ["turnpike", "Control", "COpenSSL", "Tunables", "STUN", "TURN"]),
        .target(
            name: "SimulatedWorld",
            dependencies: ["RelayLoop", "TURN", "STUN", "IOURing", "Exchange"],
            path: "Tests/Simulation/World",
            swiftSettings: common
        ),
        .executableTarget(
            name: "Simulation",
            dependencies: ["SimulatedWorld"],
            path: "Tests/Simulation/Runner",
            swiftSettings: common
        ),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["SimulatedWorld"],
            path: "Tests/Simulation/Suite",
            swiftSettings: common
        ),
        tests("Tidy", []),
    ]
)

/// The targets of a list that one of them is made of, itself included.
func closure(of name: String, in targets: [Target]) -> Set<String> {
    guard let target = targets.first(where: { $0.name == name }) else { return [] }
    return target.dependencies.reduce(into: [name]) { names, dependency in
        guard case .byNameItem(let name, _) = dependency else { return }
        names.formUnion(closure(of: name, in: targets))
    }
}

extension Target.Dependency {
    /// Whether it comes from another package.
    var isProduct: Bool {
        if case .productItem = self { true } else { false }
    }
}

// Sanitizers need the tests of one module and what it stands on, not everything: `swift test` would build it all, and the
// compiler of Swift 6.3 crashes on some of perf/ under the thread sanitizer.
if let module = Context.environment["TURNPIKE_TESTS_OF"] {
    let names = closure(of: "\(module)Tests", in: package.targets)
    package.targets.removeAll { !names.contains($0.name) }
    package.products = []
    let needsPackages = package.targets.contains { $0.dependencies.contains(where: \.isProduct) }
    if !needsPackages { package.dependencies = [] }
}
