"""The end of a connection is the end of its allocation, at once and whatever the end looks like (RFC 8656 3.1, 7)."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import pytest
from conftest import StartServer
from hostile.client import Credentials, assert_relays
from hostile.endpoint import Endpoint
from hostile.stun import Address, Builder, Method
from server import Server

from .client import StreamClient
from .conftest import Way, connection_ways, stream_ways, ways
from .test_messages import CHANNEL, bound
from .transports import connect

#: What "at once" may take on a busy machine.
SOON_SECONDS = 30
#: A client that is about to allocate must not be a stranger for so long, even where a step takes a second.
IDLE_SECONDS = 3


@pytest.fixture(scope="module")
def server(start_server: StartServer, certificate) -> Iterator[Server]:
    """One allocation for each user, and a second for those who say nothing."""
    settings = {"limits/allocations_per_user": "1", "limits/connection_idle_s": str(IDLE_SECONDS)}
    running = start_server(settings, certificate=certificate)
    yield running
    assert running.process.poll() is None, f"the server ended\n{running.log_tail()}"
    running.stop()


def wait_for(condition: Callable[[], bool], what: str, seconds: float = SOON_SECONDS) -> None:
    """Returns once a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        time.sleep(0.01)


def is_gone(relayed: Address) -> bool:
    """Whether nobody listens on a relayed address any more: the kernel says so to who sends to it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.05)
        probe.connect(relayed)
        try:
            probe.send(b"?")
            probe.recv(1)
        except ConnectionRefusedError:
            return True
        except TimeoutError:
            return False
    return False


ENDS: dict[str, Callable[[StreamClient], None]] = {
    "close": lambda client: client.close(),
    "reset": lambda client: client.transport.reset(),
    "half-close": lambda client: client.transport.finish(),
}


@connection_ways
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_the_end_of_a_connection_frees_port_and_quota_at_once(
    way: Way, end: Callable[[StreamClient], None], alice: Credentials, peer: Endpoint
) -> None:
    first, second = way.client(alice), way.client(alice)
    first.allocate()
    first.permit(peer.address)
    assert_relays(first, peer)
    assert second.allocate_request().code == 486, "one allocation for each user"
    relayed = first.relayed
    end(first)
    wait_for(lambda: is_gone(relayed), "the relayed port is closed")
    second.allocate()
    second.permit(peer.address)
    assert_relays(second, peer)
    first.close()
    second.close()
    wait_for(lambda: is_gone(second.relayed), "the relayed port is closed")


@stream_ways
def test_what_was_asked_before_a_half_close_is_answered(way: Way) -> None:
    requests = [Builder(Method.BINDING).build() for _ in range(20)]
    transport = way.open()
    if way.kind == "tls":
        # close_notify in one piece with the requests; Python's own `unwrap` reads, and would lose the answers.
        transport.put(b"".join(requests))
        assert [transport.message()[8:20] for _ in requests] == [request[8:20] for request in requests]
        transport.finish()
    else:
        transport.put(b"".join(requests))
        transport.finish()
        assert [transport.message()[8:20] for _ in requests] == [request[8:20] for request in requests]
    assert transport.ends()
    transport.close()


@ways("tcp", "tls", "ws")
def test_a_reset_in_the_midst_of_a_message_hurts_nobody(
    way: Way, server: Server, alice: Credentials, bob: Credentials, peer: Endpoint
) -> None:
    with way.client(bob) as honest:
        honest.allocate()
        honest.permit(peer.address)
        for count in range(0, 40, 3):
            client = bound(way, alice, peer)
            relayed = client.relayed
            for _ in range(20):
                peer.send(bytes(500), relayed)
            client.transport.put(Builder(Method.BINDING).add(0x8022, bytes(100)).build()[:count]) if count else None
            client.transport.reset()
            assert_relays(honest, peer)
            wait_for(lambda: is_gone(relayed), "the relayed port is closed")


@ways("tcp", "tls")
def test_hundreds_of_short_lives_leave_nothing_behind(way: Way, server: Server, alice: Credentials) -> None:
    """With a quota of one, each Allocate shows that the one before is gone; descriptors are where they were."""

    def allocate() -> StreamClient:
        client = way.client(alice)
        wait_for(lambda: client.allocate_request().code is None, "quota is free again")
        return client

    allocate().close()
    wait_for(lambda: way.client(alice).allocate_request().code is None, "warm")
    before = server.descriptor_count
    for number in range(150):
        client = allocate()
        if number % 3 == 0:
            client.transport.reset()
        elif number % 3 == 1:
            client.close()
        else:
            client.put(bytes([0xFF]) * 8)
            client.close()
    wait_for(lambda: server.descriptor_count <= before, f"{before} descriptors")


# Silence


@ways("tcp")
def test_a_stranger_that_says_nothing_is_closed(way: Way, only_turnpike) -> None:
    transport = way.open()
    began = time.monotonic()
    assert transport.ends(IDLE_SECONDS + SOON_SECONDS)
    assert time.monotonic() - began >= IDLE_SECONDS * 0.9
    transport.close()


@ways("tcp")
def test_dribbling_is_not_saying_anything(way: Way, only_turnpike) -> None:
    """A byte now and then of a message that never ends does not keep a connection open."""
    transport = way.open()
    message = Builder(Method.ALLOCATE).add(0x8022, bytes(1000)).build()
    deadline = time.monotonic() + IDLE_SECONDS + SOON_SECONDS
    try:
        for byte in message:
            transport.put(bytes([byte]))
            if transport.rest(0.1) is not None:
                break
            assert time.monotonic() < deadline, "still open"
    except ConnectionError:
        pass
    transport.close()


@ways("tls", "wss")
def test_a_handshake_that_does_not_go_on_is_closed(way: Way, server: Server, only_turnpike) -> None:
    """Half a ClientHello, and nothing more."""
    plain = connect(server.address_tls)
    plain.sendall(bytes.fromhex("16030102000100"))
    plain.settimeout(IDLE_SECONDS + SOON_SECONDS)
    try:
        assert plain.recv(100)[:1] in (b"", b"\x15"), "an alert at most"
    except ConnectionResetError:
        pass
    plain.close()


@connection_ways
def test_who_asks_now_and_then_stays(way: Way, only_turnpike) -> None:
    with way.client() as client:
        deadline = time.monotonic() + 1.5 * IDLE_SECONDS
        while time.monotonic() < deadline:
            client.binding()
            time.sleep(IDLE_SECONDS / 10)


@connection_ways
def test_who_has_an_allocation_may_be_silent(way: Way, alice: Credentials, peer: Endpoint, only_turnpike) -> None:
    with bound(way, alice, peer) as client:
        time.sleep(1.5 * IDLE_SECONDS)
        peer.send(b"still there", client.relayed)
        found = client.next_data()
        assert (found.channel, found.payload) == (CHANNEL, b"still there")
