"""What the attributes change must not change what is relayed: trains of datagrams, both ways, under each setting."""

from __future__ import annotations

import socket
import struct

import pytest
from hostile.client import Client, Credentials, assert_relays
from hostile.endpoint import Endpoint
from hostile.stun import Attribute, Builder, MessageClass, Method
from server import Server, free_port

UDP_SEGMENT = 103
FAMILY_IPV6 = (Attribute.REQUESTED_ADDRESS_FAMILY, b"\2\0\0\0")

TUNINGS = {
    "defaults": {},
    "no-gro": {"udp/gro": "0"},
    "no-gso": {"udp/gso": "0"},
    "neither": {"udp/gro": "0", "udp/gso": "0"},
    "no-wait": {"ring/batch_wait_us": "0"},
    "long-wait": {"ring/batch_wait_us": "2000"},
    "busy-poll": {"ring/busy_poll_us": "50", "ring/batch_wait_us": "0"},
    "few-entries": {"ring/entries": "64"},
    "few-buffers": {"buffers/count": "16"},
    "small-buffers": {"buffers/size": "2048"},
    "two-threads": {"threads/count": "2"},
    "system-socket-buffers": {"udp/receive_buffer": "0", "udp/send_buffer": "0"},
}


def send_train(sender: Endpoint, to: tuple[str, int], datagrams: list[bytes]) -> None:
    """Sends datagrams of one size (the last may be shorter) in one segmented send."""
    sender.socket.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(datagrams[0]))
    sender.send(b"".join(datagrams), to)
    sender.socket.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 0)


def assert_trains_pass(client: Client, peer: Endpoint, size: int) -> None:
    """Trains arrive datagram by datagram, in order, through channel 0x4000."""
    payloads = [bytes([number]) * size for number in range(min(40, 60_000 // (size + 4)))] + [b"the last is short"]
    framed = [struct.pack("!HH", 0x4000, len(payload)) + payload for payload in payloads]
    send_train(client, client.server, framed)
    assert [peer.receive()[0] for _ in payloads] == payloads
    send_train(peer, client.relayed, payloads)
    assert [client.next_data().payload for _ in payloads] == payloads


@pytest.mark.parametrize("tuning", TUNINGS)
def test_trains_pass_datagram_by_datagram(own_server, alice: Credentials, tuning: str, only_turnpike) -> None:
    server = own_server(TUNINGS[tuning])
    for _ in range(4):
        with Client(server.address, alice) as client, Endpoint("127.0.0.2") as peer:
            client.allocate()
            client.bind_channel(0x4000, peer.address)
            for size in (20, 100, 1000, 1200, 1472):
                for _ in range(5):
                    assert_trains_pass(client, peer, size)


def test_trains_pass_over_ipv6(server: Server, alice: Credentials, peer_ipv6: str) -> None:
    with Client(server.address_ipv6, alice) as client, Endpoint(peer_ipv6) as peer:
        client.allocate(FAMILY_IPV6)
        client.bind_channel(0x4000, peer.address)
        assert_trains_pass(client, peer, 1000)


def test_train_mixed_of_kinds_is_taken_apart(server: Server, alice: Credentials) -> None:
    """Messages of one size that belong to different reactions, in one segmented send."""
    with Client(server.address, alice) as client, Endpoint("127.0.0.2") as peer:
        client.allocate()
        client.bind_channel(0x4000, peer.address)
        send = Builder(Method.SEND, MessageClass.INDICATION).add_peer(peer.address).add(Attribute.DATA, b"sent")
        binding = Builder(Method.BINDING).add(Attribute.SOFTWARE, b"twelve bytes")
        size = len(send.build())
        kinds = [
            send.build(),
            struct.pack("!HH", 0x4000, size - 4) + b"c" * (size - 4),
            binding.build().ljust(size, b"\0"),
            b"\xff" * size,
            struct.pack("!HH", 0x4001, size - 4) + b"u" * (size - 4),
        ]
        send_train(client, client.server, kinds * 5)
        assert [peer.receive()[0] for _ in range(10)] == [b"sent", b"c" * (size - 4)] * 5
        assert_relays(client, peer)


def test_every_local_address_answers_from_itself(own_server, alice: Credentials, peer_ipv6: str, only_turnpike) -> None:
    port = free_port()
    server = own_server({"listen/udp": f"0.0.0.0:{port} [::]:{port}"}, port=port)
    for address in ("127.0.0.1", "::1", peer_ipv6):
        with Client((address, port), alice, "::1" if ":" in address else "127.0.0.1") as client:
            assert client.binding().address(Attribute.XOR_MAPPED_ADDRESS) == client.address
            client.allocate()
    del server


def test_external_address_is_told_and_is_a_relay_to_relay(own_server, alice: Credentials, only_turnpike) -> None:
    server = own_server({"relay/address": "127.0.0.1", "relay/external_address": "9.8.7.6"})
    with Client(server.address, alice) as one, Client(server.address, alice) as other:
        one.allocate()
        other.allocate()
        assert one.relayed[0] == other.relayed[0] == "9.8.7.6"
        assert one.permit(other.relayed).code is other.permit(one.relayed).code is None
        one.send_indication(other.relayed, b"there")
        found = other.next_data()
        assert (found.payload, found.peer) == (b"there", one.relayed)


def test_software_is_told_only_when_set(own_server, only_turnpike) -> None:
    server = own_server({"server/software": "turnpike test"})
    with Client(server.address) as client:
        assert client.binding().get(Attribute.SOFTWARE) == b"turnpike test"


def test_open_relay_asks_for_no_credentials(own_server, only_turnpike) -> None:
    server = own_server({"auth/required": "0"})
    with Client(server.address) as client, Endpoint("127.0.0.2") as peer:
        transport = Builder(Method.ALLOCATE).add(Attribute.REQUESTED_TRANSPORT, b"\x11\0\0\0")
        client.relayed = None
        relayed = client.exchange(transport.build()).address(Attribute.XOR_RELAYED_ADDRESS)
        assert client.exchange(Builder(Method.CREATE_PERMISSION).add_peer(peer.address).build()).code is None
        client.send_indication(peer.address, b"open")
        assert peer.receive() == (b"open", relayed)
