"""Hostile HTTP: each request draws a clear refusal or nothing, and the server answers the next one."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from control_client import Closed, Connection
from control_site import Site

#: The query parameters of the protocol page's 2.8, the client's own, and what else pages might look at.
PARAMETERS = (
    "audio video hd minre maxre firefox_fake_device it tt ts apikey dtls dscp ipv6 debug wshpp wstls t asbr arbr vsbr vrbr "
    "vsibr asc arc vsc vrc opusmaxpbr opusfec opusdtx stereo videofec token key room client name bypass_join_confirmation"
).split()
SCRIPTS = ["\"'><script>alert(1)</script>", "</script><img src=x onerror=alert(1)>", "javascript:alert(1)//", "<!--<script>",
           "\u2028alert(1)", "{{7*7}}${7*7}", "\" onload=\"alert(1)"]  # fmt: skip
SECRET_MARK = "root:"
#: Where a server might put a part of the request into its answer's head.
PLACES = ["/%s", "/r/%s", "/r/x?%s=%s", "/join/%s", "/a/%s", "/params?tt=%s", "/x/y/%s", "//%s", "/assets/%s", "/ws?%s",
          "/v1alpha/iceconfig?key=%s"]  # fmt: skip
UPGRADE = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]  # fmt: skip


def exchange(site: Site, data: bytes) -> list[int]:
    """Sends bytes, then the end of our direction; the statuses of all answers until the server closes."""
    with Connection(site.address) as connection:
        connection.put(data)
        connection.end_output()
        statuses = []
        try:
            while True:
                statuses.append(connection.answer().status)
        except Closed:
            return statuses


def request(*lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


GET = "GET /status HTTP/1.1"
POST = "POST /join/smuggle HTTP/1.1"
SMUGGLED = b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n"

REFUSED = {
    "two different lengths": request(POST, "Host: x", "Content-Length: 0", "Content-Length: 36", body=SMUGGLED),
    "list of lengths": request(POST, "Host: x", "Content-Length: 0, 35", body=SMUGGLED),
    "length and chunks": request(
        POST, "Host: x", "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED
    ),
    "chunks and length": request(
        POST, "Host: x", "Transfer-Encoding: chunked", "Content-Length: 5", body=b"0\r\n\r\n" + SMUGGLED
    ),
    "unknown coding": request(POST, "Host: x", "Transfer-Encoding: xchunked", body=SMUGGLED),
    "chunked not last": request(POST, "Host: x", "Transfer-Encoding: chunked, identity", body=SMUGGLED),
    "negative length": request(POST, "Host: x", "Content-Length: -1", body=SMUGGLED),
    "length with a sign": request(POST, "Host: x", "Content-Length: +0", body=SMUGGLED),
    "hexadecimal length": request(POST, "Host: x", "Content-Length: 0x0", body=SMUGGLED),
    "length beyond 64 bits": request(POST, "Host: x", "Content-Length: 99999999999999999999", body=SMUGGLED),
    "space before the colon": request(POST, "Host: x", "Content-Length : 0", body=SMUGGLED),
    "chunk size that is none": request(POST, "Host: x", "Transfer-Encoding: chunked", body=b"zz\r\n" + SMUGGLED),
    "negative chunk size": request(POST, "Host: x", "Transfer-Encoding: chunked", body=b"-1\r\n" + SMUGGLED),
    "chunk size beyond 64 bits": request(
        POST, "Host: x", "Transfer-Encoding: chunked", body=b"f" * 17 + b"\r\n" + SMUGGLED
    ),
    "NUL in a header": request(GET, "Host: x", "A: b\0c"),
    "NUL in the target": request("GET /sta\0tus HTTP/1.1", "Host: x"),
    "header without a name": request(GET, "Host: x", ": value"),
    "header without a colon": request(GET, "Host: x", "nonsense"),
    "control character in a name": request(GET, "Host: x", "A\x01: b"),
    "space in the target": request("GET /a b HTTP/1.1", "Host: x"),
    "no version": b"GET /status\r\n\r\n",
    "version 2.0": request("GET /status HTTP/2.0", "Host: x"),
    "version 9.9": request("GET /status HTTP/9.9", "Host: x"),
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS on a plain port": bytes.fromhex("16030100c8010000c40303") + bytes(190),
    "noise": bytes(range(256)) * 8,
    "NULs": bytes(5000),
    "method that is none": request("G<T /status HTTP/1.1", "Host: x"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_malformed_request_is_refused_and_nothing_behind_it_is_heard(site: Site, name: str) -> None:
    statuses = exchange(site, REFUSED[name])
    assert len(statuses) <= 1 and all(400 <= status <= 505 for status in statuses), statuses
    assert site.get("/status").status == 200


@pytest.mark.parametrize("hosts", [[], ["a", "b"], [""], ["a b"], ["a\"><script>"], ["a/b"], ["a@b"], ["evil\\"]])
def test_host_that_is_none_never_gets_into_an_address(site: Site, hosts: list[str]) -> None:
    with Connection(site.address) as connection:
        connection.put(request("GET /params HTTP/1.1", *(f"Host: {host}" for host in hosts)))
        answer = connection.answer()
        assert answer.status in (200, 400)
        if answer.status == 200:
            assert answer.json()["wss_url"].startswith("ws://")
            assert not any(host and host in answer.json()["wss_url"] for host in hosts), answer.text


@pytest.mark.parametrize(
    "header",
    ["X: " + "x" * 100_000, "\r\n".join(f"X-{number}: y" for number in range(20_000)), "x" * 70_000 + ": 1",
     "Cookie: " + "a=b;" * 40_000],
    ids=["long value", "many", "long name", "long cookie"],
)  # fmt: skip
def test_huge_head_is_refused(site: Site, header: str) -> None:
    with Connection(site.address) as connection:
        connection.put(request(GET, "Host: x", header))
        try:
            assert connection.answer().status in (400, 413, 431)
        except Closed:
            pass
        assert connection.ends()
    assert site.answers()


def test_head_that_never_ends_is_cut(site: Site) -> None:
    before = site.server.resident_kilobytes
    with Connection(site.address) as connection:
        connection.put(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert connection.is_cut(b"X-Header: " + b"y" * 1000 + b"\r\n")
    assert site.server.resident_kilobytes - before < 10_000
    assert site.answers()


def test_huge_target_is_refused(site: Site) -> None:
    for target in ("/" + "a" * 100_000, "/params?" + "a=b&" * 30_000, "/r/" + "%41" * 30_000):
        statuses = exchange(site, request(f"GET {target} HTTP/1.1", "Host: x"))
        assert all(status in (400, 413, 414, 431) for status in statuses), statuses


def test_promise_of_a_huge_body_is_refused_at_once(site: Site) -> None:
    for path in ("/join/r", "/message/r/c", "/r1/c1", "/a/", "/api/v1/rooms", "/v1alpha/iceconfig"):
        with Connection(site.address) as connection:
            connection.put(request(f"POST {path} HTTP/1.1", "Host: x", "Content-Length: 10000000000"))
            assert connection.answer().status == 413, path
            assert connection.ends()


def test_chunks_without_end_are_cut(site: Site) -> None:
    before = site.server.resident_kilobytes
    with Connection(site.address) as connection:
        connection.put(request("POST /r1/c1 HTTP/1.1", "Host: x", "Transfer-Encoding: chunked"))
        assert connection.is_cut(b"8000\r\n" + bytes(0x8000) + b"\r\n")
    assert site.server.resident_kilobytes - before < 10_000
    assert site.answers()


def test_pipelined_requests_are_answered_in_order(site: Site) -> None:
    room = site.room()
    paths = [f"/{room}/{number}" if number % 2 else f"/{number}/x/y" for number in range(100)]
    with Connection(site.address) as connection:
        for path in paths:
            connection.put(request(f"POST {path} HTTP/1.1", "Host: x", "Content-Length: 1", body=b"x"))
        answers = [connection.answer() for _ in paths]
    for number in range(0, 100, 2):
        assert answers[number].text == f"Invalid path: /{number}/x/y\n"


def test_pipelining_without_reading_costs_no_memory(site: Site) -> None:
    before = site.server.resident_kilobytes
    with Connection(site.address, receive_buffer=4096) as connection:
        connection.socket.settimeout(2)
        with pytest.raises(OSError):
            while True:
                connection.socket.sendall(request("GET / HTTP/1.1", "Host: x") * 100)
        assert site.answers()
    assert site.server.resident_kilobytes - before < 20_000


@pytest.mark.parametrize("folder", ["", "assets/", "js/", "css/", "images/", "api/", "r/", "api/v1/rooms/"])
@pytest.mark.parametrize(
    "up", ["../", "..%2f", "%2e%2e/", "%2e%2e%2f", "..\\", "..%5c", "....//", "..%00/", "..;/", "%252e%252e/"]
)
def test_path_traversal_finds_no_file(site: Site, folder: str, up: str) -> None:
    for target in (f"/{folder}{up * 12}etc/passwd", f"/{folder}/etc/passwd", f"/{folder}{up * 12}etc%2fpasswd"):
        answer = site.get(target)
        assert SECRET_MARK not in answer.text, target
        assert answer.status in (200, 301, 400, 404, 405), target
        if answer.status == 200:
            assert answer.body == b"", target


@pytest.mark.parametrize(
    "injected", ["%0d%0aX-Injected:%20yes", "%0aX-Injected:%20yes", "%0d%0a%0d%0a<html>", "%0d", "\u010d\u010a"]
)
def test_line_ends_in_a_path_or_query_stay_out_of_heads(site: Site, injected: str) -> None:
    text = quote(injected, safe="%<>") if not injected.isascii() else injected
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        for place in PLACES:
            answer = site.ask(method, place.replace("%s", text), Origin=site.origin)
            assert answer.header("X-Injected") is None
            assert answer.status < 600


@pytest.mark.parametrize(
    "name", ["Origin", "Sec-WebSocket-Protocol", "Access-Control-Request-Method", "Host", "Authorization"]
)
def test_headers_that_might_be_echoed_are_not_echoed_raw(site: Site, name: str) -> None:
    for value in ("a\rX-Injected: yes", "a\x0bb", "a\x1bb", "<script>alert(1)</script>", "ü\xff", "*", "a, b"):
        for target, more in (("/params", []), ("/ws", UPGRADE)):
            with Connection(site.address) as connection:
                lines = [f"GET {target} HTTP/1.1", *([] if name == "Host" else ["Host: x"]), *more, f"{name}: {value}"]
                connection.put(request(*lines))
                try:
                    answer = connection.answer()
                except Closed:
                    continue
                assert answer.header("X-Injected") is None
                assert b"<script>alert" not in answer.body


class Structure(HTMLParser):
    """The tags of a page with the names of their attributes, and what scripts it loads."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, ...]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, *sorted(name for name, _ in attributes)))
        for name, value in attributes:
            assert not name.startswith("on"), f"{name} in a {tag}"
            if name in ("src", "href", "action"):
                assert (value or "").startswith(("/", "#", "data:image/")), f"{tag} {name}={value}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_in_any_parameter_changes_no_page(site: Site, script: str) -> None:
    for path in ("/", "/r/scripted", "/r/abcde"):
        plain = Structure(site.get(path).text).tags
        everything = "&".join(f"{name}={quote(script)}" for name in PARAMETERS)
        for query in [*(f"{name}={quote(script)}" for name in PARAMETERS), everything, f"{quote(script)}=1", quote(script)]:
            answer = site.get(f"{path}?{query}")
            assert answer.status == 200
            assert Structure(answer.text).tags == plain, query
            assert not any(part in answer.text for part in ("<script>alert", "<img src=x", "onload=\"alert")), query


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_in_any_parameter_is_json_that_no_browser_renders(site: Site, script: str) -> None:
    query = "&".join(f"{name}={quote(script)}" for name in PARAMETERS)
    for method, path in (("GET", "/params"), ("POST", f"/join/{site.room()}"), ("POST", "/message/none/none")):
        answer = site.ask(method, f"{path}?{query}", b"" if method == "POST" else None)
        assert answer.status == 200
        answer.json()
        assert answer.header("X-Content-Type-Options") == "nosniff"
        if not (answer.header("Content-Type") or "").startswith("application/json"):
            assert b"<script>alert" not in answer.body


def test_pages_forbid_inline_script(site: Site) -> None:
    for path in ("/", "/r/policy"):
        policy = site.get(path).header("Content-Security-Policy") or ""
        assert "default-src" in policy and "unsafe" not in policy and " * " not in f" {policy} "
        assert site.get(path).header("X-Content-Type-Options") == "nosniff"
        assert site.get(path).header("Referrer-Policy")
