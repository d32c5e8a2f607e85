"""Hundreds of thousands of random and mutated datagrams; `--count 10000000` by hand. Nothing may have changed after."""

from __future__ import annotations

import secrets
import socket
import time
from contextlib import ExitStack

import pytest
from flood import BATCH, Nonsense, send_batch, templates
from hostile.client import Client, Credentials, assert_relays
from hostile.endpoint import Endpoint
from server import Server

#: What the process may have grown by: the allocator's noise, not something for each datagram.
GROWTH_LIMIT_KILOBYTES = 2048
#: Datagrams between two round trips that show the server has kept up.
PACE = 4 * BATCH


@pytest.fixture
def seed(pytestconfig: pytest.Config) -> int:
    """The seed of this run."""
    given = pytestconfig.getoption("--seed")
    return secrets.randbits(32) if given is None else given


@pytest.fixture
def flooded(own_server) -> Server:
    """A server whose clients reach nothing beyond the loopback network, whatever they ask for."""
    return own_server({"peers/deny": "0.0.0.0/0 ::/0", "peers/allow": "127.0.0.0/8", "limits/allocations": "2000"})


class Flood(ExitStack):
    """Where it comes from: strangers, a user's own socket, and peers of a live allocation."""

    def __init__(self, server: Server, credentials: Credentials, seed: int):
        super().__init__()
        self.server = server
        self.user = self.enter_context(Client(server.address, credentials))
        self.user.allocate()
        self.target = self.enter_context(Client(server.address, credentials))
        self.target.allocate()
        self.peer = self.enter_context(Endpoint("127.0.0.5"))
        self.target.bind_channel(0x4000, self.peer.address)
        self.source = Nonsense(seed, templates(self.user, [self.peer.address, ("127.0.0.6", 9)]))
        self.sockets = [self.stranger(), self.user_socket(), self.peer_socket()]

    def stranger(self) -> socket.socket:
        """A socket the server has never heard of."""
        endpoint = self.enter_context(Endpoint("127.0.6.1"))
        endpoint.socket.connect(self.server.address)
        return endpoint.socket

    def user_socket(self) -> socket.socket:
        """The socket of a user with an allocation, which the flood may well delete."""
        self.user.socket.connect(self.server.address)
        self.user.relayed = None
        return self.user.socket

    def peer_socket(self) -> socket.socket:
        """A permitted peer of an allocation."""
        self.peer.socket.connect(self.target.relayed)
        return self.peer.socket

    def round(self, number: int) -> int:
        """One batch from one of the sockets, and a little that is signed right; returns the count."""
        sent = send_batch(self.source, self.sockets[number % len(self.sockets)])
        for _ in range(4):
            self.user.socket.send(self.source.signed(self.user))
        for endpoint in (self.user, self.target, self.peer):
            endpoint.pending()
        return sent + 4


def wait_until_read(server: Server, client: Client) -> None:
    """Returns when the server answers again: it has read what came before."""
    for _ in range(50):
        try:
            assert client.refresh(600).code is None
            return
        except TimeoutError:
            assert server.process.poll() is None, f"the server ended\n{server.log_tail()}"
    raise AssertionError("the server does not answer any more")


def test_flood_changes_nothing(flooded: Server, alice: Credentials, bob: Credentials, seed: int, pytestconfig) -> None:
    count = pytestconfig.getoption("--count")
    print(f"seed {seed}, {count} datagrams")
    with Client(flooded.address, bob) as witness, Endpoint("127.0.0.2") as peer, Flood(flooded, alice, seed) as flood:
        witness.allocate()
        witness.permit(peer.address)
        relayed, threads = witness.relayed, flooded.thread_count
        sent, number, before, started = 0, 0, None, time.monotonic()
        while sent < count:
            sent += flood.round(number)
            number += 1
            if number % (PACE // BATCH) == 0:
                wait_until_read(flooded, witness)
            if before is None and sent >= count // 10:
                before = flooded.resident_kilobytes
        seconds = time.monotonic() - started
        wait_until_read(flooded, witness)
        growth = flooded.resident_kilobytes - before
        print(f"{sent} datagrams in {seconds:.1f} s ({sent / seconds:,.0f}/s), resident memory grew by {growth} kB")
        report = flooded.counters()
        if report:
            arrived = report["datagrams_from_clients"] + report.get("datagrams_from_peers", 0)
            print({name: number for name, number in report.items() if number and name.startswith("drops_")})
            assert arrived >= 0.9 * count, f"only {arrived} of {count} arrived"
        assert flooded.answers_binding(timeout_seconds=5)
        assert witness.relayed == relayed
        assert witness.permit(peer.address).code is None
        assert_relays(witness, peer)
        assert flooded.thread_count == threads
        assert growth <= GROWTH_LIMIT_KILOBYTES
