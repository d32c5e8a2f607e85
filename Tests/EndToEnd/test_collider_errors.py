"""Every error of Collider's table, byte for byte, and what becomes of the connection (protocol page 1.5, 1.6, 1.10)."""

from __future__ import annotations

import pytest
from control_client import wait_until
from control_site import Site
from control_websocket import Opcode, frame

RECEIVE_ERROR = "websocket.JSON.Receive error: "
MISSING_ID = "Invalid register request: missing 'clientid' or 'roomid'"


def test_second_register_on_a_connection(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a")) as (one,):
        one.send_json(cmd="register", roomid=room, clientid="a")
        one.assert_error("Duplicated register request")
        one.assert_closed()


def test_second_register_under_another_name(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a")) as (one,):
        one.send_json(cmd="register", roomid=room + "x", clientid="b")
        one.assert_error("Duplicated register request")
        one.assert_closed()


def test_second_register_leaves_the_seat_for_a_while(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a")) as (one,):
        one.send("kept")
        one.send_json(cmd="register", roomid=room, clientid="a")
        one.assert_error("Duplicated register request")
        one.assert_closed()
    with site.registered((room, "a")), site.socket() as other:
        other.send_json(cmd="register", roomid=room, clientid="b")
        assert other.message() == "kept"


@pytest.mark.parametrize(
    "fields",
    [{}, {"roomid": "r"}, {"clientid": "c"}, {"roomid": "", "clientid": "c"}, {"roomid": "r", "clientid": ""}],
)
def test_register_without_an_id(site: Site, fields: dict[str, str]) -> None:
    with site.socket() as one:
        one.send_json(cmd="register", **fields)
        one.assert_error(MISSING_ID)
        one.assert_closed()


def test_seat_that_a_live_connection_has(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a"), (room, "b")) as (one, two), site.socket() as late:
        late.send_json(cmd="register", roomid=room, clientid="a")
        late.assert_error("Duplicated registration")
        late.assert_closed()
        two.send("still you?")
        assert one.message() == "still you?"


def test_third_client_of_a_room(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a"), (room, "b")) as (one, two), site.socket() as third:
        third.send_json(cmd="register", roomid=room, clientid="c")
        third.assert_error("Max room capacity reached")
        third.assert_closed()
        one.settle()
        two.settle()


def test_send_before_register(site: Site) -> None:
    with site.socket() as one:
        one.send_json(cmd="send", msg="hello")
        one.assert_error("Client not registered")
        one.assert_closed()


@pytest.mark.parametrize("fields", [{}, {"msg": ""}])
def test_send_without_a_message(site: Site, fields: dict[str, str]) -> None:
    with site.registered((site.room(), "a")) as (one,):
        one.send_json(cmd="send", **fields)
        one.assert_error("Invalid send request: missing 'msg'")
        one.assert_closed()


def test_nothing_is_carried_over_from_the_message_before(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a"), (room, "b")) as (one, two):
        one.send("hello")
        assert two.message() == "hello"
        one.send_json(cmd="send")
        one.assert_error("Invalid send request: missing 'msg'")
        two.settle()


@pytest.mark.parametrize(
    "text", ["{}", '{"cmd":""}', '{"cmd":"dance"}', '{"cmd":"REGISTER"}', '{"msg":"x"}', '{"cmd":null}']
)
def test_unexpected_command_keeps_the_connection(site: Site, text: str) -> None:
    room = site.room()
    with site.registered((room, "b")) as (other,), site.socket() as one:
        for _ in range(3):
            one.send_text(text)
            one.assert_error("Invalid message: unexpected 'cmd'")
        one.register(room, "a")
        one.send_text(text)
        one.assert_error("Invalid message: unexpected 'cmd'")
        one.send("still here")
        assert other.message() == "still here"


@pytest.mark.parametrize(
    "payload",
    [b"hello", b"{", b"[]", b'"register"', b"1", b'{"cmd":1}', b'{"cmd":"send","msg":{}}', b'{"cmd":"send","msg":["x"]}',
     b'{"cmd":"register","roomid":1,"clientid":"c"}', b'{"cmd":"send"', b"{'cmd':'send'}",
     b"", b" ", b"\x00", b'{"cmd":"send","msg":"\n"}'],
)  # fmt: skip
@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
def test_what_is_no_message(site: Site, payload: bytes, opcode: Opcode) -> None:
    with site.socket() as one:
        one.send_frame(opcode, payload)
        fields = one.receive()
        assert fields["error"].startswith(RECEIVE_ERROR) and len(fields["error"]) > len(RECEIVE_ERROR), fields
        one.assert_closed()


def test_error_of_a_registered_client_leaves_its_seat_for_a_while(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a"), (room, "b")) as (one, two):
        one.send_text("nonsense")
        assert one.receive()["error"].startswith(RECEIVE_ERROR)
        one.assert_closed()
        two.send("come back")
        with site.socket() as again:
            again.send_json(cmd="register", roomid=room, clientid="a")
            assert again.message() == "come back"


def test_sender_is_not_told_what_became_of_a_message(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a"), (room, "b")) as (one, two):
        two.reset()
        for _ in range(10):
            one.send("into the dark")


@pytest.mark.parametrize(
    "text",
    ['{"type":"bye"}', "<script>&amp;'\"\\", "line\nfeed\r\n\ttab", "\u2028\u2029", "emoji 🎥", "\u0000\u001f\u007f",
     "é" * 5000, "plain", " ", "[1,2]", "null"],
)  # fmt: skip
def test_message_is_opaque(site: Site, text: str) -> None:
    room = site.room()
    with site.registered((room, "a"), (room, "b")) as (one, two):
        one.send(text)
        assert two.message() == text


@pytest.mark.parametrize("size", [100, 125, 126, 1000, 65_000, 66_000, 200_000])
def test_message_of_any_reasonable_size(site: Site, size: int) -> None:
    room, text = site.room(), "s" * size
    with site.registered((room, "a"), (room, "b")) as (one, two):
        one.send(text)
        assert two.message() == text
        assert site.post(f"/{room}/b", text.encode()).body == b"OK\n"
        assert one.message() == text


def test_oversized_message_is_refused(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a"), (room, "b")) as (one, two):
        # Only the beginning: what a server has not read when it closes would reset the connection.
        one.put(frame(Opcode.TEXT, bytes(20_000_000), mask=bytes(4))[:100])
        assert one.close_said().code in (1000, 1009)
        two.settle()


def test_openws_falls_with_a_refused_connection(site: Site) -> None:
    before = site.status()["openws"]
    with site.registered((site.room(), "a")) as (one,):
        one.send_json(cmd="send")
        one.assert_error("Invalid send request: missing 'msg'")
        wait_until(lambda: site.status()["openws"] == before, "openws falls")
