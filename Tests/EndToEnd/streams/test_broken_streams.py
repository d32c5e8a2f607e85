"""Where no message begins, a stream has lost its frame: the connection is closed, and nobody else is hurt.

RFC 8489 6.2.2 frames by the length field alone, and RFC 8656 12.5 says that ChannelData MUST be padded in a stream, so a
server that went on after a broken frame would take data for messages.
"""

from __future__ import annotations

import struct

import pytest
from hostile.client import Client, Credentials, assert_relays
from hostile.endpoint import TIMEOUT_SECONDS, Endpoint
from hostile.stun import Builder, Method, channel_data
from server import Server

from .conftest import Way, connection_ways, stream_ways, ways
from .test_messages import CHANNEL, bound
from .transports import Tcp

#: RSS that any number of strangers with half a message may cost for each of them.
BYTES_FOR_EACH_STRANGER = 4096


def binding() -> bytes:
    """A Binding request."""
    return Builder(Method.BINDING).build()


def wrong_cookie() -> bytes:
    """A message of RFC 3489, so to speak."""
    message = Builder(Method.BINDING)
    message.cookie ^= 1
    return message.build()


GARBAGE = {
    "newlines": b"\r\n\r\n\r\n\r\n\r\n\r\n",
    "ssh-packet": b"\0\0\x05\xdc\x0a\x14" + bytes(40),
    "ones": b"\xff" * 64,
    "rtp": b"\x80\x60" + bytes(62),
    "wrong-cookie": wrong_cookie(),
    "length-not-a-multiple-of-4": Builder(Method.BINDING).build(length=3) + bytes(64),
    "length-1": Builder(Method.BINDING).build(length=1) + bytes(64),
    "zeros": bytes(64),
}


@stream_ways
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_first_closes_the_connection(way: Way, garbage: bytes, only_turnpike) -> None:
    transport = way.open()
    transport.put(garbage)
    assert transport.ends()
    transport.close()


@stream_ways
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_behind_a_message_closes_after_the_answer(way: Way, garbage: bytes, only_turnpike) -> None:
    request = binding()
    transport = way.open()
    transport.put(request + garbage + binding())
    assert transport.message()[8:20] == request[8:20]
    assert transport.ends()
    transport.close()


@ways("tcp")
@pytest.mark.parametrize("first", [*range(4, 64, 5), *range(0x50, 0x100, 7)])
def test_first_bytes_that_begin_nothing_close(way: Way, first: int, only_turnpike) -> None:
    """Neither STUN nor ChannelData nor TLS (22) nor a letter of HTTP."""
    if first == 22 or first < 0x80 and chr(first).isupper() or 0x50 <= first < 0x80:
        first |= 0x80
    transport = way.open()
    transport.put(bytes([first]) + binding()[1:])
    assert transport.ends()
    transport.close()


@stream_ways
@pytest.mark.parametrize("size", [1, 2, 3])
def test_channel_data_without_padding_closes(
    way: Way, size: int, alice: Credentials, peer: Endpoint, only_turnpike
) -> None:
    """What follows begins in what had to be padding."""
    with bound(way, alice, peer) as client:
        client.put(channel_data(CHANNEL, bytes(size)) + binding() + binding() + binding())
        assert client.transport.ends()
    assert peer.pending() in ([bytes(size)], [])


@stream_ways
@pytest.mark.parametrize("length", [0x4000, 0xFFFC])
def test_a_stranger_may_not_announce_a_large_message(way: Way, length: int, only_turnpike) -> None:
    """No request of a client without an allocation is so large; memory is not kept for it."""
    transport = way.open()
    transport.put(Builder(Method.ALLOCATE).build(length=length) + bytes(100))
    assert transport.ends()
    transport.close()


@ways("tcp")
def test_strangers_with_half_a_message_cost_little(way: Way, server: Server, only_turnpike) -> None:
    half = Builder(Method.ALLOCATE).add(0x8022, bytes(1900)).build()[:-1]
    before, count = server.resident_kilobytes, 800
    strangers = []
    for number in range(count):
        strangers.append(way.open(source=f"127.0.9.{number % 50 + 1}"))
        strangers[-1].put(half)
    with way.client() as fence:
        fence.binding()
    growth = server.resident_kilobytes - before
    for stranger in strangers:
        stranger.close()
    assert growth <= count * BYTES_FOR_EACH_STRANGER // 1024 + 512


@stream_ways
def test_attributes_that_lie_break_a_message_and_not_the_stream(way: Way) -> None:
    """The frame is sound, what is in it is not: dropped, and the next message is answered."""
    lies = Builder(Method.BINDING).add_raw(struct.pack("!HH", 0x8022, 0xFFF0) + bytes(4)).build()
    with way.client() as client:
        client.put(lies)
        assert client.draws_silence(lies)


@connection_ways
def test_a_broken_connection_hurts_nobody_else(way: Way, server: Server, alice: Credentials, bob: Credentials, peer):
    with way.client(bob) as honest, Client(server.address, bob) as datagrams:
        for client in (honest, datagrams):
            client.allocate()
            client.permit(peer.address)
        for garbage in GARBAGE.values():
            with way.client(alice) as broken:
                broken.allocate()
                broken.put(garbage)
                for client in (honest, datagrams):
                    assert_relays(client, peer)


@ways("tcp")
@pytest.mark.parametrize(
    "request_line",
    [b"GET / HTTP/1.1", b"POST /x HTTP/1.1", b"OPTIONS * HTTP/1.0", b"CONNECT a:1 HTTP/1.1", b"SSH-2.0-OpenSSH_9.9"],
)
def test_plain_http_is_refused_and_closed(way: Way, request_line: bytes, only_turnpike) -> None:
    """Whoever is not sent to the control plane gets an error of HTTP's own, or nothing, and an end."""
    transport = way.open()
    transport.put(request_line + b"\r\nHost: turn.test\r\nContent-Length: 0\r\n\r\n")
    assert_refused(transport, b"HTTP/1.1 4")


def assert_refused(transport: Tcp, status: bytes, seconds: float = TIMEOUT_SECONDS) -> None:
    """The server says nothing but an error of HTTP, and closes."""
    rest = transport.rest(seconds)
    assert rest is not None, "stays open"
    assert rest == b"" or rest.startswith(status), rest[:200]
    transport.close()


@ways("tcp")
@pytest.mark.parametrize(
    "beginning",
    [b"SSH-2.0-OpenSSH_9.9\r\n", b"SSH-2.0-Go\r\n", b"HELO turn.test\r\n", b"GET /\r\n", b"ALLLETTERSWITHOUTANEND"],
)
def test_what_is_no_request_ends_with_its_first_line(way: Way, beginning: bytes, only_turnpike) -> None:
    """Nobody waits for the rest until the time of strangers is over."""
    transport = way.open()
    transport.put(beginning)
    assert_refused(transport, b"HTTP/1.1 400", seconds=25)


@ways("tcp")
def test_http_without_an_end_is_bounded(way: Way, only_turnpike) -> None:
    transport = way.open()
    try:
        for _ in range(64):
            transport.put(b"GET /turn?" + b"a" * 4000)
    except ConnectionError:
        pass
    rest = transport.rest()
    assert rest is not None, "stays open"
    assert rest == b"" or rest.startswith(b"HTTP/1.1 4"), rest[:200]
    transport.close()
