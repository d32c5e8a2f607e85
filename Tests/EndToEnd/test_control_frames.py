"""Hostile WebSocket: broken frames and broken JSON draw a clear refusal, and nobody else notices."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator

import pytest
from control_client import wait_until
from control_site import Site
from control_websocket import Opcode, WebSocket, frame

MASK = b"\x00\x00\x00\x00"
MESSAGE = b'{"cmd":"send","msg":"x"}'


@pytest.fixture(scope="module")
def pair(site: Site) -> Iterator[list[WebSocket]]:
    """Two who talk to each other all the while: a refusal of others must not touch them."""
    with site.registered(("calm", "one"), ("calm", "two")) as sockets:
        yield sockets


@pytest.fixture
def calm(pair: list[WebSocket]) -> Iterator[None]:
    """Asserts after a test that the two still hear each other."""
    yield
    one, two = pair
    one.send("still here?")
    assert two.message() == "still here?"
    two.send("yes")
    assert one.message() == "yes"


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("reserved", range(1, 8))
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.PING, Opcode.CLOSE])
def test_reserved_bits_are_a_protocol_error(site: Site, reserved: int, opcode: int) -> None:
    with site.socket() as socket:
        socket.send_frame(opcode, b"", reserved=reserved)
        assert socket.close_said().code == 1002


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
def test_reserved_opcodes_are_a_protocol_error(site: Site, opcode: int) -> None:
    with site.socket() as socket:
        socket.send_frame(opcode, b"{}")
        assert socket.close_said().code == 1002


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG, Opcode.CLOSE])
@pytest.mark.parametrize("size", [126, 1000, 70_000])
def test_long_control_frames_are_a_protocol_error(site: Site, opcode: int, size: int) -> None:
    with site.socket() as socket:
        socket.send_frame(opcode, bytes(size))
        assert socket.close_said().code in (1002, 1006)


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG, Opcode.CLOSE])
def test_fragments_of_control_frames_are_a_protocol_error(site: Site, opcode: int) -> None:
    with site.socket() as socket:
        socket.send_frame(opcode, b"", is_final=False)
        assert socket.close_said().code == 1002


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("is_final", [True, False])
def test_continuation_of_nothing_is_a_protocol_error(site: Site, is_final: bool) -> None:
    with site.socket() as socket:
        socket.send_frame(Opcode.CONTINUATION, b"{}", is_final)
        assert socket.close_said().code == 1002


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
def test_message_within_a_message_is_a_protocol_error(site: Site, opcode: int) -> None:
    with site.socket() as socket:
        socket.send_frame(Opcode.TEXT, b'{"cmd"', is_final=False)
        socket.send_frame(opcode, b"{}")
        assert socket.close_said().code == 1002


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("opcode", Opcode)
def test_unmasked_frames_are_a_protocol_error(site: Site, opcode: int) -> None:
    with site.socket() as socket:
        socket.send_frame(opcode, b"", mask=None)
        assert socket.close_said().code == 1002


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("length", [10_000_000, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_announced_length_beyond_the_limit_is_refused_before_it_comes(site: Site, length: int) -> None:
    before = site.server.resident_kilobytes
    with site.socket() as socket:
        socket.put(b"\x81\xff" + struct.pack("!Q", length) + MASK)
        assert socket.close_said().code in (1002, 1009)
    assert site.server.resident_kilobytes - before < 5_000


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("head", [b"\x81\xfe\x00\x18", b"\x81\xff" + struct.pack("!Q", 24)])
def test_length_in_more_bytes_than_needed(site: Site, head: bytes) -> None:
    """RFC 6455 5.2 forbids it; taken or refused, it must stay in step."""
    with site.socket() as socket:
        socket.put(head + MASK + MESSAGE)
        try:
            fields = socket.receive()
        except AssertionError:
            return
        assert fields["error"] == "Client not registered"


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize(
    "payload", [b"\x03", b"\x00\x00", b"\x03\xec", b"\x03\xed", b"\x03\xee", b"\x03\xe7", b"\xff\xff", b"\x03\xe8\xff"]
)
def test_close_frames_that_say_nonsense_still_close(site: Site, payload: bytes) -> None:
    with site.socket() as socket:
        socket.send_frame(Opcode.CLOSE, payload)
        said = socket.close_said()
        assert said.code in (1000, 1002, 1005, 1006, 1007), said


@pytest.mark.usefixtures("calm")
def test_nothing_is_heard_after_a_close_frame(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a"), (room, "b")) as (one, two):
        one.put(frame(Opcode.CLOSE, b"\x03\xe8", mask=MASK) + frame(Opcode.TEXT, MESSAGE, mask=MASK))
        one.close_said()
        two.settle()


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("size", [1, 1000, 60_000])
def test_fragments_without_end_are_cut(site: Site, size: int) -> None:
    before = site.server.resident_kilobytes
    with site.socket() as socket:
        part = frame(Opcode.CONTINUATION, bytes(size), is_final=False, mask=MASK)
        bundle = part * max(1, 60_000 // size)
        socket.put(frame(Opcode.TEXT, bytes(size), is_final=False, mask=MASK))
        assert socket.is_cut(bundle)
    assert site.server.resident_kilobytes - before < 10_000


@pytest.mark.usefixtures("calm")
def test_empty_fragments_without_end_cost_no_memory(site: Site) -> None:
    before = site.server.resident_kilobytes
    with site.socket() as socket:
        socket.send_frame(Opcode.TEXT, b"", is_final=False)
        for _ in range(100):
            socket.put(frame(Opcode.CONTINUATION, b"", is_final=False, mask=MASK) * 10_000)
        assert site.answers()
    assert site.server.resident_kilobytes - before < 10_000


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("text", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\x80", b"\xf4\x90\x80\x80"])
def test_bad_utf_8_is_refused_or_replaced(site: Site, text: bytes) -> None:
    room = site.room()
    with site.registered((room, "a"), (room, "b")) as (one, two):
        one.send_frame(Opcode.TEXT, b'{"cmd":"send","msg":"<' + text + b'>"}')
        one.send_frame(Opcode.PING, b"read")
        found = one.receive_frame()
        if found.opcode == Opcode.PONG:
            assert two.message().startswith("<\ufffd")
        elif found.opcode == Opcode.TEXT:
            assert json.loads(found.payload)["error"].startswith("websocket.JSON.Receive error: ")
        else:
            assert (found.opcode, found.payload[:2]) == (Opcode.CLOSE, struct.pack("!H", 1007))


JSON = {
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"a":' * 40_000,
    "closed deep arrays": b'{"cmd":"send","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "closed deep objects": b'{"x":' * 30_000 + b"1" + b"}" * 30_000,
    "huge number": b'{"cmd":"send","x":' + b"9" * 200_000 + b"}",
    "huge exponent": b'{"cmd":"send","x":1e999999999}',
    "many keys": b'{"cmd":"send",' + b",".join(b'"k%d":1' % number for number in range(15_000)) + b"}",
    "same key often": b"{" + b",".join([b'"cmd":"send"'] * 15_000) + b"}",
    "long key": b'{"' + b"k" * 200_000 + b'":1}',
    "lone surrogate": b'{"cmd":"send","msg":"\\ud800"}',
    "escapes": b'{"cmd":"send","msg":"' + b"\\u0000" * 30_000 + b'"}',
    "broken escape": b'{"cmd":"send","msg":"\\x41"}',
    "short escape": b'{"cmd":"send","msg":"\\u00"}',
    "numbers that are none": b'{"cmd":"send","x":NaN}',
    "comment": b'{"cmd":"send"/**/}',
    "two documents": b'{"cmd":"dance"}{"cmd":"dance"}',
    "null document": b"null",
    "spaces": b" " * 200_000,
}


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("name", JSON)
def test_json_made_to_hurt_is_answered(site: Site, name: str) -> None:
    with site.socket() as socket:
        socket.send_frame(Opcode.TEXT, JSON[name])
        found = socket.receive_frame()
        assert found.opcode in (Opcode.TEXT, Opcode.CLOSE), found
        if found.opcode == Opcode.TEXT:
            assert json.loads(found.payload)["error"]


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("name", JSON)
def test_json_made_to_hurt_by_http(site: Site, name: str) -> None:
    for path in ("/a/", "/api/v1/rooms"):
        answer = site.post(path, JSON[name], Content_Type="application/json")
        assert answer.status in (200, 400, 401, 403, 404, 413, 415, 422), path
        if path == "/a/":
            assert answer.json()["result"] == "INVALID_REQUEST"


@pytest.mark.usefixtures("calm")
def test_long_ids_are_refused_or_bounded(site: Site) -> None:
    for size in (1_000, 100_000):
        with site.socket() as socket:
            socket.send_json(cmd="register", roomid="r" * size, clientid="c" * size)
            socket.send_frame(Opcode.PING, b"x")
            assert socket.receive_frame().opcode in (Opcode.PONG, Opcode.TEXT, Opcode.CLOSE)


@pytest.mark.usefixtures("calm")
def test_flood_of_messages_is_held_back(site: Site) -> None:
    """Far above `messagesPerSecond`: the flooder is slowed or thrown out, and memory stays."""
    before, room = site.server.resident_kilobytes, site.room()
    with site.registered((room, "a"), (room, "b")) as (flooder, victim):
        flooder.put(frame(Opcode.TEXT, b'{"cmd":"send","msg":"' + b"x" * 1000 + b'"}', mask=MASK) * 5_000)
        assert site.answers()
        victim.send_frame(Opcode.PING, b"alive")
        while victim.receive_frame().opcode != Opcode.PONG:
            pass
    assert site.server.resident_kilobytes - before < 10_000


@pytest.mark.usefixtures("calm")
def test_flood_of_pings_that_are_not_read_costs_no_memory(site: Site) -> None:
    before = site.server.resident_kilobytes
    with WebSocket(site.address, receive_buffer=4096) as socket:
        socket.assert_upgraded(socket.upgrade())
        socket.socket.settimeout(3)
        pings = frame(Opcode.PING, bytes(125), mask=MASK) * 1_000
        try:
            for _ in range(300):
                socket.socket.sendall(pings)
        except OSError:
            pass
        assert site.answers()
    assert site.server.resident_kilobytes - before < 10_000


@pytest.mark.usefixtures("calm")
def test_client_that_does_not_read_is_dropped_and_delays_nobody(site: Site) -> None:
    before, room = site.server.resident_kilobytes, site.room()
    with WebSocket(site.address, receive_buffer=4096) as slow:
        slow.assert_upgraded(slow.upgrade())
        slow.send_json(cmd="register", roomid=room, clientid="slow")
        slow.settle()
        posted = 0
        for _ in range(300):
            posted += site.post(f"/{room}/fast", os.urandom(60_000).hex().encode()).status == 200
            if posted % 50 == 0:
                assert site.answers()
        wait_until(lambda: site.post(f"/{room}/slow", b"x").status, "the room answers")
        assert slow.ends(), "the slow client still has its connection"
    assert site.server.resident_kilobytes - before < 40_000
    site.delete(f"/{room}/slow")
    site.delete(f"/{room}/fast")
