"""The same session over every transport: messages come through whole, in order, and padded where they must be.

RFC 8489 6.2.2 (framing by the length field), RFC 8656 3.1 and 12.4–12.5 (ChannelData over TCP and TLS is padded to four
bytes), RFC 7350 (DTLS).
"""

from __future__ import annotations

import secrets

from hostile.client import Credentials, Received
from hostile.endpoint import Endpoint
from hostile.stun import Attribute, Builder, Method, channel_data

from .client import StreamClient, padded
from .conftest import Way, all_ways, connection_ways, stream_ways

CHANNEL = 0x4000


def bound(way: Way, credentials: Credentials, peer: Endpoint) -> StreamClient:
    """A client with a channel to the peer."""
    client = way.client(credentials)
    client.allocate()
    assert client.bind_channel(CHANNEL, peer.address).code is None
    return client


def assert_channel_relays(client: StreamClient, peer: Endpoint, size: int = 100) -> None:
    """A random payload goes each way over the channel."""
    there, back = secrets.token_bytes(size), secrets.token_bytes(size)
    client.send_channel_data(CHANNEL, there)
    assert peer.receive() == (there, client.relayed)
    peer.send(back, client.relayed)
    found = client.next_data()
    assert (found.channel, found.payload) == (CHANNEL, back)


@all_ways
def test_binding_tells_the_source(way: Way) -> None:
    with way.client() as client:
        assert client.binding().address(Attribute.XOR_MAPPED_ADDRESS) == client.address


@all_ways
def test_data_goes_both_ways_over_channel_and_indications(way: Way, alice: Credentials, peer: Endpoint) -> None:
    with way.client(alice) as client:
        client.allocate()
        assert client.permit(peer.address).code is None
        there, back = secrets.token_bytes(99), secrets.token_bytes(101)
        client.send_indication(peer.address, there)
        assert peer.receive() == (there, client.relayed)
        peer.send(back, client.relayed)
        found = client.next_data()
        assert (found.payload, found.peer, found.channel) == (back, peer.address, None)
        assert client.bind_channel(CHANNEL, peer.address).code is None
        for size in range(9):
            assert_channel_relays(client, peer, size)
        assert_channel_relays(client, peer, 1000)


@all_ways
def test_refresh_with_0_ends_the_allocation_and_a_new_one_follows(way: Way, alice: Credentials) -> None:
    with way.client(alice) as client:
        for _ in range(3):
            client.allocate()
            assert client.allocate_request().code == 437
            assert client.refresh(0).lifetime == 0


@all_ways
def test_a_wrong_password_is_answered_and_the_connection_goes_on(way: Way, alice: Credentials) -> None:
    wrong = Credentials(alice.username, "not it")
    with way.client(wrong) as client:
        assert client.allocate_request().code == 401
        client.credentials = alice
        client.allocate()


@connection_ways
def test_hundreds_of_requests_at_once_are_answered_in_order(way: Way) -> None:
    requests = [Builder(Method.BINDING).build() for _ in range(300)]
    with way.client() as client:
        if client.transport.is_stream:
            client.put(b"".join(requests))
        else:
            for request in requests:
                client.put(request)
        assert [client.next().transaction_id for _ in requests] == [request[8:20] for request in requests]


@connection_ways
def test_a_burst_each_way_arrives_whole_and_in_order(way: Way, alice: Credentials, peer: Endpoint) -> None:
    with bound(way, alice, peer) as client:
        burst = [bytes([number]) * (100 + number) for number in range(200)]
        for payload in burst:
            client.send_channel_data(CHANNEL, payload)
        assert [peer.receive()[0] for _ in burst] == burst
        for first in range(0, len(burst), 20):
            some = burst[first : first + 20]
            for payload in some:
                peer.send(payload, client.relayed)
            assert [client.next_data().payload for _ in some] == some


@stream_ways
def test_a_session_byte_by_byte(way: Way, alice: Credentials, peer: Endpoint) -> None:
    with way.client(alice) as client:
        put = client.transport.put

        def dribble(data: bytes) -> None:
            for byte in data:
                put(bytes([byte]))

        client.transport.put = dribble
        client.allocate()
        assert client.bind_channel(CHANNEL, peer.address).code is None
        assert_channel_relays(client, peer, 51)


@stream_ways
def test_a_session_in_one_piece(way: Way, alice: Credentials, peer: Endpoint) -> None:
    """Allocate, CreatePermission, ChannelBind and data, none of them waited for."""
    with way.client(alice) as client:
        client.challenge()
        allocate = Builder(Method.ALLOCATE).add(Attribute.REQUESTED_TRANSPORT, b"\x11\0\0\0")
        number = bytes([CHANNEL >> 8, CHANNEL & 255, 0, 0])
        bind = Builder(Method.CHANNEL_BIND).add(Attribute.CHANNEL_NUMBER, number).add_peer(peer.address)
        permit = Builder(Method.CREATE_PERMISSION).add_peer(peer.address)
        requests = [client.sign(request).build() for request in (allocate, permit, bind)]
        client.put(b"".join([*requests, padded(CHANNEL, b"first"), padded(CHANNEL, b"second")]))
        answers = [client.next() for _ in requests]
        assert [answer.transaction_id for answer in answers] == [request[8:20] for request in requests]
        assert [answer.code for answer in answers] == [None, None, None]
        assert [peer.receive()[0] for _ in range(2)] == [b"first", b"second"]


@stream_ways
def test_messages_cut_at_every_offset(way: Way, alice: Credentials, peer: Endpoint) -> None:
    """A Binding between the pieces, from another client of the same thread, shows that the first was read alone."""
    request = Builder(Method.BINDING).add(Attribute.SOFTWARE, b"cut me")
    with bound(way, alice, peer) as client, way.client() as other:
        whole = padded(CHANNEL, b"a") + request.build() + padded(CHANNEL, b"four") + padded(CHANNEL, b"")
        for offset in range(1, len(whole)):
            client.put(whole[:offset])
            other.binding()
            client.put(whole[offset:])
            assert client.next().transaction_id == request.transaction_id
            assert [peer.receive()[0] for _ in range(3)] == [b"a", b"four", b""]


@stream_ways
def test_padding_may_be_anything(way: Way, alice: Credentials, peer: Endpoint) -> None:
    """Only its place counts for who reads it."""
    with bound(way, alice, peer) as client:
        client.put(channel_data(CHANNEL, b"x") + b"\xff\xff\xff" + channel_data(CHANNEL, b"yz") + b"\x80\x7f")
        assert [peer.receive()[0] for _ in range(2)] == [b"x", b"yz"]


@stream_ways
def test_the_largest_datagrams(way: Way, alice: Credentials, peer: Endpoint) -> None:
    """What a UDP datagram can carry is relayed, what it cannot is dropped; the stream goes on."""
    with bound(way, alice, peer) as client:
        assert_channel_relays(client, peer, 60_000)
        client.send_channel_data(CHANNEL, bytes(65_535))
        assert_channel_relays(client, peer, 100)
        client.send_indication(peer.address, bytes(60_000))
        assert peer.receive()[0] == bytes(60_000)


@connection_ways
def test_data_without_a_channel_or_a_permission_is_dropped(way: Way, alice: Credentials, peer: Endpoint) -> None:
    with bound(way, alice, peer) as client, Endpoint("127.0.0.3") as stranger:
        client.send_channel_data(CHANNEL + 1, b"nobody's")
        client.send_indication(stranger.address, b"not permitted")
        stranger.send(b"not permitted", client.relayed)
        assert_channel_relays(client, peer)
        assert stranger.pending() == []
        assert not any(isinstance(found, Received) for found in client.pending())
