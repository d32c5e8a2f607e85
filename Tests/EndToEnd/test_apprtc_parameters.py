"""The parameters object, whose JSON types clients depend on, and the query parameters behind it (protocol page 2.7, 2.8)."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from control_site import Site

TEXTS = (
    "wss_url", "wss_post_url", "pc_config", "pc_constraints", "media_constraints", "offer_options", "is_loopback",
    "bypass_join_confirmation", "version_info", "ice_server_url", "ice_server_transports", "include_loopback_js",
)  # fmt: skip
JSON_TEXTS = ("pc_config", "pc_constraints", "media_constraints", "offer_options", "version_info")
JOIN_ONLY = ("room_id", "client_id", "room_link", "is_initiator", "messages")


def parameters(site: Site, query: str = "", **headers: str) -> dict[str, Any]:
    """`/params` with a query."""
    answer = site.get(f"/params{query}", **headers)
    assert answer.status == 200
    return answer.json()


def constraints(site: Site, query: str, **headers: str) -> dict[str, Any]:
    """The media constraints for a query."""
    return json.loads(parameters(site, query, **headers)["media_constraints"])


def assert_types(fields: dict[str, Any]) -> None:
    """What 2.7 says of both objects."""
    for name in TEXTS:
        assert isinstance(fields[name], str), name
    for name in JSON_TEXTS:
        json.loads(fields[name])
    for name in ("is_loopback", "bypass_join_confirmation"):
        assert fields[name] in ("true", "false"), name
    for name in ("error_messages", "warning_messages"):
        assert isinstance(fields[name], list) and all(isinstance(text, str) for text in fields[name])
    assert fields["header_message"] is None or isinstance(fields["header_message"], str)


def test_params_have_these_types_and_nothing_of_a_room(site: Site) -> None:
    fields = parameters(site)
    assert_types(fields)
    assert not set(JOIN_ONLY) & set(fields)


def test_join_has_these_types(site: Site) -> None:
    room = site.room()
    fields = site.joined(room)
    assert_types(fields)
    assert all(isinstance(fields[name], str) for name in JOIN_ONLY if name != "messages")
    assert fields["is_initiator"] == "true" and fields["room_id"] == room


def test_addresses_are_the_ones_the_client_used(site: Site) -> None:
    for host in (site.host, f"localhost:{site.server.control_port}", "rooms.example", "rooms.example:8443", "[::1]:99"):
        fields = parameters(site, Host=host)
        assert fields["wss_url"] == f"ws://{host}/ws"
        assert fields["wss_post_url"] == f"http://{host}"
        assert fields["ice_server_url"].startswith(f"http://{host}/v1alpha/iceconfig")


def test_configuration_of_the_peer_connection(site: Site) -> None:
    configuration = json.loads(parameters(site)["pc_config"])
    assert configuration == {"iceServers": [], "bundlePolicy": "max-bundle", "rtcpMuxPolicy": "require"}
    configuration = json.loads(parameters(site, "?it=relay")["pc_config"])
    assert configuration["iceTransports"] == "relay" and configuration["iceServers"] == []


def test_offer_options_are_an_empty_object(site: Site) -> None:
    assert json.loads(parameters(site)["offer_options"]) == {}


def test_media_are_wanted_by_default(site: Site) -> None:
    assert constraints(site, "") == {"audio": True, "video": True}


@pytest.mark.parametrize(
    ("query", "audio", "video"),
    [("?audio=true&video=false", True, False), ("?audio=false&video=true", False, True), ("?audio=FALSE", False, True)],
)
def test_media_are_switched(site: Site, query: str, audio: bool, video: bool) -> None:
    assert constraints(site, query) == {"audio": audio, "video": video}


def test_lists_of_media_constraints(site: Site) -> None:
    query = "?audio=googEchoCancellation=false,channels=2,optional:rate=48000,mandatory:googX=1,malformed,a=b=c"
    audio = constraints(site, query)["audio"]
    assert audio["mandatory"] == {"channels": "2", "googX": "1"}
    assert audio["optional"] == [{"googEchoCancellation": "false"}, {"rate": "48000"}]


def test_high_definition_overrides_video(site: Site) -> None:
    fields = parameters(site, "?hd=true&video=minWidth=320")
    video = json.loads(fields["media_constraints"])["video"]
    assert sorted(video["mandatory"].values()) == ["1280", "720"]
    assert fields["warning_messages"] == ['The "hd" parameter has overridden video=minWidth=320']
    assert parameters(site, "?hd=true")["warning_messages"] == []


def test_chrome_on_a_desk_is_asked_for_high_definition(site: Site) -> None:
    chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36"
    video = constraints(site, "", User_Agent=chrome)["video"]
    assert sorted(value for one in video["optional"] for value in one.values()) == ["1280", "720"]
    assert video["mandatory"] == {}
    assert constraints(site, "", User_Agent=chrome.replace("X11", "Android 16"))["video"] is True
    assert constraints(site, "?video=true", User_Agent=chrome)["video"] is True
    assert constraints(site, "?hd=false", User_Agent=chrome)["video"] is True


@pytest.mark.parametrize("name", ["minre", "maxre"])
def test_parameters_of_old_only_warn(site: Site, name: str) -> None:
    (warning,) = parameters(site, f"?{name}=1")["warning_messages"]
    assert "no longer supported" in warning


def test_fake_device_for_firefox(site: Site) -> None:
    assert constraints(site, "?firefox_fake_device=true")["fake"] is True
    assert "fake" not in constraints(site, "")


def test_transport_filter(site: Site) -> None:
    assert parameters(site)["ice_server_transports"] == ""
    assert parameters(site, "?tt=tcp")["ice_server_transports"] == "tcp"


def test_other_ice_provider(site: Site) -> None:
    assert parameters(site, "?ts=")["ice_server_url"] == ""
    url = parameters(site, "?ts=https://ice.example&apikey=k")["ice_server_url"]
    assert url == "https://ice.example/v1alpha/iceconfig?key=k" or url.startswith(f"{site.origin}/v1alpha/iceconfig")


def test_legacy_constraints(site: Site) -> None:
    def optional(query: str) -> list[dict[str, bool]]:
        return json.loads(parameters(site, query)["pc_constraints"])["optional"]

    assert optional("") == []
    assert optional("?dtls=true&dscp=false&ipv6=true") == [
        {"DtlsSrtpKeyAgreement": True},
        {"googDscp": False},
        {"googIPv6": True},
    ]
    assert {"DtlsSrtpKeyAgreement": False} in optional("?debug=loopback")


def test_loopback(site: Site) -> None:
    fields = parameters(site, "?debug=loopback")
    assert fields["is_loopback"] == "true"
    assert parameters(site, "?debug=other")["is_loopback"] == parameters(site)["is_loopback"] == "false"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:443", "127.0.0.1:1", "user@evil.example", "evil.example/x?"])
def test_foreign_signalling_host_is_not_honoured(site: Site, host: str) -> None:
    fields = parameters(site, f"?wshpp={quote(host)}&wstls=false")
    assert fields["wss_url"] == f"ws://{site.host}/ws"
    assert fields["wss_post_url"] == site.origin
    joined = site.joined(site.room(), f"?wshpp={quote(host)}&wstls=false")
    assert joined["wss_url"] == f"ws://{site.host}/ws"


def test_own_signalling_host_is_honoured(site: Site) -> None:
    """What the WebRTC tree's Android loopback test uses."""
    fields = site.joined(site.room(), f"?debug=loopback&ts=&wshpp={site.host}&wstls=false")
    assert (fields["wss_url"], fields["wss_post_url"]) == (f"ws://{site.host}/ws", f"http://{site.host}")
    assert fields["ice_server_url"] == ""


def test_tls_in_front_is_believed(site: Site) -> None:
    room = site.room()
    fields = site.joined(room, "?wstls=true")
    assert fields["wss_url"] == f"wss://{site.host}/ws"
    assert fields["wss_post_url"] == f"https://{site.host}"
    assert fields["room_link"].startswith(f"https://{site.host}/r/{room}")


def test_link_of_the_room_keeps_all_parameters(site: Site) -> None:
    pairs = [("it", "relay"), ("asc", "opus/48000"), ("odd", "a&b=c <\"'> +%"), ("ü", "ö"), ("stereo", "")]
    query = "?" + "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs)
    room = site.room()
    link = site.joined(room, query)["room_link"]
    assert link.startswith(f"{site.origin}/r/{room}?")
    assert sorted(parse_qsl(urlsplit(link).query, keep_blank_values=True)) == sorted(pairs)
    assert not re.search(r"[<>\"' ]", link)
    assert site.joined(site.room())["room_link"].count("?") == 0


def test_header_message(own_server) -> None:
    text = "Closed on <Sundays> & holidays"
    site = Site(own_server({"control/header_message": text}))
    assert parameters(site)["header_message"] == text
    page = site.get("/").text
    assert "<Sundays>" not in page
    assert text in unescape(page) or text in json.loads('"' + re.search(r'"([^"]*Sundays[^"]*)"', page)[1] + '"')


def test_confirmation_can_be_bypassed_by_the_server_only(site: Site, own_server) -> None:
    assert parameters(site, "?bypass_join_confirmation=true")["bypass_join_confirmation"] == "false"
    other = Site(own_server({"rooms/bypass_join_confirmation": "1"}))
    assert parameters(other)["bypass_join_confirmation"] == "true"
