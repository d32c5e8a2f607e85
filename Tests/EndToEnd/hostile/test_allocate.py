"""Allocate and Refresh: which answer, in which order (RFC 8656 7.2 and 8.2)."""

from __future__ import annotations

import struct

import pytest
from server import Server

from .client import UDP, Client, Credentials, assert_relays
from .endpoint import Endpoint
from .stun import Attribute, Builder, Method

EVEN = (Attribute.EVEN_PORT, b"\0")
EVEN_AND_NEXT = (Attribute.EVEN_PORT, b"\x80")
FAMILY_IPV4 = (Attribute.REQUESTED_ADDRESS_FAMILY, b"\1\0\0\0")
FAMILY_IPV6 = (Attribute.REQUESTED_ADDRESS_FAMILY, b"\2\0\0\0")
BOTH_FAMILIES = (Attribute.ADDITIONAL_ADDRESS_FAMILY, b"\2\0\0\0")
UNKNOWN_TOKEN = (Attribute.RESERVATION_TOKEN, b"12345678")


def lifetime(seconds: int) -> tuple[int, bytes]:
    """A LIFETIME attribute."""
    return Attribute.LIFETIME, struct.pack("!I", seconds)


def allocate(*attributes: tuple[int, bytes]) -> Builder:
    """An Allocate request without REQUESTED-TRANSPORT."""
    request = Builder(Method.ALLOCATE)
    for kind, value in attributes:
        request.add(kind, value)
    return request


# Success


def test_answer_has_relayed_and_mapped_address_and_lifetime(client: Client) -> None:
    answer = client.allocate()
    address, port = answer.address(Attribute.XOR_RELAYED_ADDRESS)
    assert address == "127.0.0.1" and 49152 <= port <= 65535
    assert answer.address(Attribute.XOR_MAPPED_ADDRESS) == client.address
    assert answer.lifetime == 600
    assert Attribute.RESERVATION_TOKEN not in answer.types


@pytest.mark.parametrize(("asked", "granted"), [(0, 600), (1, 600), (600, 600), (1000, 1000), (3600, 3600)])
def test_lifetime_is_never_below_the_default(client: Client, asked: int, granted: int, only_turnpike) -> None:
    assert client.allocate(lifetime(asked)).lifetime == granted


@pytest.mark.parametrize("asked", [3601, 1_000_000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_lifetime_is_capped_and_the_granted_one_told(client: Client, asked: int) -> None:
    assert client.allocate(lifetime(asked)).lifetime == 3600
    assert client.refresh(asked).lifetime == 3600


def test_retransmitted_request_gets_the_same_answer(client: Client) -> None:
    client.challenge()
    data = client.sign(allocate((Attribute.REQUESTED_TRANSPORT, UDP))).build()
    first, second = client.exchange(data), client.exchange(data)
    client.relayed = first.address(Attribute.XOR_RELAYED_ADDRESS)
    assert first.code is second.code is None
    assert second.address(Attribute.XOR_RELAYED_ADDRESS) == client.relayed
    assert 0 <= first.lifetime - second.lifetime <= 2


@pytest.mark.parametrize("family", [FAMILY_IPV4, FAMILY_IPV6])
@pytest.mark.parametrize("over", ["ipv4", "ipv6"])
def test_relayed_address_is_of_the_requested_family(server: Server, alice: Credentials, family, over: str) -> None:
    address = server.address if over == "ipv4" else server.address_ipv6
    with Client(address, alice) as client:
        client.allocate(family)
        assert client.relayed[0] == ("127.0.0.1" if family is FAMILY_IPV4 else "::1")


def test_family_defaults_to_ipv4_also_over_ipv6(server: Server, alice: Credentials) -> None:
    with Client(server.address_ipv6, alice) as client:
        client.allocate()
        assert client.relayed[0] == "127.0.0.1"


def test_dont_fragment_is_supported(client: Client) -> None:
    client.allocate((Attribute.DONT_FRAGMENT, b""))


def test_ports_are_not_predictable(server: Server, alice: Credentials) -> None:
    ports = []
    for _ in range(20):
        with Client(server.address, alice) as client:
            client.allocate()
            ports.append(client.relayed[1])
    steps = {abs(left - right) for left, right in zip(ports, ports[1:])}
    assert len(set(ports)) == 20 and len(steps) > 10, ports


# Refusals, in the order of RFC 8656 7.2


def test_second_allocate_draws_437_before_anything_else(client: Client) -> None:
    client.allocate()
    assert client.request(allocate((Attribute.REQUESTED_TRANSPORT, UDP))).code == 437
    assert client.request(allocate()).code == 437
    assert client.request(allocate((Attribute.REQUESTED_TRANSPORT, b"\6\0\0\0"))).code == 437
    assert client.request(allocate(EVEN_AND_NEXT, UNKNOWN_TOKEN)).code == 437


def test_allocate_of_another_user_on_the_five_tuple_draws_437(client: Client, bob: Credentials) -> None:
    client.allocate()
    alice, client.credentials = client.credentials, bob
    assert client.request(allocate((Attribute.REQUESTED_TRANSPORT, UDP))).code in (437, 441)
    client.credentials = alice


@pytest.mark.parametrize("value", [None, b"", b"\x11", b"\x11\0\0", b"\x11\0\0\0\0\0\0\0"])
def test_missing_or_malformed_transport_draws_400(client: Client, value: bytes | None, only_turnpike) -> None:
    attributes = [] if value is None else [(Attribute.REQUESTED_TRANSPORT, value)]
    assert client.request(allocate(*attributes)).code == 400


@pytest.mark.parametrize("protocol", [0, 1, 58, 132, 255])
def test_other_transports_draw_442(client: Client, protocol: int, only_turnpike) -> None:
    assert client.allocate_request(transport=bytes([protocol, 0, 0, 0])).code == 442


def test_tcp_over_datagrams_draws_400(client: Client, only_turnpike) -> None:
    """RFC 6062 5.1: it is for clients over TCP and TLS."""
    assert client.allocate_request(transport=b"\x06\0\0\0").code == 400


@pytest.mark.parametrize(
    "attributes",
    [
        (UNKNOWN_TOKEN, EVEN),
        (UNKNOWN_TOKEN, EVEN_AND_NEXT),
        (UNKNOWN_TOKEN, FAMILY_IPV4),
        (UNKNOWN_TOKEN, BOTH_FAMILIES),
        (FAMILY_IPV4, BOTH_FAMILIES),
        (EVEN_AND_NEXT, BOTH_FAMILIES),
        ((Attribute.ADDITIONAL_ADDRESS_FAMILY, b"\1\0\0\0"),),
        ((Attribute.RESERVATION_TOKEN, b"1234567"),),
        ((Attribute.RESERVATION_TOKEN, b""),),
        ((Attribute.EVEN_PORT, b""),),
        ((Attribute.REQUESTED_ADDRESS_FAMILY, b""),),
    ],
    ids=lambda attributes: "-".join(f"{kind:x}:{value.hex()}" for kind, value in attributes),
)
def test_contradictions_draw_400(client: Client, attributes, only_turnpike) -> None:
    assert client.allocate_request(*attributes).code == 400


def test_unknown_reservation_token_draws_508(client: Client) -> None:
    assert client.allocate_request(UNKNOWN_TOKEN).code == 508


@pytest.mark.parametrize("family", [0, 3, 255])
def test_unknown_family_draws_440(client: Client, family: int) -> None:
    assert client.allocate_request((Attribute.REQUESTED_ADDRESS_FAMILY, bytes([family, 0, 0, 0]))).code == 440


def test_family_without_a_relay_address_draws_440(own_server, alice: Credentials, only_turnpike) -> None:
    server = own_server({"relay/address": "127.0.0.1"})
    with Client(server.address, alice) as client:
        assert client.allocate_request(FAMILY_IPV6).code == 440
        client.allocate(FAMILY_IPV4)


def test_additional_family_is_granted_or_refused_but_not_fatal(client: Client) -> None:
    answer = client.allocate(BOTH_FAMILIES)
    relayed = answer.types.count(Attribute.XOR_RELAYED_ADDRESS)
    assert relayed == 2 or relayed == 1 and client.relayed[0] == "127.0.0.1"


# Pairs of ports


def test_even_port_is_even_and_reserves_nothing(client: Client) -> None:
    answer = client.allocate(EVEN)
    assert client.relayed[1] % 2 == 0
    assert Attribute.RESERVATION_TOKEN not in answer.types


def test_reserved_port_is_the_next_one_and_is_given_once(server: Server, alice: Credentials) -> None:
    clients = [Client(server.address, alice) for _ in range(3)]
    first, second, third = clients
    with first, second, third:
        token = first.allocate(EVEN_AND_NEXT).get(Attribute.RESERVATION_TOKEN)
        assert first.relayed[1] % 2 == 0 and len(token) == 8
        second.allocate((Attribute.RESERVATION_TOKEN, token))
        assert second.relayed == (first.relayed[0], first.relayed[1] + 1)
        assert third.allocate_request((Attribute.RESERVATION_TOKEN, token)).code == 508


def test_reservation_is_honoured_on_another_relay_thread(own_server, alice: Credentials) -> None:
    server = own_server({"threads/count": "2"})
    with Endpoint("127.0.0.2") as peer:
        for _ in range(30):
            with Client(server.address, alice) as first, Client(server.address, alice) as second:
                token = first.allocate(EVEN_AND_NEXT).get(Attribute.RESERVATION_TOKEN)
                second.allocate((Attribute.RESERVATION_TOKEN, token))
                assert second.relayed[1] == first.relayed[1] + 1
                for client in (first, second):
                    assert client.permit(peer.address).code is None
                    assert_relays(client, peer)


# Refresh


@pytest.mark.parametrize(("asked", "granted"), [(None, 600), (1, 600), (700, 700), (3600, 3600)])
def test_refresh_grants_a_lifetime(client: Client, asked, granted: int, only_turnpike) -> None:
    client.allocate()
    assert client.refresh(asked).lifetime == granted


def test_refresh_without_allocation_draws_437(client: Client) -> None:
    for seconds in (None, 600, 0):
        assert client.refresh(seconds).code == 437


def test_refresh_with_another_family_draws_443(client: Client) -> None:
    client.allocate()
    assert client.refresh(700, FAMILY_IPV6).code == 443
    assert client.refresh(0, FAMILY_IPV6).code == 443
    assert client.refresh(700, FAMILY_IPV4).code is None


@pytest.mark.parametrize("seconds", [0, 600])
def test_requests_of_another_user_draw_441(client: Client, bob: Credentials, seconds: int) -> None:
    client.allocate()
    alice, client.credentials = client.credentials, bob
    relayed = client.relayed
    assert client.refresh(seconds).code == 441
    assert client.permit(("127.0.0.2", 9)).code == 441
    assert client.bind_channel(0x4000, ("127.0.0.2", 9)).code == 441
    client.credentials, client.relayed = alice, relayed
    assert client.refresh(600).code is None


def test_lifetime_0_deletes_at_once_and_the_five_tuple_is_free(client: Client) -> None:
    for _ in range(50):
        client.allocate()
        answer = client.refresh(0)
        assert answer.code is None and answer.lifetime == 0
        assert client.refresh(0).code == 437


def test_deleted_allocation_relays_no_more(client: Client) -> None:
    with Endpoint("127.0.0.2") as peer:
        client.allocate()
        client.permit(peer.address)
        assert_relays(client, peer)
        old = client.relayed
        client.refresh(0)
        client.send_indication(peer.address, b"late")
        peer.send(b"late", old)
        client.allocate()
        client.permit(peer.address)
        assert client.relayed != old
        assert_relays(client, peer)
