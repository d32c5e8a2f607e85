"""ChannelBind and ChannelData (RFC 8656 12)."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator

import pytest
from server import Server

from .client import Client, Credentials, assert_relays
from .endpoint import Endpoint
from .stun import Attribute, Builder, Method, channel_data


@pytest.fixture
def peer() -> Iterator[Endpoint]:
    """A peer."""
    with Endpoint("127.0.0.2") as endpoint:
        yield endpoint


@pytest.fixture
def other() -> Iterator[Endpoint]:
    """Another peer on another address."""
    with Endpoint("127.0.0.3") as endpoint:
        yield endpoint


@pytest.fixture
def relay(client: Client) -> Client:
    """A client with an allocation."""
    client.allocate()
    return client


@pytest.fixture
def bound(relay: Client, peer: Endpoint) -> Client:
    """A client with channel 0x4000 to the peer."""
    assert relay.bind_channel(0x4000, peer.address).code is None
    return relay


def assert_channel_relays(client: Client, channel: int, peer: Endpoint, payload: bytes = b"payload") -> None:
    """Both directions go as ChannelData."""
    client.send_channel_data(channel, payload)
    assert peer.receive() == (payload, client.relayed)
    peer.send(payload, client.relayed)
    found = client.next_data()
    assert (found.payload, found.channel) == (payload, channel)


# ChannelBind


def test_channel_installs_the_permission_and_carries_data(bound: Client, peer: Endpoint) -> None:
    assert_channel_relays(bound, 0x4000, peer)


@pytest.mark.parametrize("number", [0, 1, 0x3FFF, 0x8000, 0xBFFF, 0xC000, 0xFFFF])
def test_number_out_of_range_draws_400(relay: Client, peer: Endpoint, number: int) -> None:
    assert relay.bind_channel(number, peer.address).code == 400


def test_range_is_that_of_rfc_8656_unless_told_otherwise(own_server, alice: Credentials, only_turnpike) -> None:
    server = own_server({"server/rfc5766_channels": "0"})
    with Client(server.address, alice) as client:
        client.allocate()
        for number, code in [(0x3FFF, 400), (0x4000, None), (0x4FFF, None), (0x5000, 400), (0x7FFF, 400)]:
            assert client.bind_channel(number, ("127.0.0.2", number)).code == code


def test_bind_without_number_or_peer_draws_400(relay: Client, peer: Endpoint) -> None:
    number = struct.pack("!HH", 0x4000, 0)
    assert relay.request(Builder(Method.CHANNEL_BIND)).code == 400
    assert relay.request(Builder(Method.CHANNEL_BIND).add(Attribute.CHANNEL_NUMBER, number)).code == 400
    assert relay.request(Builder(Method.CHANNEL_BIND).add_peer(peer.address)).code == 400


@pytest.mark.parametrize("value", [b"", b"\x40", b"\x40\0\0"])
def test_malformed_number_draws_400(relay: Client, peer: Endpoint, value: bytes, only_turnpike) -> None:
    request = Builder(Method.CHANNEL_BIND).add(Attribute.CHANNEL_NUMBER, value).add_peer(peer.address)
    assert relay.request(request).code == 400


def test_bind_without_allocation_draws_437(client: Client, peer: Endpoint) -> None:
    assert client.bind_channel(0x4000, peer.address).code == 437


def test_channel_bound_to_another_peer_draws_400(bound: Client, peer: Endpoint, other: Endpoint) -> None:
    assert bound.bind_channel(0x4000, other.address).code == 400
    assert bound.bind_channel(0x4000, (peer.address[0], peer.address[1] ^ 1)).code == 400
    assert_channel_relays(bound, 0x4000, peer)


def test_peer_bound_to_another_channel_draws_400(bound: Client, peer: Endpoint) -> None:
    assert bound.bind_channel(0x4001, peer.address).code == 400
    assert_channel_relays(bound, 0x4000, peer)


def test_same_pair_is_bound_again(bound: Client, peer: Endpoint) -> None:
    for _ in range(5):
        assert bound.bind_channel(0x4000, peer.address).code is None
    assert_channel_relays(bound, 0x4000, peer)


def test_channels_have_a_bound(relay: Client, peer: Endpoint, only_turnpike) -> None:
    codes = [relay.bind_channel(0x4000 + number, ("127.0.0.9", 1 + number)).code for number in range(1100)]
    assert set(codes) == {None, 508}
    assert codes.index(508) > 10
    assert relay.refresh(600).code is None


def test_channel_and_its_permission_expire(own_server, alice: Credentials, peer, other, only_turnpike) -> None:
    server = own_server({"limits/channel_lifetime_s": "2", "limits/permission_lifetime_s": "2"})
    with Client(server.address, alice) as client:
        client.allocate()
        client.bind_channel(0x4000, peer.address)
        assert_channel_relays(client, 0x4000, peer)
        expired = time.monotonic() + 2.1
        while time.monotonic() < expired:
            client.send_channel_data(0x4000, b"keeps nothing alive")
            time.sleep(0.05)
        client.binding()
        peer.pending()
        client.send_channel_data(0x4000, b"late")
        peer.send(b"late", client.relayed)
        client.permit(other.address)
        assert_relays(client, other)
        assert peer.pending() == []
        assert client.bind_channel(0x4000, other.address).code == 400, "held for 5 minutes"
        assert client.bind_channel(0x4000, peer.address).code is None


# ChannelData


def test_unbound_channel_is_dropped(bound: Client, peer: Endpoint) -> None:
    for number in (0x4001, 0x4FFF, 0x5000, 0x7FFF):
        assert bound.draws_silence(channel_data(number, b"lost"))
    assert_channel_relays(bound, 0x4000, peer)
    assert peer.pending() == []


def test_channel_of_another_client_is_unbound(bound: Client, server: Server, alice: Credentials, peer) -> None:
    with Client(server.address, alice) as stranger:
        assert stranger.draws_silence(channel_data(0x4000, b"mine?"))
        stranger.allocate()
        assert stranger.draws_silence(channel_data(0x4000, b"mine?"))
    assert_channel_relays(bound, 0x4000, peer)
    assert peer.pending() == []


@pytest.mark.parametrize("more", [1, 2, 3, 4, 1000, 0xFFFF - 7])
def test_length_beyond_the_datagram_is_dropped(bound: Client, peer: Endpoint, more: int) -> None:
    assert bound.draws_silence(channel_data(0x4000, b"payload", 7 + more))
    assert_channel_relays(bound, 0x4000, peer)
    assert peer.pending() == []


@pytest.mark.parametrize("less", [1, 3, 6, 7])
def test_bytes_beyond_the_length_are_ignored(bound: Client, peer: Endpoint, less: int) -> None:
    bound.put(channel_data(0x4000, b"payload", 7 - less))
    assert peer.receive()[0] == b"payload"[: 7 - less]


@pytest.mark.parametrize("count", range(1, 4))
def test_datagram_shorter_than_a_channel_header_is_dropped(bound: Client, count: int) -> None:
    assert bound.draws_silence(b"\x40\0\0"[:count])


def test_padding_is_not_relayed(bound: Client, peer: Endpoint) -> None:
    bound.put(channel_data(0x4000, b"payload") + b"\0")
    assert peer.receive()[0] == b"payload"


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 1200, 1472, 9000, 65000])
def test_any_size_is_relayed_both_ways(bound: Client, peer: Endpoint, count: int) -> None:
    assert_channel_relays(bound, 0x4000, peer, bytes(number * 13 & 0xFF for number in range(count)))


def test_largest_datagram_from_a_peer_that_does_not_fit_is_dropped(bound: Client, peer: Endpoint) -> None:
    peer.send(bytes(65507), bound.relayed)
    assert_channel_relays(bound, 0x4000, peer)


def test_data_of_a_port_without_channel_comes_as_indication(bound: Client, peer: Endpoint) -> None:
    with Endpoint(peer.address[0]) as neighbour:
        neighbour.send(b"hello", bound.relayed)
        found = bound.next_data()
        assert (found.payload, found.peer) == (b"hello", neighbour.address)


def test_order_within_a_flow_is_kept(bound: Client, peer: Endpoint) -> None:
    for start in range(0, 2000, 20):
        sent = [struct.pack("!I", number) + bytes(number % 7 * 100) for number in range(start, start + 20)]
        for payload in sent:
            bound.send_channel_data(0x4000, payload)
        assert [peer.receive()[0] for _ in sent] == sent
        for payload in sent:
            peer.send(payload, bound.relayed)
        assert [bound.next_data().payload for _ in sent] == sent
