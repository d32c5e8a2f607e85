"""The distribution's load client against the server over UDP: 20 clients, 500 messages each, none lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from conftest import StartServer
from server import REST, Server
from uclient import CROSSED, IPV4, IPV6, TIME_LIMITED, Case, echoing_peers, started

RUNS_AT_ONCE = 4

CASES = [
    Case("ipv4-channels", IPV4, ("-c",)),
    Case("ipv4-send", IPV4, ("-c", "-s")),
    Case("ipv4-channels-pairs", IPV4, ()),
    Case("ipv4-send-pairs", IPV4, ("-s",)),
    Case("ipv4-channels-client-to-client", IPV4, ("-c", "-y")),
    Case("ipv4-send-client-to-client", IPV4, ("-c", "-y", "-s")),
    Case("ipv4-pairs-client-to-client", IPV4, ("-y",)),
    Case("ipv4-channels-rest", IPV4, ("-c",), TIME_LIMITED),
    Case("ipv4-send-pairs-rest", IPV4, ("-s",), TIME_LIMITED),
    Case("ipv4-asked-for-dont-fragment", IPV4, ("-c", "-X", "-g")),
    Case("ipv4-padded-channel-data", IPV4, ("-c", "-D", "-l", "101")),
    Case("ipv4-more-permissions-1200-bytes", IPV4, ("-c", "-G", "-l", "1200")),
    Case("ipv6-channels", IPV6, ("-c",)),
    Case("ipv6-send-pairs", IPV6, ("-s",)),
    Case("ipv6-channels-client-to-client", IPV6, ("-c", "-y")),
    Case("ipv6-send-client-to-client-rest", IPV6, ("-c", "-y", "-s"), TIME_LIMITED),
    Case("ipv4-client-ipv6-relay", CROSSED, ("-c",)),
    # All clients of a run move, and close their sockets, before any of them sends data. The server has both paths of each
    # until then, and the kernel gives the port of one to the next client: its Refresh with a ticket comes on a 5-tuple
    # that has an allocation, and 437 is right. Each run has an address of its own, and after a 437 it begins anew.
    Case("ipv4-mobility-channels", IPV4, ("-c", "-M"), attempts=5, excuse="error 437", source="127.0.8.1"),
    Case("ipv4-mobility-send", IPV4, ("-c", "-s", "-M"), attempts=5, excuse="error 437", source="127.0.8.2"),
]


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Iterator[Server]:
    """Two relay threads, so that client to client also crosses them."""
    running = start_server({"threads/count": "2", "server/mobility": "1"})
    yield running
    running.stop()


@pytest.fixture(scope="module")
def rest_server(start_server: StartServer, server: Server) -> Iterator[Server]:
    """The same server for ours; coturn needs one of its own for REST secrets."""
    if server.name == "turnpike":
        yield server
        return
    running = start_server({REST: "1"})
    yield running
    running.stop()


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest, server: Server, rest_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future]]:
    """The selected cases, started in order, a few at once."""
    items = [item for item in request.session.items if item.module is request.module and hasattr(item, "callspec")]
    wanted = [item.callspec.params["case"] for item in items]
    cases = {case: (rest_server if case.credentials is TIME_LIMITED else server).port for case in wanted}
    with (
        echoing_peers(tmp_path_factory.mktemp("peer")) as peer_port,
        started(cases, peer_port, RUNS_AT_ONCE) as running,
    ):
        yield running


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_uclient_loses_nothing(case: Case, runs: dict[str, Future]) -> None:
    """20 clients × 500 messages come back, each of them."""
    if case.name not in runs:
        pytest.skip("needs a second IPv6 address on the loopback interface: start with Tests/EndToEnd/run")
    runs[case.name].result().assert_nothing_lost(case.clients * case.messages)


def test_server_dropped_and_failed_nothing(runs: dict[str, Future], server: Server, only_turnpike) -> None:
    """After all runs: no send failed, no buffer or slot was short, nothing was cut."""
    for future in runs.values():
        future.result()
    counters = server.counters()
    print({name: number for name, number in counters.items() if number})
    for name in ("drops_other_send_error", "relay_open_failures", "drops_truncated", "drops_no_send_slot", "drops_socket_full"):
        assert counters[name] == 0, counters
