"""Collider on the wire: its HTTP surface, its handshake and its messages (protocol page 1.2 to 1.5, 1.9)."""

from __future__ import annotations

import json

import pytest
from control_client import Connection, wait_until
from control_site import Site
from control_websocket import Opcode, WebSocket


def test_status_is_json_with_a_line_feed_for_any_method(site: Site) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = site.ask(method, "/status")
        assert answer.status == 200, method
        assert answer.body.endswith(b"}\n")
        fields = answer.json()
        assert isinstance(fields["upsec"], float) and fields["upsec"] >= 0
        for name in ("openws", "totalws", "wserrors", "httperrors"):
            assert type(fields[name]) is int and fields[name] >= 0, name
    assert site.ask("HEAD", "/status").status == 200


def test_counters_of_a_fresh_server_begin_at_zero(own_server) -> None:
    fields = Site(own_server({})).status()
    assert {name: fields[name] for name in ("openws", "totalws", "wserrors", "httperrors")} == dict.fromkeys(
        ("openws", "totalws", "wserrors", "httperrors"), 0
    )


def test_status_counts_registrations_and_not_connections(site: Site) -> None:
    before, room = site.status(), site.room()
    with site.socket(), site.registered((room, "a"), (room, "b")):
        during = site.status()
        assert during["openws"] - before["openws"] == 2
        assert during["totalws"] - before["totalws"] == 2
    wait_until(lambda: site.status()["openws"] == before["openws"], "closed sockets leave openws")
    assert site.status()["totalws"] - before["totalws"] == 2


def test_status_counts_error_frames(site: Site) -> None:
    before = site.status()["wserrors"]
    with site.socket() as one:
        one.send_json(cmd="dance")
        one.assert_error("Invalid message: unexpected 'cmd'")
        assert site.status()["wserrors"] == before + 1


def test_status_counts_http_errors(site: Site) -> None:
    before = site.status()["httperrors"]
    site.post("/some/one")
    assert site.status()["httperrors"] == before + 1


def test_upsec_grows(site: Site) -> None:
    first = site.status()["upsec"]
    wait_until(lambda: site.status()["upsec"] > first, "upsec grows")


def test_post_of_a_message_is_ok_and_arrives_verbatim(site: Site) -> None:
    room, body = site.room(), '{"type":"offer","sdp":"v=0\\r\\n"}\r\n\t <&> \u2028 ünïcödé'
    with site.registered((room, "listener")) as (listener,):
        answer = site.post(f"/{room}/caller", body.encode(), Content_Type="application/x-www-form-urlencoded")
        assert (answer.status, answer.body) == (200, b"OK\n")
        assert listener.message() == body


@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "application/x-www-form-urlencoded", "x"])
def test_post_takes_any_content_type(site: Site, kind: str) -> None:
    room = site.room()
    with site.registered((room, "listener")) as (listener,):
        assert site.post(f"/{room}/caller", b"a=1&b=%20+", Content_Type=kind).body == b"OK\n"
        assert listener.message() == "a=1&b=%20+"


def test_post_without_a_body(site: Site) -> None:
    answer = site.post("/room/client")
    assert (answer.status, answer.body) == (500, b"Empty request body\n")


def test_post_as_a_third_client(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a"), (room, "b")):
        answer = site.post(f"/{room}/c", b"hello")
        assert (answer.status, answer.body) == (500, b"Failed to send the message: Max room capacity reached\n")


def test_post_beyond_the_queue(site: Site) -> None:
    room = site.room()
    with Connection(site.address) as connection:
        for number in range(1024):
            assert connection.ask("POST", f"/{room}/caller", b"%d" % number).body == b"OK\n", number
        answer = connection.ask("POST", f"/{room}/caller", b"one too many")
    assert answer.status == 500
    assert answer.body == b"Failed to send the message: Too many messages queued for the client\n"
    with site.socket() as listener:
        listener.send_json(cmd="register", roomid=room, clientid="listener")
        assert [listener.message() for _ in range(1024)] == [str(number) for number in range(1024)]
        listener.settle()


def test_delete_is_ok_whatever_there_is(site: Site) -> None:
    room = site.room()
    for _ in range(2):
        answer = site.delete(f"/{room}/nobody")
        assert (answer.status, answer.body) == (200, b"OK\n")
    assert site.delete(f"/{room}/nobody?x=1").body == b"OK\n"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH"])
def test_other_methods_on_a_client_are_empty_and_fine(site: Site, method: str) -> None:
    answer = site.ask(method, "/some-room/some-client")
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("path", ["/one", "/a/b/c", "/a/b/c/d"])
def test_paths_of_another_shape_are_invalid(site: Site, method: str, path: str) -> None:
    answer = site.ask(method, path, b"x")
    assert (answer.status, answer.body) == (500, f"Invalid path: {path}\n".encode())
    assert answer.header("X-Content-Type-Options") == "nosniff"


def test_invalid_path_is_escaped(site: Site) -> None:
    answer = site.post("/a/%3Cscript%3E'%22&/c", b"x")
    assert answer.status == 500
    assert answer.body == b"Invalid path: /a/&lt;script&gt;&#39;&#34;&amp;/c\n"


def test_path_is_percent_decoded(site: Site) -> None:
    with site.registered(("my room", "ü")) as (listener,):
        assert site.post("/my%20room/b%2Bc", b"hello").body == b"OK\n"
        assert listener.message() == "hello"
        assert site.delete("/my%20room/%C3%BC").body == b"OK\n"
        listener.assert_closed()


@pytest.mark.parametrize("target", ["//a", "//evil.example", "//evil.example/%2e%2e", "/\\evil.example"])
def test_doubled_slash_redirects_nowhere_else(site: Site, target: str) -> None:
    answer = site.get(target)
    assert answer.status in (200, 301, 400, 404, 405, 500)
    place = answer.header("Location") or "/"
    assert place.startswith("/") and not place.startswith(("//", "/\\"))


def test_every_answer_may_be_read_by_pages_that_may_use_it(site: Site) -> None:
    room = site.room()
    for method, path, body in [
        ("GET", "/status", None),
        ("POST", f"/{room}/a", b"x"),
        ("POST", f"/{room}/a", b""),
        ("DELETE", f"/{room}/a", None),
        ("POST", "/a/b/c", b"x"),
    ]:
        for origin in (site.origin, "https://appr.tc"):
            answer = site.ask(method, path, body, Origin=origin)
            assert answer.header("Access-Control-Allow-Origin") in ("*", origin), (method, path, origin)


def test_preflight_of_a_delete(site: Site) -> None:
    fields = {"Origin": "https://appr.tc", "Access_Control_Request_Method": "DELETE"}
    answer = site.ask("OPTIONS", "/some-room/some-client", **fields)
    assert answer.status in (200, 204) and answer.body == b""
    assert {"POST", "DELETE"} <= set((answer.header("Access-Control-Allow-Methods") or "").replace(",", " ").split())
    assert answer.header("Access-Control-Allow-Origin") in ("*", "https://appr.tc")


def test_plain_get_of_the_socket(site: Site) -> None:
    answer = site.get("/ws")
    assert (answer.status, answer.text.strip()) == (400, "not websocket protocol")


def test_post_to_an_empty_client_makes_no_seat(site: Site) -> None:
    room = site.room()
    assert site.post(f"/{room}/", b"x").status != 200


def refused(site: Site, status: int, drop: tuple[str, ...] = (), target: str = "/ws", **changes: str) -> str | None:
    """Asserts that a handshake is refused; returns the version the answer asks for."""
    with WebSocket(site.address) as socket:
        answer = socket.upgrade(target, drop, **changes)
        assert answer.status == status, (answer.status, answer.body)
        return answer.header("Sec-WebSocket-Version")


@pytest.mark.parametrize("version", ["8", "0", "12", "14", "255", "x", ""])
def test_handshake_of_another_version(site: Site, version: str) -> None:
    assert refused(site, 400, Sec_WebSocket_Version=version) == "13"


@pytest.mark.parametrize("name", ["Upgrade", "Connection", "Sec-WebSocket-Key"])
def test_handshake_without_a_header_it_needs(site: Site, name: str) -> None:
    refused(site, 400, (name,))


@pytest.mark.parametrize("key", ["", "short", "dGhlIHNhbXBsZSBub25jZQ"])
def test_handshake_with_a_key_that_is_none(site: Site, key: str) -> None:
    refused(site, 400, Sec_WebSocket_Key=key)


@pytest.mark.parametrize("value", ["websocket", "WebSocket", "WEBSOCKET"])
def test_upgrade_in_any_case(site: Site, value: str) -> None:
    with site.socket(Upgrade=value, Connection="keep-alive, Upgrade"):
        pass


def test_query_of_the_socket_is_ignored(site: Site) -> None:
    with site.socket(target="/ws?room=a&x=%00&&&=") as socket:
        socket.settle()


def test_origins_of_own_pages_and_native_clients_are_taken(site: Site) -> None:
    with site.socket(), site.socket(Origin=site.origin), site.socket(Origin="https://appr.tc"):
        pass


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "file://", "http://127.0.0.1", "not an origin", "", "http://127.0.0.1:1",
     "https://appr.tc.evil.example", "https://evil-appr.tc", "https://appr.tc:444", "http://%s.evil.example",
     "http://evil@%s"],
)  # fmt: skip
def test_foreign_origins_are_forbidden(site: Site, origin: str) -> None:
    refused(site, 403, Origin=origin.replace("%s", site.host))


def test_origins_can_be_allowed(own_server) -> None:
    site = Site(own_server({"control/origins": "https://good.example http://localhost:3000"}))
    for origin in ("https://good.example", "http://localhost:3000", site.origin):
        site.socket(Origin=origin).abandon()
        assert site.get("/status", Origin=origin).header("Access-Control-Allow-Origin") in ("*", origin)
    for origin in ("https://evil.example", "http://good.example", "https://good.example.evil.example"):
        refused(site, 403, Origin=origin)
        assert site.get("/status", Origin=origin).header("Access-Control-Allow-Origin") is None


def test_all_origins_can_be_allowed(own_server) -> None:
    site = Site(own_server({"control/origins": "*"}))
    for origin in ("https://any.example", "file://", "null"):
        site.socket(Origin=origin).abandon()


def test_one_subprotocol_is_echoed(site: Site) -> None:
    with WebSocket(site.address) as socket:
        answer = socket.upgrade(Sec_WebSocket_Protocol="chat.v1")
        socket.assert_upgraded(answer)
        assert answer.header("Sec-WebSocket-Protocol") == "chat.v1"


def test_two_subprotocols_are_refused(site: Site) -> None:
    refused(site, 400, Sec_WebSocket_Protocol="chat, other")


def test_no_extension_is_negotiated(site: Site) -> None:
    with site.socket(Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits") as socket:
        socket.settle()


def test_unmasked_frame_is_a_protocol_error(site: Site) -> None:
    with site.socket() as socket:
        socket.send_frame(Opcode.TEXT, b'{"cmd":"send","msg":"x"}', mask=None)
        assert socket.close_said().code == 1002


@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
def test_text_and_binary_frames_are_both_json(site: Site, opcode: Opcode) -> None:
    room = site.room()
    with site.registered((room, "b")) as (other,), site.socket() as socket:
        socket.send_frame(opcode, json.dumps({"cmd": "register", "roomid": room, "clientid": "a"}).encode())
        socket.send_frame(opcode, b'{"cmd":"send","msg":"hello"}')
        assert other.message() == "hello"


@pytest.mark.parametrize("payload", [b"", b"x", bytes(range(125))])
def test_ping_is_answered_with_its_payload(site: Site, payload: bytes) -> None:
    with site.socket() as socket:
        socket.send_frame(Opcode.PING, payload)
        found = socket.receive_frame()
        assert (found.opcode, found.payload, found.is_final) == (Opcode.PONG, payload, True)


def test_unasked_pong_is_ignored(site: Site) -> None:
    with site.socket() as socket:
        socket.send_frame(Opcode.PONG, b"unasked")
        socket.settle()


def test_fragments_are_put_together(site: Site) -> None:
    room, text = site.room(), json.dumps({"cmd": "send", "msg": "in pieces: ü"}, ensure_ascii=False).encode()
    with site.registered((room, "a"), (room, "b")) as (one, two):
        one.send_frame(Opcode.TEXT, b"", is_final=False)
        for byte in text:
            one.send_frame(Opcode.CONTINUATION, bytes([byte]), is_final=False)
            one.send_frame(Opcode.PING, b"between")
            assert one.receive_frame().payload == b"between"
        one.send_frame(Opcode.CONTINUATION, b"", is_final=True)
        assert two.message() == "in pieces: ü"


def test_client_that_closes_is_answered_and_the_connection_ends(site: Site) -> None:
    with site.socket() as socket:
        socket.close(1000)


def test_client_that_closes_without_a_code(site: Site) -> None:
    with site.socket() as socket:
        socket.send_frame(Opcode.CLOSE)
        assert socket.close_said().code in (1000, 1005)


def test_unknown_fields_are_ignored(site: Site) -> None:
    room = site.room()
    with site.registered((room, "b")) as (other,), site.socket() as socket:
        socket.send_json(cmd="register", roomid=room, clientid="a", version=[1, {"x": None}], more="")
        socket.send_json(cmd="send", msg="hello", extra=1e99)
        assert other.message() == "hello"


def test_keys_in_any_case_and_pretty_printing(site: Site) -> None:
    room = site.room()
    with site.registered((room, "b")) as (other,), site.socket() as socket:
        socket.send_text(f'\n{{\n  "CMD" : "register",\n  "RoomID" : "{room}",\n  "clientId" : "a"\n}}\n')
        socket.send_text('{\r\n\t"Cmd" : "send",\r\n\t"MSG" : "hello"\r\n}')
        assert other.message() == "hello"


def test_register_and_send_have_no_answer(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a"), (room, "b")) as (one, two):
        one.send("x")
        assert two.message() == "x"
        one.settle()
        two.settle()
