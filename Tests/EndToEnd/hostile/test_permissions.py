"""CreatePermission, Send and what peers send (RFC 8656 9 to 11); peers that are denied, however they are written."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator

import pytest
from conftest import PEER_IPV6
from server import Server, is_local

from .client import Client, Credentials, assert_relays
from .endpoint import Endpoint
from .stun import Attribute, Builder, MessageClass, Method, xor_address

FAMILY_IPV6 = (Attribute.REQUESTED_ADDRESS_FAMILY, b"\2\0\0\0")

DENIED_IPV4 = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
]  # fmt: skip
DENIED_IPV6 = [
    "::", "::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::7f00:1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:808:808::1",
    "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
]  # fmt: skip
#: IPv4 addresses inside IPv6 ones: the address that counts is the IPv4 one, and its family is another.
EMBEDDED = ["::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::ffff:0.0.0.0", "::127.0.0.1"]

#: Public addresses that nothing listens on; a permission for one sends nothing.
ALLOWED_IPV4, ALLOWED_IPV6 = "9.9.9.9", "2620:fe::fe"


@pytest.fixture(scope="module")
def strict_server(start_server) -> Iterator[Server]:
    """A server with the deny list it has by default, whose relays are not on the addresses that are tried."""
    ipv6 = PEER_IPV6[1] if is_local(PEER_IPV6[1]) else "::1"
    running = start_server({"peers/allow": None, "relay/address": f"127.0.0.9 {ipv6}"})
    yield running
    running.stop()


@pytest.fixture
def strict_client(strict_server: Server, alice: Credentials) -> Iterator[Client]:
    """A client with an IPv4 relay there."""
    with Client(strict_server.address, alice) as client:
        client.allocate()
        yield client


@pytest.fixture
def strict_client_ipv6(strict_server: Server, alice: Credentials) -> Iterator[Client]:
    """A client with an IPv6 relay there."""
    with Client(strict_server.address, alice) as client:
        client.allocate(FAMILY_IPV6)
        yield client


@pytest.fixture
def peers() -> Iterator[tuple[Endpoint, Endpoint]]:
    """Two peers on two addresses."""
    with Endpoint("127.0.0.2") as one, Endpoint("127.0.0.3") as other:
        yield one, other


@pytest.fixture
def relay(client: Client) -> Client:
    """A client with an allocation."""
    client.allocate()
    return client


# Denied peers


@pytest.mark.parametrize("address", DENIED_IPV4)
def test_special_purpose_ipv4_peers_draw_403(strict_client: Client, address: str, only_turnpike) -> None:
    assert strict_client.permit((address, 80)).code == 403
    assert strict_client.bind_channel(0x4000, (address, 80)).code == 403


@pytest.mark.parametrize("address", DENIED_IPV6)
def test_special_purpose_ipv6_peers_draw_403(strict_client_ipv6: Client, address: str, only_turnpike) -> None:
    if address == strict_client_ipv6.relayed[0]:
        pytest.skip("the relay's own address: start with Tests/EndToEnd/run")
    assert strict_client_ipv6.permit((address, 80)).code == 403
    assert strict_client_ipv6.bind_channel(0x4000, (address, 80)).code == 403


@pytest.mark.parametrize("address", EMBEDDED)
def test_ipv4_inside_ipv6_opens_no_way_around(strict_client, strict_client_ipv6, address: str, only_turnpike) -> None:
    for client in (strict_client, strict_client_ipv6):
        assert client.permit((address, 80)).code in (403, 443)
        assert client.bind_channel(0x4000, (address, 80)).code in (403, 443)


def test_other_peers_are_allowed(strict_client: Client, strict_client_ipv6: Client) -> None:
    assert strict_client.permit((ALLOWED_IPV4, 80)).code is None
    assert strict_client.bind_channel(0x4000, (ALLOWED_IPV4, 80)).code is None
    assert strict_client_ipv6.permit((ALLOWED_IPV6, 80)).code is None


def test_one_denied_peer_denies_the_whole_request(strict_client: Client, only_turnpike) -> None:
    many = [(str(ipaddress.ip_address(ALLOWED_IPV4) + step), 1) for step in range(4)]
    for position in range(5):
        peers = many[:position] + [("127.0.0.1", 1)] + many[position:]
        assert strict_client.permit(*peers).code == 403


def test_denied_peer_gets_nothing_by_send(strict_client: Client) -> None:
    with Endpoint("127.0.0.1") as victim:
        for address in (victim.address[0], "::ffff:127.0.0.1"):
            strict_client.send_indication((address, victim.address[1]), b"in")
        strict_client.binding()
        assert victim.pending() == []


def test_refused_permissions_of_a_request_are_not_installed(server: Server, alice: Credentials, peers) -> None:
    one, other = peers
    with Client(server.address, alice) as client:
        client.allocate()
        assert client.permit(one.address, ("10.0.0.1", 1)).code in (403, None)
        if server.name == "turnpike":
            assert client.permit(other.address).code is None
            client.send_indication(one.address, b"not permitted")
            assert_relays(client, other)
            assert one.pending() == []


# CreatePermission


def test_permission_without_allocation_draws_437(client: Client) -> None:
    assert client.permit(("127.0.0.2", 1)).code == 437


def test_permission_without_peer_draws_400(relay: Client) -> None:
    assert relay.permit().code == 400


def test_peer_of_the_other_family_draws_443(relay: Client) -> None:
    assert relay.permit(("2620:fe::fe", 1)).code == 443
    assert relay.permit(("127.0.0.2", 1), ("2620:fe::fe", 1)).code == 443
    assert relay.bind_channel(0x4000, ("2620:fe::fe", 1)).code == 443


@pytest.mark.parametrize("value", [b"", b"\0\1", b"\0\1\0\0abc", b"\0\1\0\0abcde", b"\0\2\0\0abcd", b"\0\3\0\0abcd"])
def test_malformed_peer_draws_400(relay: Client, value: bytes, only_turnpike) -> None:
    request = Builder(Method.CREATE_PERMISSION).add(Attribute.XOR_PEER_ADDRESS, value)
    assert relay.request(request).code in (400, 443 if value[1:2] == b"\2" else 400)


def test_permissions_have_a_bound(relay: Client, only_turnpike) -> None:
    codes = [relay.permit((f"127.1.{number // 250}.{1 + number % 250}", 1)).code for number in range(1100)]
    assert set(codes) == {None, 508}
    assert relay.refresh(600).code is None


def test_permission_is_for_the_address_and_not_the_port(relay: Client, peers) -> None:
    one, _ = peers
    assert relay.permit((one.address[0], 1)).code is None
    assert_relays(relay, one)


def test_permission_expires_and_data_does_not_keep_it(own_server, alice: Credentials, peers, only_turnpike) -> None:
    server = own_server({"limits/permission_lifetime_s": "2"})
    one, other = peers
    with Client(server.address, alice) as client:
        client.allocate()
        client.permit(one.address)
        assert_relays(client, one)
        expired = time.monotonic() + 2.1
        while time.monotonic() < expired:
            client.send_indication(one.address, b"keeps nothing alive")
            time.sleep(0.05)
        client.binding()
        one.pending()
        client.send_indication(one.address, b"late")
        one.send(b"late", client.relayed)
        client.permit(other.address)
        assert_relays(client, other)
        assert one.pending() == []


# Data


def test_send_without_permission_is_dropped(relay: Client, peers) -> None:
    one, other = peers
    relay.permit(other.address)
    relay.send_indication(one.address, b"secret")
    assert_relays(relay, other)
    assert one.pending() == []


def test_data_from_a_peer_without_permission_is_dropped(relay: Client, peers) -> None:
    one, other = peers
    relay.permit(other.address)
    one.send(b"unasked", relay.relayed)
    assert_relays(relay, other)
    assert relay.received == [] and relay.pending() == []


def test_empty_datagrams_are_relayed_both_ways(relay: Client, peers) -> None:
    one, _ = peers
    relay.permit(one.address)
    relay.send_indication(one.address, b"")
    assert one.receive() == (b"", relay.relayed)
    one.send(b"", relay.relayed)
    found = relay.next_data()
    assert (found.payload, found.peer) == (b"", one.address)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 100, 1200, 1472, 9000, 65000])
def test_datagrams_of_any_size_are_relayed_both_ways(relay: Client, peers, count: int) -> None:
    one, _ = peers
    relay.permit(one.address)
    payload = bytes(number * 7 & 0xFF for number in range(count))
    relay.send_indication(one.address, payload)
    assert one.receive()[0] == payload
    one.send(payload, relay.relayed)
    found = relay.next_data()
    assert (found.payload, found.peer) == (payload, one.address)


def test_incomplete_send_indications_are_dropped(relay: Client, peers) -> None:
    one, _ = peers
    relay.permit(one.address)
    whole = Builder(Method.SEND, MessageClass.INDICATION).add_peer(one.address).add(Attribute.DATA, b"bad")
    bad = [
        Builder(Method.SEND, MessageClass.INDICATION).add_peer(one.address),
        Builder(Method.SEND, MessageClass.INDICATION).add(Attribute.DATA, b"bad"),
        Builder(Method.SEND, MessageClass.INDICATION),
        Builder(Method.SEND, MessageClass.INDICATION).add(Attribute.XOR_PEER_ADDRESS, b"\0\1\0").add(Attribute.DATA),
        Builder(Method.SEND, MessageClass.INDICATION).add_raw(whole.body).add(0x7F01),
        Builder(Method.DATA, MessageClass.INDICATION).add_raw(whole.body),
        Builder(Method.SEND, MessageClass.SUCCESS).add_raw(whole.body),
        Builder(Method.SEND, MessageClass.REQUEST).add_raw(whole.body),
    ]
    reactions = relay.reactions(*(message.build() for message in bad))
    assert_relays(relay, one)
    assert one.pending() == []
    assert all(reaction.code for reaction in reactions)


def test_first_peer_and_first_data_of_a_send_indication_win(relay: Client, peers, only_turnpike) -> None:
    one, other = peers
    relay.permit(one.address, other.address)
    indication = Builder(Method.SEND, MessageClass.INDICATION).add_peer(one.address).add_peer(other.address)
    relay.put(indication.add(Attribute.DATA, b"first").add(Attribute.DATA, b"second").build())
    assert one.receive()[0] == b"first"
    assert_relays(relay, one)
    assert other.pending() == []


def test_send_with_dont_fragment_is_relayed(relay: Client, peers) -> None:
    one, _ = peers
    relay.permit(one.address)
    indication = Builder(Method.SEND, MessageClass.INDICATION).add_peer(one.address)
    relay.put(indication.add(Attribute.DONT_FRAGMENT).add(Attribute.DATA, b"whole").build())
    assert one.receive()[0] == b"whole"


def test_two_allocations_reach_each_other(server: Server, alice: Credentials) -> None:
    with Client(server.address, alice) as one, Client(server.address, alice) as other:
        one.allocate()
        other.allocate()
        assert one.permit(other.relayed).code is other.permit(one.relayed).code is None
        one.send_indication(other.relayed, b"there")
        found = other.next_data()
        assert (found.payload, found.peer) == (b"there", one.relayed)


def test_own_listener_is_no_peer(own_server, alice: Credentials, peers, only_turnpike) -> None:
    server = own_server({"peers/allow": "127.0.0.2/32"})
    with Client(server.address, alice) as client:
        client.allocate()
        inner = Builder(Method.BINDING)
        client.permit(server.address, peers[0].address)
        client.send_indication(server.address, inner.build())
        if client.bind_channel(0x4000, server.address).code is None:
            client.send_channel_data(0x4000, inner.build())
        assert_relays(client, peers[0])
        assert client.received == [] and client.pending() == []


@pytest.mark.parametrize("address", ["127.0.0.2", "127.255.255.255", "127.0.0.1"])
@pytest.mark.parametrize("port", [0, 1])
def test_peer_that_cannot_be_reached_hurts_nobody(relay: Client, peers, address: str, port: int) -> None:
    relay.permit((address, port), peers[0].address)
    for _ in range(200):
        relay.send_indication((address, port), b"nobody there")
    relay.binding()
    assert_relays(relay, peers[0])


def test_address_value_is_not_read_beyond_its_end(relay: Client) -> None:
    value = xor_address(("127.0.0.2", 9), bytes(12))[:-1]
    request = Builder(Method.CREATE_PERMISSION).add(Attribute.XOR_PEER_ADDRESS, value)
    assert relay.request(request).code == 400
