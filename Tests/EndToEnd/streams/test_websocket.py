"""TURN over WebSocket, our extension: `ws://host/turn` and `wss://host/turn`, subprotocol `turn`, a message a frame.

What every transport can do is tried in the other files; here is what is WebSocket's own (RFC 6455).
"""

from __future__ import annotations

import struct

import pytest
from control_websocket import Opcode, frame
from hostile.client import Credentials
from hostile.endpoint import Endpoint
from hostile.stun import Builder, Method
from server import Server

from .conftest import Way, ways
from .test_messages import assert_channel_relays, bound
from .transports import Tcp

pytestmark = pytest.mark.usefixtures("only_turnpike")

web_ways = ways("ws", "wss")
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
PROOF = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
HEADERS = {
    "Host": "turn.test",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Protocol": "turn",
}


def binding() -> bytes:
    """A Binding request."""
    return Builder(Method.BINDING).build()


def request(line: str = "GET /turn HTTP/1.1", drop: str = "", **changes: str) -> bytes:
    """A request to upgrade; `changes` replace headers (`_` stands for `-`)."""
    headers = HEADERS | {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [line, *(f"{name}: {value}" for name, value in headers.items() if name != drop), "", ""]
    return "\r\n".join(lines).encode()


def answer_to(server: Server, data: bytes) -> bytes:
    """The head of the answer."""
    stream = Tcp(server.address)
    stream.put(data)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += stream.take(1)
    stream.close()
    return head


# The upgrade


def test_the_example_of_the_rfc(server: Server) -> None:
    head = answer_to(server, request())
    assert head.startswith(b"HTTP/1.1 101 ") and PROOF in head, head


@pytest.mark.parametrize(
    "changes",
    [
        {"Upgrade": "WebSocket"},
        {"Connection": "keep-alive, upgrade"},
        {"Sec_WebSocket_Protocol": "chat, turn"},
        {"Sec_WebSocket_Extensions": "permessage-deflate"},
        {"Origin": "https://somewhere.test"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_variants_of_the_upgrade_are_taken(server: Server, changes: dict[str, str]) -> None:
    head = answer_to(server, request(**changes)).lower()
    assert head.startswith(b"http/1.1 101 ")
    assert b"sec-websocket-protocol: turn\r\n" in head
    assert b"sec-websocket-extensions" not in head


@pytest.mark.parametrize("data", [request(drop="Sec-WebSocket-Protocol"), request(Sec_WebSocket_Protocol="chat")])
def test_who_does_not_ask_for_the_protocol_is_not_told_of_it(server: Server, data: bytes) -> None:
    """RFC 6455 4.2.2: a server names none that was not offered."""
    head = answer_to(server, data).lower()
    assert head.startswith(b"http/1.1 101 ")
    assert b"sec-websocket-protocol" not in head


@pytest.mark.parametrize(
    "data",
    [
        request("GET /elsewhere HTTP/1.1"),
        request("POST /turn HTTP/1.1"),
        request("GET /turn HTTP/1.0"),
        request(drop="Upgrade"),
        request(drop="Sec-WebSocket-Key"),
        request(Sec_WebSocket_Key="short"),
        request(Sec_WebSocket_Version="8"),
    ],
    ids=["path", "method", "http-1.0", "no-upgrade", "no-key", "bad-key", "version"],
)
def test_other_requests_get_an_error_of_http(server: Server, data: bytes) -> None:
    assert answer_to(server, data).startswith(b"HTTP/1.1 4")


def test_an_upgrade_byte_by_byte(server: Server) -> None:
    stream = Tcp(server.address)
    for byte in request():
        stream.put(bytes([byte]))
    assert stream.take(13) == b"HTTP/1.1 101 "
    stream.close()


def test_frames_in_one_piece_with_the_upgrade(server: Server) -> None:
    stream, message = Tcp(server.address), binding()
    stream.put(request() + frame(Opcode.BINARY, message, mask=b"abcd"))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += stream.take(1)
    assert stream.take(2) == b"\x82\x20"
    assert stream.take(32)[8:20] == message[8:20]
    stream.close()


# Frames


@web_ways
def test_frames_cut_at_every_offset(way: Way, alice: Credentials, peer: Endpoint) -> None:
    with bound(way, alice, peer) as client, way.client() as other:
        message = binding()
        whole = frame(Opcode.PING, b"", mask=b"1234") + frame(Opcode.BINARY, message, mask=b"\x01\x80\xff\x00")
        for offset in range(1, len(whole)):
            client.transport.stream.put(whole[:offset])
            other.binding()
            client.transport.stream.put(whole[offset:])
            assert client.next().transaction_id == message[8:20]
        assert_channel_relays(client, peer)


@web_ways
def test_a_fragmented_message_is_one_message(way: Way) -> None:
    """RFC 6455 5.4: with a ping in its midst."""
    with way.client() as client:
        message = binding()
        client.transport.put_frame(Opcode.BINARY, message[:7], is_final=False)
        client.transport.put_frame(Opcode.PING, b"?")
        client.transport.put_frame(Opcode.CONTINUATION, message[7:13], is_final=False)
        client.transport.put_frame(Opcode.CONTINUATION, message[13:])
        assert client.transport.next_frame() == (Opcode.PONG, b"?")
        assert client.next().transaction_id == message[8:20]


@web_ways
def test_a_ping_is_answered_with_its_payload(way: Way) -> None:
    with way.client() as client:
        for payload in (b"", b"x", bytes(125)):
            client.transport.put_frame(Opcode.PING, payload)
            assert client.transport.next_frame() == (Opcode.PONG, payload)


@web_ways
@pytest.mark.parametrize("code", [1000, 1001, None])
def test_a_close_is_answered_and_ends_the_connection(way: Way, code: int | None) -> None:
    with way.client() as client:
        client.binding()
        client.transport.put_frame(Opcode.CLOSE, b"" if code is None else struct.pack("!H", code))
        assert client.transport.close_code() in (code, 1000, 1005)
        assert client.transport.stream.ends()


@web_ways
@pytest.mark.parametrize(
    "data, codes",
    [
        (frame(Opcode.BINARY, binding()), {1002}),
        (frame(Opcode.TEXT, b"hello", mask=b"abcd"), {1003}),
        (frame(Opcode.BINARY, binding(), reserved=4, mask=b"abcd"), {1002}),
        (frame(3, b"", mask=b"abcd"), {1002}),
        (frame(Opcode.PING, bytes(126), mask=b"abcd"), {1002}),
        (frame(Opcode.PING, b"", is_final=False, mask=b"abcd"), {1002}),
        (frame(Opcode.CONTINUATION, b"x", mask=b"abcd"), {1002}),
        (b"\x82\xff" + struct.pack("!Q", 1 << 62) + b"abcd", {1002, 1009}),
        (b"\x82\xff" + struct.pack("!Q", 1 << 20) + b"abcd", {1002, 1009}),
    ],
    ids=["no-mask", "text", "reserved", "opcode", "long-ping", "cut-ping", "nothing-to-continue", "huge", "large"],
)
def test_a_broken_frame_closes_with_its_code(way: Way, data: bytes, codes: set[int]) -> None:
    with way.client() as client:
        client.transport.stream.put(data)
        assert client.transport.close_code() in codes
        assert client.transport.stream.ends()


@web_ways
def test_a_frame_that_is_no_message_does_not_reach_anybody(
    way: Way, alice: Credentials, bob: Credentials, peer: Endpoint
) -> None:
    """Two messages in a frame, half of one, none: dropped or the end of this connection; others go on."""
    with bound(way, bob, peer) as other:
        for payload in (binding() + binding(), binding()[:10], b"", b"\xff" * 30, bytes(19)):
            with way.client(alice) as client:
                client.put(payload)
                try:
                    client.socket.settimeout(0.2)
                    found = client.next()
                    assert not found, f"{found} to {payload[:20].hex()}"
                except (TimeoutError, AssertionError) as silence:
                    assert isinstance(silence, TimeoutError) or "close" in str(silence) or "ends" in str(silence)
            assert_channel_relays(other, peer)


@web_ways
def test_large_frames_both_ways(way: Way, alice: Credentials, peer: Endpoint) -> None:
    """Each way to write a length (RFC 6455 5.2)."""
    with bound(way, alice, peer) as client:
        for size in (0, 121, 122, 123, 125, 126, 1000, 60_000):
            assert_channel_relays(client, peer, size)
