"""DTLS on the port of UDP (RFC 7350): a cookie before any state, the MTU, restarts, and a flood of first messages."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import time

from conftest import StartServer
from hostile.client import Client, Credentials, assert_relays
from hostile.endpoint import Endpoint
from hostile.stun import Attribute, Builder, MessageClass, Method, message_type
from server import Server

from .certificates import Certificate
from .client import StreamClient
from .dtls import MTU, Dtls
from .test_messages import CHANNEL, assert_channel_relays

FLOOD = 100_000
SOURCES = 200
GROWTH_LIMIT_KILOBYTES = 2048
#: RFC 9147 5.1: what a server answers to a hello without a cookie must not amplify.
HELLO_VERIFY_LIMIT = 80

UDP_SEGMENT = 103


def client_hello(cookie: bytes = b"", sequence: int = 0, random: bytes | None = None) -> bytes:
    """A DTLS 1.2 ClientHello with a few suites and groups (RFC 6347 4.2.2)."""
    groups = struct.pack("!HHHHH", 10, 6, 4, 29, 23)
    signatures = struct.pack("!HHHHH", 13, 6, 4, 0x0403, 0x0804)
    points = struct.pack("!HHBB", 11, 2, 1, 0)
    extensions = groups + signatures + points
    body = b"\xfe\xfd" + (random or os.urandom(32)) + b"\0" + bytes([len(cookie)]) + cookie
    body += struct.pack("!HHH", 4, 0xC02B, 0xC02F) + b"\x01\x00" + struct.pack("!H", len(extensions)) + extensions
    handshake = b"\x01" + len(body).to_bytes(3, "big") + struct.pack("!H", sequence) + bytes(3)
    handshake += len(body).to_bytes(3, "big") + body
    return b"\x16\xfe\xfd" + bytes(2) + sequence.to_bytes(6, "big") + struct.pack("!H", len(handshake)) + handshake


def cookie_of(answer: bytes) -> bytes:
    """The cookie of a HelloVerifyRequest."""
    assert answer[0] == 22 and answer[13] == 3, f"not a HelloVerifyRequest: {answer[:20].hex()}"
    count = answer[27]
    assert len(answer) == 28 + count
    return answer[28:]


def test_a_hello_without_a_cookie_draws_one_small_answer(server: Server, only_turnpike) -> None:
    with Endpoint() as client:
        hello = client_hello()
        client.send(hello, server.address)
        answer, _ = client.receive()
        assert len(answer) <= min(HELLO_VERIFY_LIMIT, len(hello))
        assert 8 <= len(cookie_of(answer)) <= 255
        time.sleep(0.1)
        assert client.pending() == []


def test_a_cookie_is_good_for_its_address_only(server: Server, only_turnpike) -> None:
    random = os.urandom(32)
    with Endpoint() as owner, Endpoint() as thief:
        owner.send(client_hello(random=random), server.address)
        cookie = cookie_of(owner.receive()[0])
        for wrong in (bytes(len(cookie)), cookie[:-1] + bytes([cookie[-1] ^ 1]), cookie + b"x"):
            owner.send(client_hello(wrong, 1, random), server.address)
            assert cookie_of(owner.receive()[0]), "asked again"
        thief.send(client_hello(cookie, 1, random), server.address)
        assert cookie_of(thief.receive()[0]) != cookie
        owner.send(client_hello(cookie, 1, random), server.address)
        answer, _ = owner.receive()
        assert answer[0] == 22 and answer[13] == 2, "a ServerHello"


def test_a_flight_fits_the_mtu(server: Server) -> None:
    random = os.urandom(32)
    with Endpoint() as client:
        client.send(client_hello(random=random), server.address)
        client.send(client_hello(cookie_of(client.receive()[0]), 1, random), server.address)
        sizes = [len(client.receive()[0])]
        time.sleep(0.1)
        sizes += [len(datagram) for datagram in client.pending()]
        assert max(sizes) <= MTU, sizes


def test_a_lost_flight_is_sent_again(server: Server, only_turnpike) -> None:
    """RFC 6347 4.2.4: after a second or so."""
    random = os.urandom(32)
    with Endpoint() as client:
        client.send(client_hello(random=random), server.address)
        client.send(client_hello(cookie_of(client.receive()[0]), 1, random), server.address)
        assert client.receive()[0][13] == 2
        time.sleep(0.1)
        client.pending()
        again, _ = client.receive()
        assert again[0] == 22 and again[13] == 2


def test_a_client_that_starts_again_on_the_same_port_is_served(
    server: Server, alice: Credentials, peer: Endpoint
) -> None:
    """RFC 6347 4.2.8: it has lost its state, and proves its address before the old one goes."""
    first = StreamClient(Dtls(server.address), alice)
    first.allocate()
    port = first.address[1]
    # No close_notify: as after a crash.
    first.socket.close()
    with StreamClient(Dtls(server.address, port=port), alice) as client:
        client.allocate()
        client.bind_channel(CHANNEL, peer.address)
        assert_channel_relays(client, peer)


def test_a_forged_hello_does_not_end_a_session(server: Server, alice: Credentials, peer: Endpoint) -> None:
    """Without a cookie anybody could send it in the client's name."""
    with StreamClient(Dtls(server.address), alice) as client:
        client.allocate()
        client.bind_channel(CHANNEL, peer.address)
        for _ in range(3):
            client.socket.send(client_hello())
            client.socket.send(b"\x16\xfe\xfd" + os.urandom(60))
            client.socket.send(b"\x17\xfe\xfd\x00\x01" + os.urandom(60))
            client.socket.send(b"\x15\xfe\xfd\x00\x00" + bytes(6) + b"\x00\x02\x02\x28")
            assert_channel_relays(client, peer)


def test_late_copies_of_hellos_do_not_end_a_session(
    server: Server, alice: Credentials, peer: Endpoint, only_turnpike
) -> None:
    """Neither its own nor, with a cookie that is still good, those of the session before."""
    earlier = StreamClient(Dtls(server.address), alice)
    port, hellos = earlier.address[1], earlier.transport.hellos
    earlier.close()
    with StreamClient(Dtls(server.address, port=port), alice) as client:
        client.allocate()
        client.bind_channel(CHANNEL, peer.address)
        for pair in (client.transport.hellos, hellos):
            for datagram in pair:
                client.socket.send(datagram)
                time.sleep(0.05)
            assert_channel_relays(client, peer)


def test_close_notify_ends_the_allocation(server: Server, alice: Credentials) -> None:
    client = StreamClient(Dtls(server.address), alice)
    client.allocate()
    relayed = client.relayed
    client.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.05)
        probe.connect(relayed)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                probe.send(b"?")
                probe.recv(1)
            except ConnectionRefusedError:
                return
            except TimeoutError:
                continue
    raise AssertionError("the relayed port is still open")


def test_plain_udp_and_dtls_share_a_port(server: Server, alice: Credentials, bob: Credentials, peer: Endpoint) -> None:
    with StreamClient(Dtls(server.address), alice) as secure, Client(server.address, bob) as plain:
        for client in (secure, plain):
            client.allocate()
            client.permit(peer.address)
            assert_relays(client, peer)


def test_classic_stun_draws_500_and_over_udp_nothing(
    server: Server, alice: Credentials, peer: Endpoint, only_turnpike
) -> None:
    """RFC 8489 11: the 16 bytes of its transaction id come back; the session goes on."""
    classic = Builder(Method.BINDING)
    classic.cookie = 0xC0FFEE11
    request = classic.build()
    classic.type = message_type(Method.BINDING, MessageClass.INDICATION)
    error = struct.pack("!HH", message_type(Method.BINDING, MessageClass.ERROR), 8) + request[4:20]
    error += struct.pack("!HHHBB", Attribute.ERROR_CODE, 4, 0, 5, 0)
    with StreamClient(Dtls(server.address), alice) as client:
        client.allocate()
        assert client.draws_silence(classic.build())
        client.put(request)
        assert client.transport.message() == error
        client.permit(peer.address)
        assert_relays(client, peer)
    with Client(server.address, alice) as plain:
        assert plain.draws_silence(request)


def test_openssl_gets_through(server: Server) -> None:
    command = ["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{server.port}", "-brief", "-timeout"]
    said = subprocess.run(command, input=b"Q\n", capture_output=True, timeout=60)
    text = (said.stdout + said.stderr).decode(errors="replace")
    assert "CONNECTION ESTABLISHED" in text and "DTLSv1.2" in text, text


def test_a_flood_of_hellos_costs_nothing(own_server: StartServer, certificate: Certificate, alice: Credentials) -> None:
    """100 000 of them from 200 addresses, in trains; the honest client among them is served, and counters tell."""
    server = own_server({}, certificate=certificate)
    with StreamClient(Dtls(server.address), alice) as warm:
        warm.binding()
    hello = client_hello()
    train = 40
    before = server.resident_kilobytes
    sent = 0
    with Endpoint("127.0.0.2") as peer:
        for number in range(SOURCES):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
                source.bind((f"127.0.{20 + number // 100}.{number % 100 + 1}", 0))
                source.connect(server.address)
                source.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(hello))
                for _ in range(FLOOD // SOURCES // train + 1):
                    source.send(hello * train)
                    sent += train
            if number % 50 == 25:
                with StreamClient(Dtls(server.address), alice) as honest:
                    honest.allocate()
                    honest.bind_channel(CHANNEL, peer.address)
                    assert_channel_relays(honest, peer)
    growth = server.resident_kilobytes - before
    counters = {name: number for name, number in server.counters().items() if number}
    print(f"{sent} hellos, resident memory grew by {growth} kB, {counters}")
    assert sent >= FLOOD
    assert growth <= GROWTH_LIMIT_KILOBYTES
    if server.name == "turnpike":
        arrived = counters["datagrams_from_clients"]
        assert arrived >= FLOOD // 2, "the flood did not arrive"
        assert counters["dtls_hellos"] >= arrived * 0.9


def test_a_crowd_that_proves_its_address_and_falls_silent_is_bounded(
    own_server: StartServer, certificate: Certificate, only_turnpike
) -> None:
    """Handshakes at a time are limited, and those that began first make room: 300 of them, then an honest client."""
    server, crowd, limit = own_server({"limits/handshakes": "20"}, certificate=certificate), 300, 20
    for number in range(crowd):
        random = os.urandom(32)
        with Endpoint(f"127.0.{30 + number % 30}.{number // 30 + 1}") as client:
            client.send(client_hello(random=random), server.address)
            client.send(client_hello(cookie_of(client.receive()[0]), 1, random), server.address)
            assert client.receive()[0][13] == 2, "a ServerHello"
    with StreamClient(Dtls(server.address)) as honest:
        honest.binding()
    counters = server.counters()
    assert counters["connections_evicted"] >= crowd - 2 * limit
    assert counters["connections"] <= 2 * limit
