"""The distribution's load client against the server: 20 clients, 500 messages each, none lost.

`turnutils_uclient` 4.6.1 picks channel numbers up to 0x7FFF (hence `server/rfc5766_channels`), makes RTP/RTCP pairs
with EVEN-PORT unless told `-c`, and prints its totals at the end. `turnutils_peer` sends back what it gets. A run
takes ten seconds of mostly waiting, so a few run at once.
"""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import PEER_IPV6, StartServer
from server import PASSWORD, REST, SECRET, USER, Server, free_port, is_local

CLIENTS = 20
MESSAGES = 500
RUNS_AT_ONCE = 4
LIMIT_SECONDS = 60

PEER_IPV4 = "127.0.0.2"
STATIC = ("-u", USER, "-w", PASSWORD)
TIME_LIMITED = ("-u", "carol", "-W", SECRET)

IPV4, IPV6 = ("127.0.0.1", PEER_IPV4), ("::1", PEER_IPV6[0])
#: An IPv4 client with an IPv6 relayed address.
CROSSED = ("127.0.0.1", PEER_IPV6[0])


@dataclass(frozen=True)
class Case:
    """One run: where the server and the peer are, the flags, the credentials."""

    name: str
    addresses: tuple[str, str]
    flags: tuple[str, ...]
    credentials: tuple[str, ...] = STATIC

    def command(self, server_port: int, peer_port: int) -> list[str]:
        """The command line."""
        server, peer = self.addresses
        common = ("-m", CLIENTS, "-n", MESSAGES, "-z", 5, "-p", server_port, "-L", server)
        family = ("-x",) if ":" in peer else ()
        peers = () if "-y" in self.flags else ("-e", peer, "-r", peer_port)
        words = ("turnutils_uclient", *common, *family, *self.flags, *self.credentials, *peers, server)
        return [str(word) for word in words]


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
    Case("ipv4-mobility-channels", IPV4, ("-c", "-M")),
    Case("ipv4-mobility-send", IPV4, ("-c", "-s", "-M")),
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
def peer_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the echoing peers, on IPv4 and, where there is an address for it, on IPv6."""
    port = free_port()
    log = (tmp_path_factory.mktemp("peer") / "log").open("wb")
    addresses = [address for address in (PEER_IPV4, PEER_IPV6[0]) if is_local(address)]
    peers = [
        subprocess.Popen(["turnutils_peer", "-L", address, "-p", str(port)], stdout=log, stderr=log)
        for address in addresses
    ]
    try:
        for address in addresses:
            wait_for_echo(address, port)
        yield port
    finally:
        for process in peers:
            process.terminate()
            process.wait(5)
        log.close()


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest, server: Server, rest_server: Server, peer_port: int
) -> Iterator[dict[str, Future]]:
    """The selected cases, started in order, a few at once."""
    specifications = [item.callspec for item in request.session.items if hasattr(item, "callspec")]
    cases = [specification.params["case"] for specification in specifications if "case" in specification.params]
    with ThreadPoolExecutor(RUNS_AT_ONCE) as pool:
        yield {
            case.name: pool.submit(run_case(case, server, rest_server, peer_port))
            for case in cases
            if is_local(case.addresses[1])
        }
        pool.shutdown(cancel_futures=True)


def run_case(case: Case, server: Server, rest_server: Server, peer_port: int) -> Callable:
    """What runs a case and returns the finished process."""
    port = (rest_server if case.credentials is TIME_LIMITED else server).port
    command = case.command(port, peer_port)
    return lambda: subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS)


def wait_for_echo(address: str, port: int) -> None:
    """Returns when a peer sends back what it gets."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.1)
        probe.connect((address, port))
        for _ in range(100):
            try:
                probe.send(b"there?")
                probe.recv(100)
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.02)
                continue
            return
    raise AssertionError(f"no echo from {address}:{port}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_uclient_loses_nothing(case: Case, runs: dict[str, Future], folder: Path) -> None:
    """20 clients × 500 messages come back, each of them."""
    if case.name not in runs:
        pytest.skip("needs a second IPv6 address on the loopback interface: start with Tests/EndToEnd/run")
    finished = runs[case.name].result()
    output = finished.stdout + finished.stderr
    tail = "\n".join(output.splitlines()[-25:])
    assert finished.returncode == 0, tail
    totals = re.findall(r"tot_send_msgs=(\d+), tot_recv_msgs=(\d+)", output)
    assert totals, tail
    expected = str(CLIENTS * MESSAGES)
    assert totals[-1] == (expected, expected), tail
    assert "Total lost packets 0 (0.000000%), total send dropped 0 (0.000000%)" in output, tail


def test_server_dropped_and_failed_nothing(runs: dict[str, Future], server: Server, only_turnpike) -> None:
    """After all runs: no send failed, no buffer or slot was short, nothing was cut."""
    for future in runs.values():
        future.result()
    counters = server.counters()
    print({name: number for name, number in counters.items() if number})
    for name in ("drops_other_send_error", "relay_open_failures", "drops_truncated", "drops_no_send_slot", "drops_socket_full"):
        assert counters[name] == 0, counters
