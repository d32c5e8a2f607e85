"""ICE servers whose credentials the relay takes, and the analytics route (protocol page 2.9, 2.10)."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from control_site import Site
from hostile.client import Client, Credentials


def ice_servers(site: Site, url: str, method: str = "POST") -> list[dict[str, Any]]:
    """What an `ice_server_url` answers, which has to be right for all three clients."""
    parts = urlsplit(url)
    assert (parts.scheme, parts.netloc) == ("http", site.host), url
    answer = site.ask(method, f"{parts.path}?{parts.query}", Referer="https://appr.tc")
    assert answer.status == 200, answer
    servers = answer.json()["iceServers"]
    for server in servers:
        assert isinstance(server["urls"], list) and server["urls"]
        assert all(isinstance(one, str) and one.startswith(("turn:", "turns:", "stun:")) for one in server["urls"])
    return servers


def credentials(servers: list[dict[str, Any]]) -> Credentials:
    """Those of the one entry with TURN."""
    (server,) = [one for one in servers if any(url.startswith("turn") for url in one["urls"])]
    return Credentials(server["username"], server["credential"])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_url_of_a_join_gives_credentials_that_the_relay_takes(site: Site, method: str) -> None:
    servers = ice_servers(site, site.joined(site.room())["ice_server_url"], method)
    assert any(f"turn:127.0.0.1:{site.server.port}?transport=udp" in one["urls"] for one in servers), servers
    with Client(site.server.address, credentials(servers)) as client:
        client.allocate()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_url_of_the_parameters_works_before_joining(site: Site, method: str) -> None:
    servers = ice_servers(site, site.get("/params").json()["ice_server_url"], method)
    with Client(site.server.address, credentials(servers)) as client:
        client.allocate()


def test_credentials_outlive_the_page_and_not_the_day(site: Site) -> None:
    room = site.room()
    found = credentials(ice_servers(site, site.joined(room)["ice_server_url"]))
    expiry = int(found.username.split(":")[0])
    assert 4 * 3600 <= expiry - time.time() <= 24 * 3600


def test_lifetime_can_be_set(own_server) -> None:
    site = Site(own_server({"ice/lifetime_s": "600"}))
    found = credentials(ice_servers(site, site.joined(site.room())["ice_server_url"]))
    assert 590 <= int(found.username.split(":")[0]) - time.time() <= 601


def test_wrong_credential_is_refused_by_the_relay(site: Site) -> None:
    found = credentials(ice_servers(site, site.joined(site.room())["ice_server_url"]))
    expiry, name = found.username.split(":", 1)
    for forged in (f"{int(expiry) + 1}:{name}", f"{expiry}:{name}x"):
        with Client(site.server.address, Credentials(forged, found.password)) as client:
            client.challenge()
            assert client.allocate_request().code == 401


def test_without_turn_the_list_is_empty_or_full_and_never_half(own_server) -> None:
    site = Site(own_server({"ice/urls": "stun:stun.example:3478 turn:turn.example:3478?transport=tcp"}))
    servers = ice_servers(site, site.joined(site.room())["ice_server_url"])
    urls = [url for server in servers for url in server["urls"]]
    assert sorted(urls) == ["stun:stun.example:3478", "turn:turn.example:3478?transport=tcp"]
    for server in servers:
        if any(url.startswith("turn") for url in server["urls"]):
            assert server["username"] and server["credential"]


def test_name_in_the_urls_is_the_one_the_client_used(site: Site) -> None:
    for host, name in [("rooms.example:8443", "rooms.example"), ("[fd00::1]:80", "[fd00::1]"), ("a.example", "a.example")]:
        url = urlsplit(site.get("/params", Host=host).json()["ice_server_url"])
        answer = site.post(f"{url.path}?{url.query}", Host=host)
        urls = [url for server in answer.json()["iceServers"] for url in server["urls"]]
        assert urls and all(url.split(":", 1)[1].startswith(f"{name}:") for url in urls), urls


def test_credentials_are_not_cached_and_may_be_read_by_allowed_pages(site: Site) -> None:
    url = urlsplit(site.joined(site.room())["ice_server_url"])
    for method in ("GET", "POST"):
        answer = site.ask(method, f"{url.path}?{url.query}", Origin="https://appr.tc")
        assert answer.header("Access-Control-Allow-Origin") in ("*", "https://appr.tc")
        assert "no-store" in (answer.header("Cache-Control") or "")
    assert site.post(f"{url.path}?{url.query}", Origin="https://evil.example").header("Access-Control-Allow-Origin") is None


def test_flood_for_credentials_is_refused_in_the_end(own_server) -> None:
    site = Site(own_server({}))
    url = urlsplit(site.joined(site.room())["ice_server_url"])
    target, flooder = f"{url.path}?{url.query}", "192.0.2.7"
    # As behind a proxy: programs of this machine are not limited themselves.
    statuses = [site.post(target, X_Forwarded_For=flooder).status for _ in range(600)]
    assert statuses[0] == 200
    assert set(statuses) <= {200, 429} and 429 in statuses, "nobody may draw credentials without end"
    url = urlsplit(site.joined(site.room())["ice_server_url"])
    other = site.post(f"{url.path}?{url.query}", X_Forwarded_For="192.0.2.8")
    assert other.status == 200, "others are not shut out"
    assert site.answers()


@pytest.mark.parametrize("query", ["", "?key=", "?key=guess", "?room=r&client=c", "?room=&client=", "?key=a.b.c"])
def test_strangers_get_no_credentials(site: Site, query: str) -> None:
    for method in ("GET", "POST"):
        answer = site.ask(method, f"/v1alpha/iceconfig{query}")
        assert answer.status in (401, 403) and b"credential\"" not in answer.body


EVENT = {"type": "event", "request_time_ms": 10_000, "client_type": 1,
         "event": {"event_type": 3, "event_time_ms": 8_000, "room_id": "r", "flow_id": 7}}  # fmt: skip


def analytics(site: Site, body: Any) -> str:
    """The result for a body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = site.post("/a/", data)
    assert answer.status == 200
    return answer.json()["result"]


def without(path: tuple[str, ...]) -> dict[str, Any]:
    """The event with one member taken away."""
    event = json.loads(json.dumps(EVENT))
    inner = event
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return event


def test_event_is_taken(site: Site) -> None:
    assert analytics(site, EVENT) == "SUCCESS"


@pytest.mark.parametrize("path", [("client_type",), ("event", "room_id"), ("event", "flow_id")], ids=".".join)
def test_optional_members_of_an_event(site: Site, path: tuple[str, ...]) -> None:
    assert analytics(site, without(path)) == "SUCCESS"


@pytest.mark.parametrize(
    "path",
    [("type",), ("request_time_ms",), ("event",), ("event", "event_type"), ("event", "event_time_ms")],
    ids=".".join,
)
def test_required_members_of_an_event(site: Site, path: tuple[str, ...]) -> None:
    assert analytics(site, without(path)) == "INVALID_REQUEST"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", {**EVENT, "type": "other"}, {**EVENT, "event": []}])
def test_event_that_is_none(site: Site, body: Any) -> None:
    assert analytics(site, body) == "INVALID_REQUEST"
