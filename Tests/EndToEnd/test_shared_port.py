"""Pages, signalling and TURN on one port (`listen/share_http`): ALPN and the first bytes tell who is meant."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from conftest import StartServer
from control_client import Closed, Connection, wait_until
from control_site import Site
from control_websocket import WebSocket
from hostile.client import Credentials
from hostile.endpoint import Endpoint
from hostile.stun import Builder, Method
from server import Server
from streams.certificates import Authority, Certificate
from streams.client import StreamClient
from streams.test_messages import CHANNEL, assert_channel_relays
from streams.test_websocket import request
from streams.transports import SecureWebSocket, Tcp, Tls, connect, tls_context

pytestmark = pytest.mark.usefixtures("only_turnpike")

#: How long a stranger may say nothing.
IDLE_SECONDS = 2
#: Connections of one address to the control plane.
PER_ADDRESS = 8
WEB = ("http/1.1",)


def way(secure: bool, protocols: tuple[str, ...] = WEB, source: str | None = None, **wishes: Any):
    """What opens the socket of a client's: TLS with ALPN, or plain TCP."""

    def open_socket(server: Server) -> Any:
        address = server.address_tls if secure else server.address
        made = connect(address, source=source, **wishes)
        made.settimeout(15)
        return tls_context(protocols=protocols).wrap_socket(made) if secure else made

    return open_socket


class Shared(WebSocket):
    """HTTP, and a WebSocket where wanted, on the shared port."""

    def __init__(self, server: Server, secure: bool = True, **wishes: Any):
        self.socket = way(secure, **wishes)(server)
        self.buffer = b""


@pytest.fixture(scope="module")
def server(start_server: StartServer, certificate: Certificate) -> Iterator[Server]:
    """One server for all of it."""
    settings = {
        "listen/share_http": "1",
        "limits/connection_idle_s": str(IDLE_SECONDS),
        "control/connections_per_address": str(PER_ADDRESS),
        "listen/proxy_sources": "127.0.7.1",
    }
    running = start_server(settings, certificate=certificate)
    yield running
    assert running.process.poll() is None, f"the server ended\n{running.log_tail()}"
    running.stop()


def ask(server: Server, method: str, target: str, body: bytes | None = None, **wishes: Any):
    """One request on a connection of its own."""
    with Shared(server, **wishes) as shared:
        return shared.ask(method, target, body)


@pytest.fixture(scope="module")
def asset(site: Site) -> tuple[str, bytes]:
    """The path of the largest file that the first page names, and its bytes as they come on the control plane's own port."""
    paths = set(re.findall(r'"(/[^"]+\.(?:js|css))"', site.get("/").text))
    found = [(path, site.get(path).body) for path in paths]
    return max(found, key=lambda each: len(each[1]))


@pytest.mark.parametrize("protocols", [WEB, (), ("h2", "http/1.1")], ids=["alpn", "no-alpn", "browser"])
def test_pages_over_tls(server: Server, protocols: tuple[str, ...]) -> None:
    with Shared(server, protocols=protocols) as shared:
        assert shared.socket.selected_alpn_protocol() == ("http/1.1" if protocols else None)
        answer = shared.ask("GET", "/")
        assert answer.status == 200 and "<html" in answer.text.lower()
        assert shared.ask("GET", "/nowhere/at/all").status == 404, "the connection goes on"


def test_pages_without_tls(server: Server, asset: tuple[str, bytes]) -> None:
    answer = ask(server, "GET", asset[0], secure=False)
    assert answer.status == 200 and answer.body == asset[1]


@pytest.mark.parametrize("secure", [True, False])
def test_links_say_how_the_client_came(server: Server, site: Site, secure: bool) -> None:
    with Shared(server, secure) as shared:
        host = "%s:%d" % shared.socket.getpeername()
        answer = shared.ask("POST", f"/join/{site.room()}")
    params = answer.json()["params"]
    scheme, socket_scheme = ("https", "wss") if secure else ("http", "ws")
    assert params["room_link"].startswith(f"{scheme}://{host}/"), params
    assert params["wss_url"].startswith(f"{socket_scheme}://{host}/"), params


def test_signalling_through_sockets(server: Server, site: Site) -> None:
    """And a socket that is idle for longer than a stranger may be stays."""
    room = site.room()
    with Shared(server) as one, Shared(server, secure=False) as two:
        for each, name in ((one, "one"), (two, "two")):
            each.assert_upgraded(each.upgrade())
            each.register(room, name)
        time.sleep(IDLE_SECONDS + 2)
        for index in range(50):
            one.send(f"{index} " + "x" * 10_000)
            assert two.message() == f"{index} " + "x" * 10_000
        two.send("back")
        assert one.message() == "back"


def test_20_megabytes_come_as_they_are(server: Server, asset: tuple[str, bytes]) -> None:
    path, wanted = asset
    with Shared(server) as shared:
        for _ in range(20_000_000 // len(wanted) + 1):
            assert shared.ask("GET", path).body == wanted


def test_events_are_streamed(server: Server, site: Site) -> None:
    """With the admin's token, for longer than a stranger may be silent."""
    token = (server.directory / "state" / "admin_token").read_text().strip()
    with Shared(server) as shared:
        head = f"GET /api/v1/live HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer {token}\r\n\r\n"
        shared.put(head.encode())
        answer = shared.take_through(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ") and b"text/event-stream" in answer, answer
        end = time.monotonic() + IDLE_SECONDS + 2
        while time.monotonic() < end:
            assert b"data:" in shared.take_through(b"\n\n")


@pytest.mark.parametrize("protocols", [("stun.turn",), ()], ids=["alpn", "no-alpn"])
def test_turn_over_tls(
    server: Server, alice: Credentials, peer: Endpoint, protocols: tuple[str, ...]
) -> None:
    with StreamClient(Tls(server.address_tls, context=tls_context(protocols=protocols)), alice) as client:
        client.allocate()
        client.bind_channel(CHANNEL, peer.address)
        assert_channel_relays(client, peer)


@pytest.mark.parametrize("transport", [SecureWebSocket, Tcp])
def test_turn_in_other_ways(server: Server, alice: Credentials, peer: Endpoint, transport: type) -> None:
    address = server.address if transport is Tcp else server.address_tls
    with StreamClient(transport(address), alice) as client:
        client.allocate()
        client.bind_channel(CHANNEL, peer.address)
        assert_channel_relays(client, peer)


def test_turn_has_its_path_to_itself(server: Server) -> None:
    with Shared(server) as shared:
        shared.put(request())
        assert shared.answer().status == 101
    assert ask(server, "GET", "/turn").status == 426


def test_who_asked_for_turn_gets_no_pages(server: Server) -> None:
    """ALPN has said it: nobody can be led from one protocol to the other."""
    with Shared(server, protocols=("stun.turn",)) as shared:
        assert shared.ask("GET", "/").status == 404


@pytest.mark.parametrize("secure", [True, False])
def test_a_request_byte_by_byte(server: Server, asset: tuple[str, bytes], secure: bool) -> None:
    with Shared(server, secure) as shared:
        for byte in f"GET {asset[0]} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode():
            shared.put(bytes([byte]))
        assert shared.answer().body == asset[1]


def test_a_large_request_in_one_piece(server: Server, site: Site) -> None:
    """A body beyond what fits a buffer, then the next request behind it."""
    room, body = site.room(), json.dumps({"text": "x" * 60_000}).encode()
    with Shared(server) as shared:
        client = shared.ask("POST", f"/join/{room}").json()["params"]["client_id"]
        first = shared.ask("POST", f"/message/{room}/{client}", body)
        assert first.status == 200 and first.json()["result"] == "SUCCESS", first
        assert shared.ask("GET", "/").status == 200


@pytest.mark.parametrize("secure", [True, False])
def test_half_a_request_is_given_up(server: Server, secure: bool) -> None:
    with Shared(server, secure) as shared:
        shared.put(b"GET /so/far")
        assert shared.ends()


def test_a_line_that_does_not_end_is_refused(server: Server) -> None:
    with Shared(server) as shared:
        shared.put(b"GET /" + b"a" * 5000)
        assert shared.answer().status == 431


def test_the_last_answer_comes_whole(server: Server, asset: tuple[str, bytes]) -> None:
    """Whoever closes first."""
    path, wanted = asset
    for _ in range(20):
        for secure in (True, False):
            with Shared(server, secure) as shared:
                shared.put(f"GET {path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n".encode())
                assert shared.answer().body == wanted
                assert shared.ends()


def test_who_takes_no_answer_is_let_go(server: Server, asset: tuple[str, bytes]) -> None:
    path, wanted = asset
    before = server.counters()["connections_timed_out"]
    with Shared(server, secure=False, receive_buffer=4096) as shared:
        shared.socket.setblocking(False)
        one = f"GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n".encode()
        end = time.monotonic() + 60
        while server.counters()["connections_timed_out"] == before:
            assert time.monotonic() < end, "a client that reads nothing is kept"
            try:
                shared.socket.send(one * 8)
            except (BlockingIOError, ConnectionError):
                time.sleep(0.1)


def test_who_does_not_close_is_let_go(server: Server) -> None:
    """After the last answer, which ends with the server's end of the stream."""
    with Shared(server, secure=False) as shared:
        shared.put(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        assert shared.answer().status == 200
        before = server.counters()["connections"]
        wait_until(lambda: server.counters()["connections"] <= before - 2, "both connections have gone", 60)


def test_each_address_has_its_share(server: Server) -> None:
    """The control plane sees who the client is, and nobody is this machine itself."""
    with ExitStack() as stack:
        for _ in range(PER_ADDRESS):
            held = stack.enter_context(Shared(server, source="127.0.9.1"))
            assert held.ask("GET", "/").status == 200
        with pytest.raises((Closed, ssl.SSLError)):
            ask(server, "GET", "/", source="127.0.9.1")
        assert ask(server, "GET", "/", source="127.0.9.2").status == 200
    wait_until(lambda: answers(server, source="127.0.9.1"), "the share is free again")


def answers(server: Server, **wishes: Any) -> bool:
    """Whether a page comes."""
    try:
        return ask(server, "GET", "/", **wishes).status == 200
    except (Closed, ssl.SSLError):
        return False


def test_the_balancer_s_clients_have_their_shares(server: Server) -> None:
    """Two headers one after the other: what the load balancer says of its client goes on."""

    def client(number: int) -> Connection:
        shared = Shared(server, secure=False, source="127.0.7.1")
        shared.put(f"PROXY TCP4 203.0.113.{number} 192.0.2.1 40000 443\r\n".encode())
        return shared

    with ExitStack() as stack:
        for _ in range(PER_ADDRESS):
            assert stack.enter_context(client(1)).ask("GET", "/").status == 200
        with client(1) as one_more, pytest.raises(Closed):
            one_more.ask("GET", "/")
        with client(2) as other:
            assert other.ask("GET", "/").status == 200


def test_what_is_open_to_this_machine_is_not_open_there(server: Server, site: Site) -> None:
    head = b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with Connection(site.address) as direct:
        direct.put(head)
        assert direct.take_through(b"\r\n").startswith(b"HTTP/1.1 200 ")
    with Shared(server) as shared:
        shared.put(head)
        answer = shared.answer()
        assert answer.status in (401, 403), answer


def test_who_asked_for_pages_gets_no_turn(server: Server) -> None:
    stream = Tls(server.address_tls, context=tls_context(protocols=WEB))
    stream.put(Builder(Method.BINDING).build())
    rest = stream.rest()
    assert rest is not None, "stays open"
    assert rest.startswith(b"HTTP/1.1 400"), rest[:200]
    stream.close()


def test_counters_and_leaks(server: Server) -> None:
    """All that was opened is closed again, on both sides."""
    before = server.counters()["connections_shared"]
    for _ in range(50):
        assert ask(server, "GET", "/").status == 200
    assert server.counters()["connections_shared"] == before + 50
    wait_until(lambda: server.counters()["connections"] == 0, "no connection is left", 60)
    wait_until(lambda: server.descriptor_count < 60, "no descriptor is left", 60)


@pytest.fixture
def peer() -> Iterator[Endpoint]:
    """A peer on an address of its own."""
    with Endpoint("127.0.0.2") as peer:
        yield peer
