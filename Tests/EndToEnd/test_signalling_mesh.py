"""Our extension: rooms of more than two, whose messages may name whom they are for. Two of AppRTC stay as they are."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest
from control_site import Site
from control_websocket import WebSocket


def created(site: Site, capacity: int) -> str:
    """A room of that many, made by the API."""
    answer = site.post("/api/v1/rooms", json.dumps({"capacity": capacity}).encode(), Content_Type="application/json")
    assert answer.status == 201, answer
    return answer.json()["id"]


def everybody(site: Site, room: str, count: int) -> list[str]:
    """The ids of so many who join."""
    return [site.joined(room)["client_id"] for _ in range(count)]


def send(socket: WebSocket, text: str, addressee: str | None = None) -> None:
    fields: dict[str, Any] = {"cmd": "send", "msg": text}
    socket.send_json(**(fields if addressee is None else {**fields, "to": addressee}))


def test_message_reaches_the_one_it_names_and_says_who_sent_it(site: Site) -> None:
    room = created(site, 4)
    clients = everybody(site, room, 4)
    with site.registered(*((room, client) for client in clients)) as sockets:
        for one, other in permutations(range(4), 2):
            send(sockets[one], f"{one} to {other}", clients[other])
            fields = sockets[other].receive()
            assert fields["msg"] == f"{one} to {other}" and fields["from"] == clients[one]
        for socket in sockets:
            socket.settle()


def test_message_that_names_nobody_reaches_all_others(site: Site) -> None:
    room = created(site, 3)
    clients = everybody(site, room, 3)
    with site.registered(*((room, client) for client in clients)) as sockets:
        sockets[0].send("to all")
        for socket in sockets[1:]:
            fields = socket.receive()
            assert (fields["msg"], fields["from"]) == ("to all", clients[0])
        sockets[0].settle()


def test_message_to_one_who_is_not_there_yet_waits_for_that_one(site: Site) -> None:
    room = created(site, 3)
    clients = everybody(site, room, 3)
    with site.registered((room, clients[0]), (room, clients[1])) as (one, two):
        send(one, "for the third", clients[2])
        two.settle()
        with site.socket() as third:
            third.send_json(cmd="register", roomid=room, clientid=clients[2])
            fields = third.receive()
            assert (fields["msg"], fields["from"]) == ("for the third", clients[0])
            third.settle()


@pytest.mark.parametrize("capacity", [3, 5])
def test_room_takes_as_many_as_it_was_made_for(site: Site, capacity: int) -> None:
    room = created(site, capacity)
    everybody(site, room, capacity)
    assert site.join(room)["result"] == "FULL"


def test_only_the_first_is_the_initiator(site: Site) -> None:
    room = created(site, 3)
    assert [site.joined(room)["is_initiator"] for _ in range(3)] == ["true", "false", "false"]


def test_room_of_two_is_that_of_apprtc(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a"), (room, "b")) as (one, two):
        send(one, "x", "nobody")
        assert two.receive() == {"msg": "x", "error": ""}
        send(two, "y", "b")
        assert one.receive() == {"msg": "y", "error": ""}


@pytest.mark.parametrize("capacity", [0, 1, -1, 17, 1_000_000, "3", 2.5, None, [3]])
def test_capacity_that_is_none_is_refused(site: Site, capacity: Any) -> None:
    body = json.dumps({"capacity": capacity}).encode()
    answer = site.post("/api/v1/rooms", body, Content_Type="application/json")
    assert answer.status in (400, 422) or (capacity is None and answer.status == 201), answer


def test_capacity_can_be_set_for_all_rooms(own_server) -> None:
    site = Site(own_server({"rooms/capacity": "3"}))
    room = site.room()
    clients = everybody(site, room, 3)
    assert site.join(room)["result"] == "FULL"
    with site.registered(*((room, client) for client in clients)) as (one, two, three):
        send(one, "hello", clients[2])
        assert three.receive()["from"] == clients[0]
        two.settle()
