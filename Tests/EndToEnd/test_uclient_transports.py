"""The distribution's load client over every transport and extension it knows: nothing lost, nothing broken.

{UDP, TCP, TLS, DTLS} × {channels, Send} × {IPv4, IPv6} × {echoing peer, client to client}, then RFC 6062, dual
allocations, mobility and OAuth. Left out, because the client cannot do it whatever the server is: RFC 6062 with a
passive peer over TLS (`-P -S`: it opens the peer's connection with TLS too, and gives up after EPIPE).

Mobility over TLS and DTLS (`-M -S`) is run again while the client breaks. Before it shows its ticket it closes its old
connection in one of three ways, by chance; in one of them (one move of four) it calls SSL_free, keeps the pointer, and
once the new session is open, mostly in the same memory, calls SSL_shutdown and SSL_free on it again: it ends with
"send: Success" or a segmentation fault, against coturn too, and no server can help it.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from conftest import StartServer
from server import OAUTH
from streams.certificates import Certificate
from uclient import IPV4, IPV6, STATIC, Case, echoing_peers, started

RUNS_AT_ONCE = 8

TRANSPORTS = {"udp": (), "tcp": ("-t",), "tls": ("-t", "-S"), "dtls": ("-S",)}
MODES = {"channels": ("-c",), "send": ("-c", "-s")}
FAMILIES = {"ipv4": IPV4, "ipv6": IPV6}
PEERS = {"echo": (), "client-to-client": ("-y",)}


def cell(name: str, transport: str, addresses: tuple[str, str], flags: tuple[str, ...]) -> Case:
    """4 clients with 100 messages each; over TLS fewer and far apart, because the client loses what comes together.

    RFC 6062 over TLS has two: four bind their connections one after the other, and the last later than the 30 s it has.
    """
    messages, interval_ms = (25, 150) if transport == "tls" else (100, 5)
    clients = 2 if transport == "tls" and "-T" in flags else 4
    return Case(name, addresses, TRANSPORTS[transport] + flags, STATIC, clients, messages, interval_ms)


MATRIX = [
    cell(f"{transport}-{mode}-{family}-{peer}", transport, FAMILIES[family], MODES[mode] + PEERS[peer])
    for transport in TRANSPORTS
    for mode in MODES
    for family in FAMILIES
    for peer in PEERS
]
TCP_RELAY = [
    cell(f"{transport}-{kind}-{family}", transport, FAMILIES[family], (flag,))
    for kind, flag, transports in (("connect", "-T", ("tcp", "tls")), ("passive", "-P", ("tcp",)))
    for transport in transports
    for family in FAMILIES
]
DUAL = [
    cell(f"{transport}-dual-{peer}", transport, IPV4, ("-Z", *PEERS[peer]))
    for transport in TRANSPORTS
    for peer in PEERS
]
#: Few clients, so that few moves have to go well: one for each, and one for the allocation made first to probe.
SECURE_MOBILITY = [
    Case(
        f"{transport}-mobility-{peer}",
        IPV4,
        (*TRANSPORTS[transport], "-M", "-c", *PEERS[peer]),
        clients=2 if peer == "client-to-client" else 1,
        messages=10,
        interval_ms=150,
        attempts=40,
    )
    for transport in ("tls", "dtls")
    for peer in PEERS
]
MOBILITY = SECURE_MOBILITY + [
    cell(f"{transport}-mobility-{peer}", transport, IPV4, ("-M", "-c", *PEERS[peer]))
    for transport in ("udp", "tcp")
    for peer in PEERS
]
OAUTH_CELLS = [
    cell(f"{transport}-oauth-{mode}", transport, IPV4, ("-J", *MODES[mode]))
    for transport in TRANSPORTS
    for mode in MODES
]

Runs = dict[str, Future]


#: What a server is started with, by the cells that need it; the client names the second family by a number of coturn's.
SETTINGS = {"plain": {"server/coturn_dual": "1"}, "mobility": {"server/mobility": "1"}, "oauth": OAUTH}


def server_for(case: Case) -> str:
    """Which of these a cell runs against."""
    return "oauth" if case in OAUTH_CELLS else "mobility" if case in MOBILITY else "plain"


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest,
    start_server: StartServer,
    certificate: Certificate,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Runs]:
    """The selected cases, started in order, a few at once, against servers of two threads."""
    items = [item for item in request.session.items if item.module is request.module and hasattr(item, "callspec")]
    cases = [item.callspec.params["case"] for item in items]
    servers = {
        name: start_server({"threads/count": "2", **SETTINGS[name]}, certificate=certificate)
        for name in sorted({server_for(case) for case in cases})
    }
    ports = {case: servers[server_for(case)].port for case in cases}
    with (
        echoing_peers(tmp_path_factory.mktemp("peer")) as peer_port,
        started(ports, peer_port, RUNS_AT_ONCE) as running,
    ):
        yield running
    for server in servers.values():
        server.stop()


def names(cases: list[Case]) -> pytest.MarkDecorator:
    """Each case as a test of its own."""
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def assert_nothing_lost(case: Case, runs: Runs) -> None:
    """All that was sent came back."""
    if case.name not in runs:
        pytest.skip("needs a second IPv6 address on the loopback interface: start with Tests/EndToEnd/run")
    runs[case.name].result().assert_nothing_lost(case.clients * case.messages)


@names(MATRIX)
def test_transport_loses_nothing(case: Case, runs: Runs) -> None:
    assert_nothing_lost(case, runs)


@names([case for case in TCP_RELAY if "-T" in case.flags])
def test_tcp_relay_loses_nothing(case: Case, runs: Runs) -> None:
    """RFC 6062, both ends through the relay, each connects to the other."""
    assert_nothing_lost(case, runs)


@names([case for case in TCP_RELAY if "-P" in case.flags])
def test_passive_tcp_relay_breaks_nothing(case: Case, runs: Runs) -> None:
    """RFC 6062 with peers that connect to the relay: those never read, so half of what is sent comes back."""
    if case.name not in runs:
        pytest.skip("needs a second IPv6 address on the loopback interface: start with Tests/EndToEnd/run")
    expected = case.clients * case.messages
    assert runs[case.name].result().totals == (expected, expected // 2), runs[case.name].result().tail


@names(DUAL)
def test_dual_allocation_loses_nothing(case: Case, runs: Runs) -> None:
    """An allocation for both families (RFC 8656 7.1)."""
    assert_nothing_lost(case, runs)


@names([case for case in MOBILITY if not {"-t", "-S"} & set(case.flags)])
def test_mobility_loses_nothing(case: Case, runs: Runs) -> None:
    """RFC 8016: each client goes on from another port with its ticket."""
    assert_nothing_lost(case, runs)


@names([case for case in MOBILITY if {"-t", "-S"} & set(case.flags)])
def test_mobility_over_connections_loses_nothing(case: Case, runs: Runs, only_turnpike) -> None:
    """The old connection is closed before the ticket is shown; coturn answers the Refresh, then closes the new one too."""
    assert_nothing_lost(case, runs)


@names(OAUTH_CELLS)
def test_oauth_loses_nothing(case: Case, runs: Runs) -> None:
    """RFC 7635 with the keys that the client is built with."""
    assert_nothing_lost(case, runs)
