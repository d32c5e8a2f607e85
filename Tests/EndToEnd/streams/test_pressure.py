"""Clients that do not read, and thousands that say nothing: bounded memory, counted drops, and others go on."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import StartServer
from hostile.client import Client, Credentials, assert_relays
from hostile.endpoint import Endpoint
from hostile.stun import Builder, Method
from server import Server

from .certificates import Certificate
from .client import Closed, StreamClient
from .conftest import Way, connection_ways
from .test_messages import CHANNEL, bound
from .transports import Tcp

#: What a client that does not read may cost: its outbox, some kernel memory is not counted here.
GROWTH_LIMIT_KILOBYTES = 4096
HALF_OPEN = 24_000
#: The longest a round trip of somebody else's media may take; only a busy machine comes near it.
PAUSE_LIMIT_SECONDS = 5


class Media:
    """Round trips through somebody's UDP allocation, one after the other, in a thread of its own."""

    def __init__(self, server: Server, credentials: Credentials):
        self.server, self.credentials = server, credentials
        self.is_over = False
        self.count, self.longest = 0, 0.0
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Goes round until told to stop."""
        try:
            with Client(self.server.address, self.credentials) as client, Endpoint("127.0.0.6") as peer:
                client.allocate()
                client.permit(peer.address)
                while not self.is_over:
                    began = time.monotonic()
                    assert_relays(client, peer)
                    self.longest = max(self.longest, time.monotonic() - began)
                    self.count += 1
        except BaseException as error:
            self.failure = error

    @contextmanager
    def going_on(self) -> Iterator[Media]:
        """Runs beside the block, which must not be felt."""
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            yield self
        finally:
            self.is_over = True
            thread.join()
        assert self.failure is None, self.failure
        print(f"{self.count} round trips of media, the longest {self.longest * 1000:.1f} ms")
        assert self.count > 0
        assert self.longest <= PAUSE_LIMIT_SECONDS


def next_count(client: StreamClient) -> int:
    """The number in the next datagram of a numbered flood."""
    found = client.next_data()
    assert found.channel == CHANNEL and len(found.payload) == 1000
    return int.from_bytes(found.payload[:4], "big")


@connection_ways
def test_a_client_that_never_reads_costs_a_bounded_amount_and_nobody_else(
    way: Way, server: Server, alice: Credentials, bob: Credentials, peer: Endpoint
) -> None:
    """Whole messages are dropped and counted; what was kept comes whole and in order when the client reads at last."""
    flood = 20_000
    with bound(way, alice, peer) as deaf, way.client(bob) as other, Endpoint("127.0.0.3") as quiet:
        other.allocate()
        other.permit(quiet.address)
        before = server.resident_kilobytes
        dropped = server.counters().get("drops_connection_full", 0)
        with Media(server, bob).going_on():
            for number in range(flood):
                peer.send(number.to_bytes(4, "big") + bytes(996), deaf.relayed)
                if number % 500 == 0:
                    assert_relays(other, quiet)
        assert server.resident_kilobytes - before <= GROWTH_LIMIT_KILOBYTES
        if server.name == "turnpike":
            assert server.counters()["drops_connection_full"] > dropped
        peer.send((flood).to_bytes(4, "big") + bytes(996), deaf.relayed)
        numbers = [next_count(deaf)]
        while numbers[-1] < flood:
            numbers.append(next_count(deaf))
            if len(numbers) % 10 == 0:
                peer.send((flood).to_bytes(4, "big") + bytes(996), deaf.relayed)
        assert numbers == sorted(set(numbers)), "whole and in order"
        assert len(numbers) < flood, "nothing was dropped"
        assert deaf.refresh(600).code is None


@connection_ways
def test_a_stranger_that_asks_and_never_reads_is_let_go(way: Way, server: Server, only_turnpike) -> None:
    """Answers nobody reads fill a bounded room; then the connection ends."""
    before = server.resident_kilobytes
    with way.client() as deaf:
        requests = [b"".join(binding() for _ in range(200))] if deaf.transport.is_stream else [binding()] * 200
        try:
            deadline = time.monotonic() + 20
            deaf.socket.settimeout(3)
            while time.monotonic() < deadline:
                for request in requests:
                    deaf.put(request)
        except (ConnectionError, TimeoutError, Closed, OSError):
            pass
        else:
            raise AssertionError("goes on taking requests without an end")
    assert server.resident_kilobytes - before <= GROWTH_LIMIT_KILOBYTES


def binding() -> bytes:
    """A Binding request."""
    return Builder(Method.BINDING).build()


@pytest.mark.parametrize("kind, limit_kilobytes", [("tcp", 4), ("tls", 40)])
def test_idle_connections_cost_little(
    own_server: StartServer, certificate: Certificate, kind: str, limit_kilobytes: int, only_turnpike
) -> None:
    """Resident memory for each of 500 that have been served once."""
    server, count = own_server({}, certificate=certificate), 500
    way = Way(server, kind)
    with way.client() as warm:
        warm.binding()
    before = server.resident_kilobytes
    idle = [way.client() for _ in range(count)]
    for client in idle:
        client.binding()
    growth = server.resident_kilobytes - before
    for client in idle:
        client.close()
    print(f"{growth / count:.1f} kB for each")
    assert growth <= limit_kilobytes * count


def test_24_000_half_open_connections_are_shed_and_media_goes_on(
    own_server: StartServer, alice: Credentials, bob: Credentials, only_turnpike
) -> None:
    """By policy: the oldest that said nothing make room, so that an honest client always finds some."""
    server = own_server({"limits/connections": "8000"})
    before, descriptors = server.resident_kilobytes, server.descriptor_count
    script = [sys.executable, str(Path(__file__).with_name("half_open.py")), str(server.port), str(HALF_OPEN // 2)]
    with Media(server, bob).going_on():
        crowds = [
            subprocess.Popen([*script, network], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for network in ("11", "12")
        ]
        try:
            made = sum(int(crowd.stdout.readline()) for crowd in crowds)
            with StreamClient(Tcp(server.address), alice) as honest, Endpoint("127.0.0.2") as peer:
                honest.allocate()
                honest.permit(peer.address)
                assert_relays(honest, peer)
            assert server.descriptor_count - descriptors <= 8000 + 32
            counters = server.counters()
            growth = server.resident_kilobytes - before
            left = sum(int(crowd.communicate(timeout=60)[0]) for crowd in crowds)
        finally:
            for crowd in crowds:
                crowd.kill()
                crowd.wait()
    shed = counters["connections_refused"] + counters["connections_evicted"] + counters["connections_timed_out"]
    print(f"{made} made, {left} left, {shed} shed, resident memory grew by {growth} kB")
    assert made >= HALF_OPEN * 0.99
    assert left <= 8000
    assert shed >= made - 8000
    assert growth <= 8000


def test_connections_of_one_source_are_limited(own_server: StartServer, alice: Credentials, only_turnpike) -> None:
    server = own_server({"limits/connections_per_source": "20"})
    greedy = [Tcp(server.address, source="127.0.7.7") for _ in range(60)]
    with StreamClient(Tcp(server.address, source="127.0.7.8"), alice) as other:
        other.allocate()
    closed = [transport.ends(0.2) for transport in greedy]
    assert closed.count(False) == 20
    assert server.counters()["connections_refused"] == 40
    for transport in greedy:
        transport.close()
    with StreamClient(Tcp(server.address, source="127.0.7.7"), alice) as again:
        again.allocate()
