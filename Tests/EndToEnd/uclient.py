"""The distribution's load client, `turnutils_uclient` 4.6.1: its command line, its totals, and peers for it.

It picks channel numbers up to 0x7FFF (hence `server/rfc5766_channels`), makes RTP/RTCP pairs with EVEN-PORT unless told
`-c`, and prints its totals at the end. Over TLS it reads one message of each record and forgets the rest, so messages
must be far apart (`-z 40`). `turnutils_peer` sends back what it gets. A run takes ten seconds of mostly waiting, so
a few run at once.
"""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conftest import PEER_IPV6
from server import PASSWORD, SECRET, USER, free_port, is_local

LIMIT_SECONDS = 60

PEER_IPV4 = "127.0.0.2"
STATIC = ("-u", USER, "-w", PASSWORD)
TIME_LIMITED = ("-u", "carol", "-W", SECRET)

IPV4, IPV6 = ("127.0.0.1", PEER_IPV4), ("::1", PEER_IPV6[0])
#: An IPv4 client with an IPv6 relayed address.
CROSSED = ("127.0.0.1", PEER_IPV6[0])


@dataclass(frozen=True)
class Case:
    """One run: where the server and the peer are, the flags, the credentials, how much is sent how fast."""

    name: str
    addresses: tuple[str, str]
    flags: tuple[str, ...]
    credentials: tuple[str, ...] = STATIC
    clients: int = 20
    messages: int = 500
    interval_ms: int = 5
    #: How often it is started until the client itself comes to its end.
    attempts: int = 1
    #: What a run must have said that is started again.
    excuse: str = ""
    #: The address of its sockets; the server's where none is named.
    source: str = ""

    @property
    def can_run(self) -> bool:
        """Whether this host has the peer's address."""
        return is_local(self.addresses[1])

    def command(self, server_port: int, peer_port: int) -> list[str]:
        """The command line."""
        server, peer = self.addresses
        load = ("-m", self.clients, "-n", self.messages, "-z", self.interval_ms)
        family = ("-x",) if ":" in peer else ()
        peers = () if {"-y", "-T", "-P"} & set(self.flags) else ("-e", peer, "-r", peer_port)
        places = ("-p", server_port, "-L", self.source or server)
        words = ("turnutils_uclient", *load, *places, *family, *self.flags, *self.credentials, *peers, server)
        return [str(word) for word in words]

    def run(self, server_port: int, peer_port: int) -> Outcome:
        """Runs it to its end."""
        command = self.command(server_port, peer_port)
        for attempt in range(self.attempts):
            is_last = attempt + 1 == self.attempts
            try:
                finished = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                if is_last:
                    raise
                continue
            if finished.returncode == 0 or is_last or self.excuse not in finished.stdout + finished.stderr:
                break
        return Outcome(finished.returncode, finished.stdout + finished.stderr)


@dataclass(frozen=True)
class Outcome:
    """What a run printed."""

    code: int
    output: str

    @property
    def tail(self) -> str:
        """Its end, for people."""
        return "\n".join(self.output.splitlines()[-25:])

    @property
    def totals(self) -> tuple[int, int]:
        """Messages sent and received."""
        assert self.code == 0, self.tail
        totals = re.findall(r"tot_send_msgs=(\d+), tot_recv_msgs=(\d+)", self.output)
        assert totals, self.tail
        return int(totals[-1][0]), int(totals[-1][1])

    def assert_nothing_lost(self, expected: int) -> None:
        """So many were sent, and each came back."""
        assert self.totals == (expected, expected), self.tail
        assert "Total lost packets 0 (0.000000%), total send dropped 0 (0.000000%)" in self.output, self.tail


@contextmanager
def echoing_peers(directory: Path) -> Iterator[int]:
    """The port of the echoing peers, on IPv4 and, where there is an address for it, on IPv6."""
    port = free_port()
    log = (directory / "log").open("wb")
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
            process.wait(30)
        log.close()


@contextmanager
def started(cases: dict[Case, int], peer_port: int, at_once: int) -> Iterator[dict[str, Future]]:
    """Starts cases in order, each against a port of the server, a few at once."""
    with ThreadPoolExecutor(at_once) as pool:
        yield {case.name: pool.submit(case.run, port, peer_port) for case, port in cases.items() if case.can_run}
        pool.shutdown(cancel_futures=True)


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
