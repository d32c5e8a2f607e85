"""Behind a load balancer: the header of the PROXY protocol names the client, where the source may say so.

https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, versions 1 and 2.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator

import pytest
from conftest import StartServer
from hostile.client import Credentials
from hostile.endpoint import Endpoint
from hostile.stun import Address, Attribute, Builder, Method
from server import Server

from .certificates import Certificate
from .client import StreamClient
from .test_messages import CHANNEL, assert_channel_relays
from .test_websocket import request
from .transports import Tcp, tls_context

pytestmark = pytest.mark.usefixtures("only_turnpike")

BALANCER = "127.0.7.1"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
CLIENT: Address = ("203.0.113.9", 40_000)
CLIENT_IPV6: Address = ("2001:db8::9", 40_001)


def version_2(command: int, family: int, body: bytes) -> bytes:
    """A binary header."""
    return SIGNATURE + bytes([0x20 | command, family]) + struct.pack("!H", len(body)) + body


def addresses(client: Address, server: Address) -> bytes:
    """The addresses of a binary header."""
    packed = [ipaddress.ip_address(host).packed for host, _ in (client, server)]
    return b"".join(packed) + struct.pack("!HH", client[1], server[1])


TLVS = b"\x03\0\x04abcd" + b"\x04\0\x20" + bytes(32) + b"\x20\0\x05\x01\0\0\0\0"

#: Each header, and the address the server must take for the client's; None: that of the connection.
HEADERS: dict[str, tuple[bytes, Address | None]] = {
    "v1-tcp4": (b"PROXY TCP4 203.0.113.9 192.0.2.1 40000 3478\r\n", CLIENT),
    "v1-tcp6": (b"PROXY TCP6 2001:db8::9 2001:db8::1 40001 3478\r\n", CLIENT_IPV6),
    "v1-unknown": (b"PROXY UNKNOWN\r\n", None),
    "v1-unknown-with-more": (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", None),
    "v2-tcp4": (version_2(1, 0x11, addresses(CLIENT, ("192.0.2.1", 3478))), CLIENT),
    "v2-tcp6": (version_2(1, 0x21, addresses(CLIENT_IPV6, ("2001:db8::1", 3478))), CLIENT_IPV6),
    "v2-tlvs": (version_2(1, 0x11, addresses(CLIENT, ("192.0.2.1", 3478)) + TLVS), CLIENT),
    "v2-local": (version_2(0, 0, b""), None),
    "v2-local-with-more": (version_2(0, 0x11, addresses(CLIENT, ("192.0.2.1", 3478))), None),
}
BROKEN = {
    "none": b"",
    "v1-no-address": b"PROXY TCP4\r\n",
    "v1-bad-address": b"PROXY TCP4 1.2.3 4.5.6.7 1 2\r\n",
    "v1-bad-port": b"PROXY TCP4 1.2.3.4 4.5.6.7 70000 2\r\n",
    "v1-endless": b"PROXY TCP4 " + b"1" * 200,
    "v2-version": SIGNATURE + b"\x31\x11\0\x0c" + bytes(12),
    "v2-command": SIGNATURE + b"\x22\x11\0\x0c" + bytes(12),
    "v2-short": version_2(1, 0x11, bytes(11)),
    "v2-too-long": SIGNATURE + b"\x21\x11\xff\xff" + bytes(3000),
}


@pytest.fixture(scope="module")
def server(start_server: StartServer, certificate: Certificate) -> Iterator[Server]:
    """A server that believes one network of load balancers."""
    running = start_server({"listen/proxy_sources": "127.0.7.0/24 10.0.0.0/8"}, certificate=certificate)
    yield running
    assert running.process.poll() is None, f"the server ended\n{running.log_tail()}"
    running.stop()


def through_balancer(server: Server, header: bytes = b"") -> Tcp:
    """A connection that a balancer made."""
    stream = Tcp(server.address, source=BALANCER)
    stream.put(header)
    return stream


@pytest.mark.parametrize("header, client", HEADERS.values(), ids=HEADERS)
def test_header_names_the_client(server: Server, header: bytes, client: Address | None) -> None:
    with StreamClient(through_balancer(server, header)) as through:
        assert through.binding().address(Attribute.XOR_MAPPED_ADDRESS) == (client or through.address)


@pytest.mark.parametrize("header, client", HEADERS.values(), ids=HEADERS)
def test_header_cut_at_every_offset(server: Server, header: bytes, client: Address | None) -> None:
    message = Builder(Method.BINDING)
    whole = header + message.build()
    with StreamClient(Tcp(server.address)) as fence:
        for offset in range(1, len(whole)):
            with StreamClient(through_balancer(server, whole[:offset])) as through:
                fence.binding()
                through.put(whole[offset:])
                found = through.next()
                assert found.transaction_id == message.transaction_id
                assert found.address(Attribute.XOR_MAPPED_ADDRESS) == (client or through.address)


@pytest.mark.parametrize("header", BROKEN.values(), ids=BROKEN)
def test_broken_header_closes(server: Server, header: bytes) -> None:
    """A balancer that says nothing sensible is not taken for a client."""
    stream = through_balancer(server, header)
    try:
        stream.put(Builder(Method.BINDING).build() * 3)
    except ConnectionError:
        pass
    assert stream.ends()
    stream.close()


@pytest.mark.parametrize("header, client", HEADERS.values(), ids=HEADERS)
def test_nobody_else_may_name_a_client(server: Server, header: bytes, client: Address | None) -> None:
    stream = Tcp(server.address)
    stream.put(header + Builder(Method.BINDING).build())
    said = stream.rest()
    assert said is not None, "stays open"
    assert said == b"" or said.startswith(b"HTTP/1.1 400"), "it was taken for a header"
    stream.close()


def test_a_second_header_is_no_header(server: Server) -> None:
    header = HEADERS["v2-tcp4"][0]
    stream = through_balancer(server, header + header)
    assert stream.ends()
    stream.close()


def test_tls_and_websocket_follow_the_header(server: Server, alice: Credentials) -> None:
    header, client = HEADERS["v2-tlvs"]
    stream = through_balancer(server, header)
    stream.socket = tls_context().wrap_socket(stream.socket, server_hostname="127.0.0.1")
    with StreamClient(stream, alice) as through:
        assert through.binding().address(Attribute.XOR_MAPPED_ADDRESS) == client
        through.allocate()
    stream = through_balancer(server, header + request())
    assert stream.take(13) == b"HTTP/1.1 101 "
    stream.close()


def test_an_allocation_through_a_balancer_relays(server: Server, alice: Credentials, peer: Endpoint) -> None:
    """And two clients may have one address, when balancers say so: connections are what tells them apart."""
    header, client = HEADERS["v1-tcp4"]
    with (
        StreamClient(through_balancer(server, header), alice) as first,
        StreamClient(through_balancer(server, header), alice) as second,
    ):
        for through in (first, second):
            answer = through.allocate()
            assert answer.address(Attribute.XOR_MAPPED_ADDRESS) == client
            assert through.bind_channel(CHANNEL, peer.address).code is None
            assert_channel_relays(through, peer)
