"""AppRTC's room server on the wire: routes, results, initiator, stored messages (protocol page 2.1 to 2.6, 2.11)."""

from __future__ import annotations

import json
import re

import pytest
from control_client import Connection, wait_until
from control_site import Site

OFFER = json.dumps({"type": "offer", "sdp": "v=0"})
BAD_IDS = ["a%20b", "a%2Fb", "a.b", "ü", "%C3%BC", "a%00b", "a+b", "%3Cb%3E", "a%0D%0Ab", "a@b", "~"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/r/testRoom"), ("GET", "/params"), ("POST", "/join/routes"), ("POST", "/leave/routes/nobody"),
     ("POST", "/message/no-such-room/nobody"), ("POST", "/a/")],
)  # fmt: skip
def test_route_is_there_and_needs_no_user_agent(site: Site, method: str, path: str) -> None:
    with Connection(site.address) as connection:
        assert connection.ask(method, path).status == 200
        assert connection.ask(method, path, headers={"User-Agent": "Mozilla/5.0 Chrome/156"}).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/join/room"), ("PUT", "/join/room"), ("GET", "/message/room/client"), ("GET", "/leave/room/client"),
     ("DELETE", "/leave/room/client"), ("POST", "/params"), ("PUT", "/r/room")],
)  # fmt: skip
def test_wrong_method_is_405(site: Site, method: str, path: str) -> None:
    answer = site.ask(method, path)
    assert answer.status == 405
    assert answer.header("Allow")


@pytest.mark.parametrize("bad", BAD_IDS)
def test_ids_of_other_characters_are_404(site: Site, bad: str) -> None:
    bad = bad.encode().decode("latin-1")
    # What is no path at all is refused before anybody looks for a route.
    status = 400 if bad in ("\u00c3\u00bc", "a%00b", "a%0D%0Ab") else 404
    assert site.post(f"/join/{bad}").status == status
    assert site.get(f"/r/{bad}").status == status
    assert site.post(f"/message/{bad}/client", b"x").status == status
    assert site.post(f"/message/room/{bad}", b"x").status == status
    assert site.post(f"/leave/{bad}/client").status == status


@pytest.mark.parametrize("room", ["a", "0", "-", "_", "Room_1-x", "x" * 100])
def test_ids_of_the_pattern_are_rooms(site: Site, room: str) -> None:
    joined = site.joined(room)
    assert joined["room_id"] == room
    site.leave(room, joined["client_id"])


def test_pages_are_html_and_the_room_page_is_of_the_room(site: Site) -> None:
    for path in ("/", "/r/testRoom"):
        answer = site.get(path)
        assert answer.status == 200
        assert (answer.header("Content-Type") or "").startswith("text/html")
    assert "testRoom" not in site.get("/").text
    assert "testRoom" in site.get("/r/testRoom").text


def test_page_of_a_full_room_says_so(site: Site) -> None:
    room = site.room()
    seats = [site.joined(room)["client_id"] for _ in range(2)]
    assert site.is_full(room) and site.get(f"/r/{room}").status == 200
    site.leave(room, seats[0])
    assert not site.is_full(room)


def test_first_is_initiator_second_is_not_third_is_full(site: Site) -> None:
    room = site.room()
    first, second = site.joined(room), site.joined(room)
    assert (first["is_initiator"], second["is_initiator"]) == ("true", "false")
    assert first["messages"] == second["messages"] == []
    assert site.join(room) == {"result": "FULL", "params": {"messages": []}}
    for client in (first, second):
        site.leave(room, client["client_id"])
    assert site.joined(room)["is_initiator"] == "true"


def test_join_names_client_and_room(site: Site) -> None:
    room = site.room()
    joined = site.joined(room)
    assert joined["room_id"] == room
    assert re.fullmatch(r"[A-Za-z0-9_-]+", joined["client_id"])
    assert joined["error_messages"] == joined["warning_messages"] == []


def test_client_ids_are_long_and_differ(site: Site) -> None:
    found = {site.joined(site.room())["client_id"] for _ in range(200)}
    assert len(found) == 200
    assert all(len(client) >= 8 for client in found)
    assert all(len({client[place] for client in found}) > 4 for place in range(8)), "a digit hardly changes"


def test_body_of_a_join_is_ignored(site: Site) -> None:
    answer = site.post(f"/join/{site.room()}", b"result=FULL&\x00\xff{", Content_Type="application/x-www-form-urlencoded")
    assert answer.json()["result"] == "SUCCESS"


def test_messages_of_the_caller_reach_the_callee_by_its_join(site: Site) -> None:
    room = site.room()
    caller = site.joined(room)["client_id"]
    messages = [OFFER, '{"type":"candidate","label":0,"id":"0","candidate":"<&>"}', "third"]
    assert [site.message(room, caller, text) for text in messages] == ["SUCCESS"] * 3
    callee = site.joined(room)
    assert callee["messages"] == messages
    site.leave(room, callee["client_id"])
    assert site.joined(room)["messages"] == [], "they are given away once"


def test_message_is_kept_byte_for_byte(site: Site) -> None:
    room, text = site.room(), 'not JSON: a=1&b=%41+\u2028"\\ ünïcödé 🎥\r\n\t '
    caller = site.joined(room)["client_id"]
    kinds = ("application/x-www-form-urlencoded", "text/plain; charset=utf-8", "application/json")
    for kind in kinds:
        answer = site.post(f"/message/{room}/{caller}", text.encode(), Content_Type=kind)
        assert answer.json() == {"result": "SUCCESS"}
    assert site.joined(room)["messages"] == [text] * len(kinds)


def test_message_to_an_unknown_room_or_client(site: Site) -> None:
    room = site.room()
    assert site.message(room, "1", OFFER) == "UNKNOWN_ROOM"
    site.joined(room)
    assert site.message(room, "1", OFFER) == "UNKNOWN_CLIENT"


def test_join_makes_no_room_that_was_only_asked_for(site: Site) -> None:
    room = site.room()
    for _ in range(3):
        assert site.message(room, "1", OFFER) == "UNKNOWN_ROOM"
        site.leave(room, "1")
        assert site.get(f"/r/{room}").status == 200
    assert site.joined(room)["is_initiator"] == "true"


def test_message_of_two_in_a_room_reaches_the_socket(site: Site) -> None:
    room = site.room()
    caller, callee = site.joined(room)["client_id"], site.joined(room)["client_id"]
    with site.registered((room, caller), (room, callee)) as (one, two):
        assert site.message(room, caller, OFFER) == "SUCCESS"
        assert two.message() == OFFER
        assert site.message(room, callee, '{"type":"answer","sdp":""}') == "SUCCESS"
        assert one.message() == '{"type":"answer","sdp":""}'


def test_message_before_the_peer_registers_waits_for_it(site: Site) -> None:
    room = site.room()
    caller, callee = site.joined(room)["client_id"], site.joined(room)["client_id"]
    assert site.message(room, caller, OFFER) == "SUCCESS"
    with site.socket() as two:
        two.send_json(cmd="register", roomid=room, clientid=callee)
        assert two.message() == OFFER


def test_empty_message(site: Site) -> None:
    room = site.room()
    caller = site.joined(room)["client_id"]
    answer = site.post(f"/message/{room}/{caller}")
    assert answer.status in (200, 400)
    assert site.joined(room)["messages"] in ([], [""])


def test_leave_makes_the_one_who_stays_initiator(site: Site) -> None:
    room = site.room()
    first, second = (site.joined(room)["client_id"] for _ in range(2))
    site.leave(room, first)
    assert site.message(room, second, OFFER) == "SUCCESS"
    third = site.joined(room)
    assert (third["is_initiator"], third["messages"]) == ("false", [OFFER])


def test_leave_is_200_and_empty_whatever_there_is(site: Site) -> None:
    room = site.room()
    site.leave(room, "1")
    client = site.joined(room)["client_id"]
    site.leave(room, "1")
    for _ in range(3):
        site.leave(room, client)
    assert site.message(room, client, OFFER) == "UNKNOWN_ROOM"


def test_leave_does_not_close_the_socket(site: Site) -> None:
    room = site.room()
    caller, callee = site.joined(room)["client_id"], site.joined(room)["client_id"]
    with site.registered((room, caller), (room, callee)) as (one, two):
        site.leave(room, caller)
        one.send('{"type":"bye"}')
        assert two.message() == '{"type":"bye"}'


def test_stored_messages_of_the_one_who_left_are_gone(site: Site) -> None:
    room = site.room()
    first = site.joined(room)["client_id"]
    site.message(room, first, OFFER)
    site.leave(room, first)
    joined = site.joined(room)
    assert (joined["is_initiator"], joined["messages"]) == ("true", [])


def test_bye_of_an_original_collider_is_a_leave(site: Site) -> None:
    room = site.room()
    first = site.joined(room)["client_id"]
    site.joined(room)
    answer = site.post(f"/bye/{room}/{first}", Content_Type="text")
    assert answer.status == 200
    assert site.joined(room)["is_initiator"] == "false"


def test_delete_is_a_leave_too(site: Site) -> None:
    room = site.room()
    first = site.joined(room)["client_id"]
    site.joined(room)
    assert site.delete(f"/{room}/{first}").body == b"OK\n"
    assert site.joined(room)["is_initiator"] == "false"


def test_old_forks_join_by_the_room_page(site: Site) -> None:
    room = site.room()
    answer = site.post(f"/r/{room}")
    assert answer.status == 200 and answer.json()["result"] == "SUCCESS"
    assert site.joined(room)["is_initiator"] == "false"


def test_who_joins_and_never_opens_a_socket_loses_the_seat(quick_site: Site) -> None:
    room = quick_site.room()
    quick_site.joined(room)
    quick_site.joined(room)
    assert quick_site.join(room)["result"] == "FULL"
    wait_until(lambda: quick_site.join(room)["result"] == "SUCCESS", "a seat is free")


def test_socket_keeps_the_seat(quick_site: Site) -> None:
    room = quick_site.room()
    first, second = (quick_site.joined(room)["client_id"] for _ in range(2))
    with quick_site.registered((room, first), (room, second)) as (one, two), pytest.raises(AssertionError, match="not in"):
        wait_until(lambda: quick_site.join(room)["result"] != "FULL", "nothing", limit_seconds=4)
        one.settle()
        two.settle()


def test_concurrent_joins_never_make_three(site: Site) -> None:
    room = site.room()
    connections = [Connection(site.address) for _ in range(20)]
    for connection in connections:
        connection.put(f"POST /join/{room} HTTP/1.1\r\nHost: {site.host}\r\nContent-Length: 0\r\n\r\n".encode())
    answers = [connection.answer().json() for connection in connections]
    for connection in connections:
        connection.abandon()
    assert sorted(answer["result"] for answer in answers) == ["FULL"] * 18 + ["SUCCESS"] * 2
    initiators = [answer["params"]["is_initiator"] for answer in answers if answer["result"] == "SUCCESS"]
    assert sorted(initiators) == ["false", "true"]


@pytest.mark.parametrize("origin", ["https://appr.tc", "SELF"])
def test_preflight_and_answer_of_every_json_route(site: Site, origin: str) -> None:
    origin = origin.replace("SELF", site.origin)
    room = site.room()
    client = site.joined(room)["client_id"]
    for method, path in [("POST", f"/join/{room}"), ("POST", f"/message/{room}/{client}"), ("GET", "/params"),
                         ("POST", "/v1alpha/iceconfig"), ("POST", f"/leave/{room}/{client}")]:  # fmt: skip
        preflight = site.ask("OPTIONS", path, Origin=origin, Access_Control_Request_Method=method)
        assert preflight.status in (200, 204), path
        assert method in (preflight.header("Access-Control-Allow-Methods") or ""), path
        for answer in (preflight, site.ask(method, path, b"" if method == "POST" else None, Origin=origin)):
            assert answer.header("Access-Control-Allow-Origin") in ("*", origin), path


def test_foreign_origins_may_ask_and_not_read(site: Site) -> None:
    answer = site.get("/params", Origin="https://evil.example")
    assert answer.status == 200
    assert answer.header("Access-Control-Allow-Origin") is None
