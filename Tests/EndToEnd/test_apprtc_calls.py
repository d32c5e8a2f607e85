"""Calls of the three clients through the room server, from join to hang-up (protocol page 3.2 to 3.6, 5.1 to 5.3)."""

from __future__ import annotations

import json

import pytest
from apprtc_clients import CANDIDATE, AppClient, Broken, WebClient, answer, offer
from apprtc_mobile import AndroidClient, IOSClient
from control_client import wait_until
from control_site import Site

CLIENTS = {"web": WebClient, "android": AndroidClient, "ios": IOSClient}
BYE = {"type": "bye"}


def joined(kind: str, site: Site, room: str, query: str = "") -> AppClient:
    """A client of a kind that has joined and registered."""
    client = CLIENTS[kind](site, room, query)
    if isinstance(client, WebClient):
        client.load()
    client.join()
    return client


def connect(caller: AppClient, callee_kind: str) -> AppClient:
    """The caller offers; a second client joins, takes the offer and answers."""
    assert caller.is_initiator and caller.messages == []
    caller.send(offer())
    caller.send(CANDIDATE)
    callee = joined(callee_kind, caller.site, caller.room, caller.query)
    assert not callee.is_initiator
    assert callee.messages == [offer(), CANDIDATE]
    callee.send(answer())
    callee.send(CANDIDATE)
    assert [caller.receive(), caller.receive()] == [answer(), CANDIDATE]
    caller.send(CANDIDATE)
    assert callee.receive() == CANDIDATE
    return callee


@pytest.mark.parametrize("callee_kind", CLIENTS)
@pytest.mark.parametrize("caller_kind", CLIENTS)
def test_call_between_any_two(site: Site, caller_kind: str, callee_kind: str) -> None:
    room = site.room()
    caller = joined(caller_kind, site, room)
    callee = connect(caller, callee_kind)
    for client in (caller, callee):
        urls = [url for server in client.ice_servers for url in server["urls"]]
        assert any(url.startswith("turn:") for url in urls), urls
    caller.hang_up()
    assert callee.receive() == BYE
    callee.hang_up()
    assert joined("web", site, room).is_initiator, "the room is empty again"


@pytest.mark.parametrize("kind", CLIENTS)
def test_third_is_told_that_the_room_is_full(site: Site, kind: str) -> None:
    room = site.room()
    connect(joined("web", site, room), "web")
    with pytest.raises(Broken, match=r"FULL|Room is full\."):
        joined(kind, site, room)


@pytest.mark.parametrize("kind", CLIENTS)
def test_callee_hangs_up_and_another_comes(site: Site, kind: str) -> None:
    caller = joined("web", site, site.room())
    callee = connect(caller, kind)
    callee.hang_up()
    assert caller.receive() == BYE
    caller.take_over()
    again = joined(kind, site, caller.room)
    assert not again.is_initiator
    assert again.messages == [offer("v=0 offer again")], "the offer of the one who stayed waits in the join"
    again.send(answer())
    assert caller.receive() == answer()


@pytest.mark.parametrize("kind", CLIENTS)
def test_caller_hangs_up_and_comes_back(site: Site, kind: str) -> None:
    room = site.room()
    caller = joined(kind, site, room)
    callee = connect(caller, "web")
    first = caller.client
    caller.hang_up()
    assert callee.receive() == BYE
    callee.take_over()
    caller = joined(kind, site, room)
    assert caller.client != first and not caller.is_initiator
    assert caller.messages == [offer("v=0 offer again")]
    caller.send(answer())
    assert callee.receive() == answer()


@pytest.mark.parametrize("offers_at_once", [True, False])
def test_closed_tab_frees_the_seat_after_the_grace(quick_site: Site, offers_at_once: bool) -> None:
    site, room = quick_site, quick_site.room()
    caller = joined("web", site, room)
    callee = connect(caller, "web")
    callee.close_tab()
    assert caller.receive() == BYE
    if offers_at_once:
        # The room still counts two: the message cannot be forwarded and has to be kept.
        caller.take_over()
    wait_until(lambda: not site.is_full(room), "the room has place")
    if not offers_at_once:
        caller.take_over()
    newcomer = joined("android", site, room)
    assert not newcomer.is_initiator
    assert newcomer.messages == [offer("v=0 offer again")], "by the join and not by a frame"
    newcomer.send(answer())
    assert caller.receive() == answer()
    caller.hang_up()
    assert newcomer.receive() == BYE


@pytest.mark.parametrize("survivor_kind", CLIENTS)
@pytest.mark.parametrize("kind", CLIENTS)
def test_crash_frees_the_seat_after_the_grace(quick_site: Site, kind: str, survivor_kind: str) -> None:
    site, room = quick_site, quick_site.room()
    caller = joined(kind, site, room)
    survivor = connect(caller, survivor_kind)
    caller.crash()
    assert site.join(room)["result"] == "FULL", "the seat is kept for a moment"
    wait_until(lambda: not site.is_full(room), "the room has place")
    # The one who stayed is the initiator of the room now, whatever it was before.
    assert site.message(room, survivor.client, json.dumps(offer("v=0 kept"))) == "SUCCESS"
    newcomer = joined("web", site, room)
    assert not newcomer.is_initiator and newcomer.messages == [offer("v=0 kept")]


def test_lost_network_within_the_grace_ends_nothing(quick_site: Site) -> None:
    caller = joined("web", quick_site, quick_site.room())
    callee = connect(caller, "web")
    callee.crash()
    callee.open_socket(callee.parameters["wss_url"], Origin=quick_site.origin)
    callee.send(CANDIDATE)
    assert caller.receive() == CANDIDATE
    caller.send(CANDIDATE)
    assert callee.receive() == CANDIDATE


def test_closed_socket_of_web_and_ios_falls_back_to_a_post(site: Site) -> None:
    caller = joined("android", site, site.room())
    callee = connect(caller, "ios")
    callee.crash()
    reply = callee.ask("POST", f"{callee.post_url}/{callee.room}/{callee.client}", json.dumps(CANDIDATE).encode())
    assert reply.status == 200
    assert caller.receive() == CANDIDATE


def test_reload_is_a_new_client(site: Site) -> None:
    room = site.room()
    first = joined("web", site, room)
    first.hang_up()
    second = joined("web", site, room)
    assert second.is_initiator and second.client != first.client


def test_query_of_the_page_goes_with_every_request(site: Site) -> None:
    caller = joined("web", site, site.room(), "?it=relay&tt=udp&stereo=true")
    assert caller.configuration["iceTransports"] == "relay"
    urls = [url for server in caller.ice_servers for url in server["urls"]]
    assert urls and all(url.endswith("?transport=udp") for url in urls)
    assert caller.link.endswith("?it=relay&tt=udp&stereo=true")
    connect(caller, "web").hang_up()


@pytest.mark.parametrize("seat", ["loopback_client_id", "LOOPBACK_CLIENT_ID"])
def test_loopback_call(site: Site, seat: str) -> None:
    room, query = site.room(), "?debug=loopback"
    caller = site.joined(room, query)
    assert (caller["is_initiator"], caller["is_loopback"]) == ("true", "true")
    assert site.join(room)["result"] == "FULL", "the pseudo client has the other seat"
    with site.registered((room, caller["client_id"]), (room, seat)) as (one, echo):
        assert site.message(room, caller["client_id"], json.dumps(offer()), query) == "SUCCESS"
        assert json.loads(echo.message()) == offer()
        echo.send(json.dumps(answer()))
        assert json.loads(one.message()) == answer()
        site.leave(room, caller["client_id"])
    again = site.joined(room, query)
    assert again["is_initiator"] == "true", "leave takes the pseudo client along"


def test_loopback_of_android_posts_and_nobody_listens(site: Site) -> None:
    caller = joined("android", site, site.room(), "?debug=loopback")
    assert caller.is_initiator
    for message in (offer(), CANDIDATE, CANDIDATE):
        caller.send(message)
    caller.hang_up()


def test_loopback_for_the_second_adds_nobody(site: Site) -> None:
    room = site.room()
    first = site.joined(room)["client_id"]
    second = site.joined(room, "?debug=loopback")
    assert second["is_initiator"] == "false"
    site.leave(room, first)
    assert site.joined(room)["is_initiator"] == "false"
