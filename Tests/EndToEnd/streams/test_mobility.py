"""An allocation goes with its client to another port, another transport, another thread (RFC 8016)."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from threading import Thread

import pytest
from conftest import StartServer
from hostile.client import Client, Credentials
from hostile.endpoint import Endpoint
from hostile.stun import Address, Attribute, Builder, Message, Method
from server import Server

from .certificates import Certificate
from .conftest import Way
from .test_messages import CHANNEL, assert_channel_relays

WAYS = ("udp", "tcp", "tls", "dtls")
#: What a peer sends while a client moves.
COUNT = 400


@pytest.fixture(scope="module")
def server(start_server: StartServer, certificate: Certificate) -> Iterator[Server]:
    """Four threads, so that most moves go to another; one allocation for each user."""
    settings = {"server/mobility": "1", "threads/count": "4", "limits/allocations_per_user": "1"}
    running = start_server(settings, certificate=certificate)
    yield running
    assert running.process.poll() is None, f"the server ended\n{running.log_tail()}"
    running.stop()


def arrive(server: Server, kind: str, credentials: Credentials) -> Client:
    """A client without an allocation."""
    return Client(server.address, credentials) if kind == "udp" else Way(server, kind).client(credentials)


def allocate(client: Client, peer: Endpoint) -> bytes:
    """An allocation with a channel; returns its ticket."""
    answer = client.allocate((Attribute.MOBILITY_TICKET, b""))
    assert client.bind_channel(CHANNEL, peer.address).code is None
    ticket = answer.get(Attribute.MOBILITY_TICKET)
    assert ticket, "no ticket"
    return ticket


def show(client: Client, ticket: bytes) -> Message:
    """A Refresh with a ticket."""
    return client.request(Builder(Method.REFRESH).add(Attribute.MOBILITY_TICKET, ticket))


@pytest.mark.parametrize("there", WAYS)
@pytest.mark.parametrize("here", WAYS)
def test_an_allocation_moves(
    server: Server, here: str, there: str, alice: Credentials, peer: Endpoint, only_turnpike
) -> None:
    """Both paths stay until data comes on the new one; relayed address, channel and quota are the same."""
    old = arrive(server, here, alice)
    ticket = allocate(old, peer)
    assert_channel_relays(old, peer)
    new = arrive(server, there, alice)
    answer = show(new, ticket)
    assert answer.code is None, answer
    fresh = answer.get(Attribute.MOBILITY_TICKET)
    assert fresh and fresh != ticket
    new.relayed, old.relayed = old.relayed, None
    assert_channel_relays(new, peer)
    assert new.refresh(600).code is None
    with arrive(server, "udp", alice) as one_more:
        assert one_more.allocate_request().code == 486, "still one allocation"
    old.close()
    assert_channel_relays(new, peer)
    assert new.refresh(0).code is None
    new.close()


def send_numbers(peer: Endpoint, relayed: Address) -> None:
    """Numbered datagrams, one a millisecond."""
    for number in range(COUNT):
        peer.send(b"%d" % number, relayed)
        time.sleep(0.001)


@pytest.mark.parametrize("there", WAYS)
@pytest.mark.parametrize("here", WAYS)
def test_a_peer_that_sends_during_the_move_loses_nothing(
    server: Server, here: str, there: str, alice: Credentials, peer: Endpoint, only_turnpike
) -> None:
    """The client has left the old path. It only listens for a while; then it sends, which may take its allocation to
    another thread in the midst of what the peer sends."""
    old = arrive(server, here, alice)
    ticket, relayed = allocate(old, peer), old.relayed
    with arrive(server, there, alice) as new:
        old.close()
        assert show(new, ticket).code is None
        new.relayed = relayed
        sender = Thread(target=send_numbers, args=(peer, relayed))
        sender.start()
        found = set()
        while len(found) < COUNT:
            found.add(new.next_data().payload)
            if len(found) == COUNT // 4:
                new.send_channel_data(CHANNEL, b"here")
        sender.join()
        assert peer.receive() == (b"here", relayed)
        assert new.refresh(0).code is None


@pytest.mark.parametrize(
    "kind, end", [("tcp", "close"), ("tcp", "reset"), ("tls", "close"), ("tls", "reset"), ("dtls", "close")]
)
def test_an_allocation_outlives_its_connection_by_its_ticket(
    server: Server, kind: str, end: str, alice: Credentials, peer: Endpoint, only_turnpike
) -> None:
    """Whoever loses the network loses the connection first."""
    old = arrive(server, kind, alice)
    ticket, relayed = allocate(old, peer), old.relayed
    old.close() if end == "close" else old.transport.reset()
    with arrive(server, kind, alice) as new:
        assert show(new, ticket).code is None
        new.relayed = relayed
        assert_channel_relays(new, peer)
        assert new.refresh(0).code is None


@pytest.mark.parametrize("kind", WAYS)
def test_a_ticket_is_good_once_and_for_its_owner(
    server: Server, kind: str, alice: Credentials, bob: Credentials, peer: Endpoint, only_turnpike
) -> None:
    old = arrive(server, kind, alice)
    ticket = allocate(old, peer)
    with arrive(server, kind, bob) as thief:
        assert show(thief, ticket).code in (437, 441)
    with arrive(server, kind, alice) as guesser:
        assert show(guesser, secrets.token_bytes(len(ticket))).code in (400, 437)
    assert_channel_relays(old, peer)
    new = arrive(server, kind, alice)
    answer = show(new, ticket)
    assert answer.code is None
    new.relayed, old.relayed = old.relayed, None
    assert_channel_relays(new, peer)
    with arrive(server, kind, alice) as late:
        assert show(late, ticket).code in (400, 437), "an old ticket"
    assert new.refresh(0).code is None
    old.close()
    new.close()


def test_a_ticket_in_an_allocate_is_refused(server: Server, alice: Credentials, only_turnpike) -> None:
    with Client(server.address, alice) as client:
        assert client.allocate_request((Attribute.MOBILITY_TICKET, b"12345678")).code == 400


def test_mobility_is_forbidden_where_it_is_off(own_server: StartServer, alice: Credentials, only_turnpike) -> None:
    with Client(own_server({}).address, alice) as client:
        assert client.allocate_request((Attribute.MOBILITY_TICKET, b"")).code == 405
