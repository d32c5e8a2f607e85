"""The compatibility matrix (protocol page 5.3): the client models break where the real clients do, and nowhere else.

Without this, a model that takes everything would make every call of `test_apprtc_calls` pass.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from apprtc_clients import AppClient, Broken, WebClient
from apprtc_mobile import AndroidClient, IOSClient
from control_websocket import Close, Frame, Opcode

TURN = {"urls": ["turn:turn.example:3478?transport=udp"], "username": "u", "credential": "c"}

Change = Callable[[dict[str, Any]], None]


def join_parameters(change: Change = lambda _: None) -> dict[str, Any]:
    """What a right join answers to a second client, changed."""
    fields = {
        "room_id": "r", "client_id": "12345678", "room_link": "http://h/r/r", "is_initiator": "false", "messages": [],
        "wss_url": "ws://h:1/ws", "wss_post_url": "http://h:1", "pc_config": '{"iceServers":[]}', "ice_server_url": "",
    }  # fmt: skip
    change(fields)
    return fields


def put(**fields: Any) -> Change:
    return lambda parameters: parameters.update(fields)


def drop(name: str) -> Change:
    return lambda parameters: parameters.pop(name)


def take_join(kind: type[AppClient], change: Change) -> AppClient:
    client = kind(SimpleNamespace(origin="http://h:1"), "r")
    client.take_parameters(join_parameters(change))
    return client


CLIENTS = (WebClient, AndroidClient, IOSClient)
JOINS = [
    ("right", put(), ()),
    ("TURN inside pc_config", put(pc_config=json.dumps({"iceServers": [TURN]})), (AndroidClient,)),
    ("one TURN URL inside pc_config", put(pc_config='{"iceServers":[{"urls":"turn:t"}]}'), (AndroidClient,)),
    ("pc_config as object", put(pc_config={"iceServers": []}), ()),
    ("pc_config without iceServers", put(pc_config="{}"), (AndroidClient,)),
    ("no pc_config", drop("pc_config"), (AndroidClient,)),
    ("no wss_post_url", drop("wss_post_url"), (AndroidClient, IOSClient)),
    ("client_id as number", put(client_id=1), (IOSClient,)),
    ("message of an unknown type", put(messages=['{"type":"hello"}']), (IOSClient,)),
    ("message as object", put(messages=[{"type": "offer", "sdp": ""}]), CLIENTS),
    ("offer without sdp", put(messages=['{"type":"offer"}']), (AndroidClient,)),
    (
        "candidate with a text as label",
        put(messages=['{"type":"candidate","id":"0","label":"0","candidate":""}']),
        (AndroidClient,),
    ),
    ("message that is not JSON", put(messages=["hello"]), CLIENTS),
]


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize(("change", "breaks"), [row[1:] for row in JOINS], ids=[row[0] for row in JOINS])
def test_join_breaks_whom_it_breaks(kind: type[AppClient], change: Change, breaks: tuple[type[AppClient], ...]) -> None:
    if kind in breaks:
        with pytest.raises((Broken, TypeError)):
            take_join(kind, change)
    else:
        take_join(kind, change)


def test_boolean_initiator_is_false_to_the_web_only() -> None:
    assert [take_join(kind, put(is_initiator=True)).is_initiator for kind in CLIENTS] == [False, True, True]
    assert [take_join(kind, put(is_initiator="true")).is_initiator for kind in CLIENTS] == [True, True, True]


def take_ice(kind: type[AppClient], urls: Any, transports: str) -> None:
    """The answer of an `ice_server_url`."""
    client = kind(SimpleNamespace(origin="http://h:1"), "r")
    reply = {"iceServers": [{**TURN, "urls": urls}]}
    client.ask = lambda *_, **__: SimpleNamespace(status=200, body=json.dumps(reply))
    if isinstance(client, WebClient):
        client.parameters = {"ice_server_transports": transports}
        client.take_ice_servers(reply["iceServers"])
    elif isinstance(client, IOSClient):
        client.take_ice_servers(reply)
    else:
        client.take_parameters(join_parameters(put(ice_server_url="http://h:1/v1alpha/iceconfig")))


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize(
    ("urls", "transports", "breaks"),
    [
        (TURN["urls"], "", ()),
        (TURN["urls"], "udp", ()),
        ("turn:turn.example", "", (AndroidClient, IOSClient)),
        ("turn:turn.example", "udp", CLIENTS),
        ([], "", (WebClient, IOSClient)),
    ],
)
def test_ice_servers_break_whom_they_break(kind: type[AppClient], urls: Any, transports: str, breaks: tuple) -> None:
    if kind in breaks:
        with pytest.raises(Broken):
            take_ice(kind, list(urls) if isinstance(urls, list) else urls, transports)
    else:
        take_ice(kind, list(urls) if isinstance(urls, list) else urls, transports)


class Script:
    """A socket that plays frames."""

    def __init__(self, *payloads: str | Close):
        self.frames = [
            Frame(True, 0, Opcode.TEXT, one.encode()) if isinstance(one, str) else Frame(True, 0, Opcode.CLOSE, b"\x03\xe8")
            for one in payloads
        ]

    def receive_frame(self) -> Frame:
        return self.frames.pop(0)


GOOD = '{"msg":"{\\"type\\":\\"bye\\"}","error":""}\n'
FRAMES = [
    ("right", [GOOD], ()),
    ("error without msg", ['{"error":"x"}', GOOD], (AndroidClient,)),
    ("error with an empty msg", ['{"msg":"","error":"x"}', GOOD], (AndroidClient,)),
    ("both empty", ['{"msg":"","error":""}', GOOD], CLIENTS),
    ("unknown type", ['{"msg":"{\\"type\\":\\"hello\\"}","error":""}', GOOD], (AndroidClient, IOSClient)),
    ("not JSON inside", ['{"msg":"hello","error":""}', GOOD], CLIENTS),
    ("socket closed", [Close(1000, "")], CLIENTS),
]


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize(("frames", "breaks"), [row[1:] for row in FRAMES], ids=[row[0] for row in FRAMES])
def test_frames_break_whom_they_break(kind: type[AppClient], frames: list, breaks: tuple) -> None:
    client = take_join(kind, put())
    client.socket = Script(*frames)
    if kind in breaks:
        with pytest.raises(Broken):
            client.receive()
    else:
        client.receive()
