"""Handshakes that are broken, slow, or come in a storm: they cost little, and nobody waits for them."""

from __future__ import annotations

import ssl
import time

import pytest
from conftest import StartServer
from hostile.client import Client, Credentials, assert_relays
from hostile.endpoint import Endpoint
from server import Server

from .certificates import Certificate
from .client import StreamClient
from .test_messages import CHANNEL, assert_channel_relays
from .transports import Tcp, Tls, connect, tls_context

#: What OpenSSL keeps for a handshake is more than what it keeps for an idle connection.
HANDSHAKE_LIMIT_KILOBYTES = 64


@pytest.mark.parametrize(
    "hello",
    [
        b"\x16\x03\x01\xff\xff" + bytes(100),
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff" + bytes(100),
        b"\x16\x03\x01\x00\x00" * 50,
        b"\x16\x03\x01\x40\x00\x01\x00\xff\xff\x03\x03" + bytes(70_000),
        b"\x16" + bytes(300),
        b"\x16\x03\x01\x00\x02\x02\x28" + bytes(20),
    ],
    ids=["record-too-long", "hello-too-long", "empty-records", "endless-hello", "zeros", "fatal-alert"],
)
def test_a_broken_client_hello_is_refused(server: Server, hello: bytes, only_turnpike) -> None:
    """With an alert at most; a new client is served at once."""
    transport = Tcp(server.address_tls)
    try:
        transport.put(hello)
    except ConnectionError:
        pass
    rest = transport.rest()
    assert rest is not None, "stays open"
    assert rest == b"" or rest[0] == 0x15, rest[:40]
    transport.close()
    with StreamClient(Tls(server.address_tls)) as client:
        client.binding()


def test_slow_handshakes_do_not_delay_an_honest_one(
    own_server: StartServer, certificate: Certificate, alice: Credentials, peer: Endpoint, only_turnpike
) -> None:
    """300 clients in the midst of a handshake cost little, are gone when their time is over, and nobody waits for them."""
    server = own_server({"limits/connection_idle_s": "2"}, certificate=certificate)
    hello = client_hello()
    before = server.resident_kilobytes
    slow = [connect(server.address_tls) for _ in range(300)]
    for number, one in enumerate(slow):
        one.sendall(hello[: 5 + number % (len(hello) - 6)])
    with StreamClient(Tls(server.address_tls), alice) as client:
        client.allocate()
        client.bind_channel(CHANNEL, peer.address)
        assert_channel_relays(client, peer)
        growth = server.resident_kilobytes - before
        for one in slow:
            one.settimeout(30)
            try:
                while one.recv(1000):
                    pass
            except ConnectionResetError:
                pass
            one.close()
        assert_channel_relays(client, peer)
    assert growth <= 300 * HANDSHAKE_LIMIT_KILOBYTES, f"{growth} kB"


def test_a_crowd_that_says_hello_and_no_more_costs_a_bounded_amount(
    own_server: StartServer, certificate: Certificate, only_turnpike
) -> None:
    """Handshakes at a time are limited, and those that began first make room: 1000 of them, then an honest client."""
    server, crowd, limit = own_server({"limits/handshakes": "50"}, certificate=certificate), 1000, 50
    hello = client_hello()
    with StreamClient(Tls(server.address_tls)) as client:
        client.binding()
    before = server.resident_kilobytes
    silent = [connect(server.address_tls) for _ in range(crowd)]
    for one in silent:
        one.sendall(hello)
    for one in silent:
        one.settimeout(60)
        try:
            one.recv(1)
        except ConnectionResetError:
            pass
    growth = server.resident_kilobytes - before
    with StreamClient(Tls(server.address_tls)) as client:
        client.binding()
    for one in silent:
        one.close()
    print(f"{growth} kB for {crowd} hellos")
    assert server.counters()["connections_evicted"] >= crowd - 2 * limit
    assert growth <= crowd * HANDSHAKE_LIMIT_KILOBYTES / 4, f"{growth} kB"


def client_hello() -> bytes:
    """The first record of a TLS client."""
    outgoing = ssl.MemoryBIO()
    session = tls_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def test_udp_goes_on_beside_a_handshake_storm(server: Server, bob: Credentials, peer: Endpoint) -> None:
    """Full handshakes one after the other for a second; no datagram of somebody else is lost."""
    context = tls_context(version=ssl.TLSVersion.TLSv1_2)
    with Client(server.address, bob) as client:
        client.allocate()
        client.permit(peer.address)
        deadline, count = time.monotonic() + 1, 0
        while time.monotonic() < deadline or count < 10:
            Tls(server.address_tls, context=context).close()
            assert_relays(client, peer)
            count += 1
