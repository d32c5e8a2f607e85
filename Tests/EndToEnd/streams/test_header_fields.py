"""IP headers as they are on the wire: DF where a client asks for it, and no marks across a stream (RFC 8656 14 to 16)."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable

import pytest
from hostile.client import Client, Credentials
from hostile.endpoint import Endpoint
from hostile.stun import Attribute, Builder, MessageClass, Method
from server import Server

from .conftest import Way, stream_ways, ways

ETHERNET_IPV4 = 0x0800
DONT_FRAGMENT = 0x4000
CHANNEL = 0x4000
PATIENCE_SECONDS = 30
#: DSCP EF, and each ECN codepoint.
MARKS = [46 << 2 | codepoint for codepoint in range(4)]


class Wire:
    """The IPv4 packets on the loopback interface."""

    def __init__(self) -> None:
        try:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETHERNET_IPV4))
        except PermissionError:
            pytest.skip("no network namespace here, and no right to see packets")
        self.socket.bind(("lo", ETHERNET_IPV4))

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def find(self, is_wanted: Callable[[bytes], bool]) -> bytes:
        """The first packet like this."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        self.socket.settimeout(PATIENCE_SECONDS)
        while time.monotonic() < deadline:
            packet = self.socket.recv(65536)
            if is_wanted(packet):
                return packet
        raise TimeoutError("no such packet")


def is_df(packet: bytes) -> bool:
    """Whether a packet may not be fragmented."""
    return bool(struct.unpack_from("!H", packet, 6)[0] & DONT_FRAGMENT)


def assert_df_as_asked(client: Client, peer: Endpoint) -> None:
    """A Send indication with DONT-FRAGMENT, one without, and again: each datagram is marked as its own said."""
    client.allocate()
    assert client.permit(peer.address).code is None
    with Wire() as wire:
        for number in range(4):
            payload = b"datagram %d" % number
            send = Builder(Method.SEND, MessageClass.INDICATION).add_peer(peer.address)
            if number % 2:
                send.add(Attribute.DONT_FRAGMENT)
            client.put(send.add(Attribute.DATA, payload).build())
            assert peer.receive()[0] == payload
            # Nothing but headers and payload: from the relayed address, not from the client.
            packet = wire.find(lambda packet: packet[28:] == payload)
            assert is_df(packet) == bool(number % 2)


@ways("tcp", "tls", "dtls")
def test_df_is_set_where_a_client_asks_for_it(way: Way, alice: Credentials, peer: Endpoint, only_turnpike) -> None:
    with way.client(alice) as client:
        assert_df_as_asked(client, peer)


def test_df_is_set_where_a_client_asks_for_it_over_udp(
    server: Server, alice: Credentials, peer: Endpoint, only_turnpike
) -> None:
    with Client(server.address, alice) as client:
        assert_df_as_asked(client, peer)


def is_segment(packet: bytes, ports: tuple[int, int]) -> bool:
    """Whether a packet has data of a TCP connection, one way."""
    if packet[9] != socket.IPPROTO_TCP or struct.unpack_from("!HH", packet, 20) != ports:
        return False
    return len(packet) > 20 + (packet[32] >> 4) * 4


@stream_ways
def test_marks_of_peers_end_at_a_stream(way: Way, alice: Credentials, peer: Endpoint) -> None:
    """The data comes, and the segments that carry it have no DSCP and no ECN of the peer's."""
    with way.client(alice) as client, Wire() as wire:
        client.allocate()
        assert client.bind_channel(CHANNEL, peer.address).code is None
        ports = client.server[1], client.address[1]
        for mark in MARKS:
            peer.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, mark)
            payload = b"from a peer with mark %d" % mark
            peer.send(payload, client.relayed)
            arrived = wire.find(lambda packet: packet[28:] == payload)
            assert arrived[1] == mark
            assert wire.find(lambda packet: is_segment(packet, ports))[1] == 0
            assert client.next_data().payload == payload
