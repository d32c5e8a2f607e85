"""What strangers can make the server do: little, and less the more they ask (RFC 8489 16, RFC 8656 21.1)."""

from __future__ import annotations

import time

import pytest
from server import Server

from .client import UDP, Client, Credentials, assert_relays
from .endpoint import Endpoint
from .stun import Attribute, Builder, Method, channel_data

#: Answer bytes for each request byte, and the bytes of an answer, that a stranger may draw: the 401 has to carry
#: realm, nonce and the list of algorithms.
RATIO_LIMIT = 6.5
ANSWER_LIMIT = 136


def allocate() -> Builder:
    """An Allocate request without credentials."""
    return Builder(Method.ALLOCATE).add(Attribute.REQUESTED_TRANSPORT, UDP)


REQUESTS = {
    "Binding": Builder(Method.BINDING),
    "Binding with fingerprint": Builder(Method.BINDING).add_fingerprint(),
    "Binding with an unknown attribute": Builder(Method.BINDING).add(0x7F01),
    "Allocate": allocate(),
    "bare Allocate": Builder(Method.ALLOCATE),
    "bare Refresh": Builder(Method.REFRESH),
    "Allocate with an empty integrity": allocate().add(Attribute.MESSAGE_INTEGRITY, bytes(20)),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_strangers_draw_small_answers(client: Client, name: str, only_turnpike) -> None:
    request = REQUESTS[name].build()
    answer = client.exchange(request)
    ratio = len(answer.raw) / len(request)
    print(f"{name}: {len(request)} bytes draw {len(answer.raw)}, {ratio:.2f} : 1")
    assert ratio <= (1.6 if name == "Binding" else RATIO_LIMIT)
    assert len(answer.raw) <= ANSWER_LIMIT


def wrong_password(client: Client) -> bytes:
    """An Allocate signed with a wrong password."""
    client.credentials = Credentials("alice", "guess")
    return client.sign(allocate()).build()


@pytest.mark.parametrize("kind", ["without-credentials", "binding", "guesses"])
def test_flood_of_one_prefix_is_shed_and_service_goes_on(own_server, alice: Credentials, kind: str, only_turnpike) -> None:
    server = own_server({"limits/unauthenticated_per_s": "50", "limits/unauthenticated_total_per_s": "10000"})
    with (
        Client(server.address, alice, "127.0.9.2") as session,
        Client(server.address, address="127.0.9.1") as flooder,
        Client(server.address, alice, "127.0.8.1") as newcomer,
        Endpoint("127.0.0.2") as peer,
    ):
        session.allocate()
        session.permit(peer.address)
        flooder.challenge()
        started, answers, requests = time.monotonic(), 0, 0
        for _ in range(20):
            for _ in range(100):
                data = {"without-credentials": allocate, "binding": lambda: Builder(Method.BINDING)}.get(kind)
                flooder.put(data().build() if data else wrong_password(flooder))
            requests += 100
            assert_relays(session, peer)
            assert session.refresh(600).code is None
            answers += len(flooder.pending())
        newcomer.allocate()
        answers += len(flooder.pending())
        seconds = time.monotonic() - started
        print(f"{answers} answers to {requests} requests in {seconds:.2f} s")
        assert 1 <= answers <= 110 + 60 * seconds < requests


def test_strangers_cost_no_memory(server: Server) -> None:
    def burst(number: int) -> None:
        with Client(server.address, address=f"127.2.{number % 250}.{1 + number // 250}") as stranger:
            for _ in range(20):
                stranger.put(allocate().build())
                stranger.put(channel_data(0x4000, b"nothing"))
            stranger.binding()

    for number in range(100):
        burst(number)
    before, descriptors = server.resident_kilobytes, server.descriptor_count
    for number in range(100, 1100):
        burst(number)
    assert server.resident_kilobytes - before <= 256
    assert server.descriptor_count == descriptors


def test_challenged_clients_cost_no_descriptor(server: Server, alice: Credentials) -> None:
    before = server.descriptor_count
    clients = [Client(server.address, alice) for _ in range(50)]
    for client in clients:
        client.challenge()
        client.refresh(600)
    assert server.descriptor_count == before
    for client in clients:
        client.close()
