"""Collider's rooms, queues and timers: protocol page 1.7 and 1.10, and the scenarios of Collider's own suite (1.11)."""

from __future__ import annotations

import time

import pytest
from control_client import Connection, wait_until
from control_site import Site
from control_websocket import WebSocket


def is_free(site: Site, room: str) -> bool:
    """Whether two newcomers find place in a room; they are deleted again."""
    newcomers = ("probe-1", "probe-2")
    answers = [site.post(f"/{room}/{name}", b"probe").status for name in newcomers]
    for name in newcomers:
        site.delete(f"/{room}/{name}")
    return answers == [200, 200]


def register(site: Site, room: str, client: str) -> WebSocket:
    """A registered socket that may have something to read already."""
    socket = site.socket()
    socket.send_json(cmd="register", roomid=room, clientid=client)
    return socket


def test_message_reaches_the_other_in_the_room_and_nobody_else(site: Site) -> None:
    here, there = site.room(), site.room()
    with site.registered((here, "a"), (here, "b"), (there, "a"), (there, "b")) as (one, two, *others):
        one.send("x")
        assert two.message() == "x"
        two.send("y")
        assert one.message() == "y"
        for socket in (one, two, *others):
            socket.settle()


def test_messages_before_the_peer_are_delivered_in_order(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a")) as (one,):
        for number in range(50):
            one.send(str(number))
        with register(site, room, "b") as two:
            assert [two.message() for _ in range(50)] == [str(number) for number in range(50)]
            one.send("direct")
            assert two.message() == "direct"
            two.settle()


def test_delivered_queue_is_empty(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a")) as (one,):
        one.send("once")
        with register(site, room, "b") as two:
            assert two.message() == "once"
            two.close()
        with register(site, room, "b") as two:
            two.settle()


def test_post_from_a_client_without_a_socket_reaches_the_registered(site: Site) -> None:
    room = site.room()
    with site.registered((room, "b")) as (listener,):
        site.post(f"/{room}/a", b"posted")
        assert listener.message() == "posted"


def test_post_first_register_later(site: Site) -> None:
    room = site.room()
    assert site.post(f"/{room}/a", b"early").body == b"OK\n"
    with register(site, room, "b") as listener:
        assert listener.message() == "early"
        listener.settle()


def test_own_messages_are_not_delivered_to_oneself(site: Site) -> None:
    room = site.room()
    site.post(f"/{room}/a", b"mine")
    with site.registered((room, "a")) as (one,):
        one.settle()


def test_queue_ends_at_1024(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a")) as (one,), Connection(site.address) as connection:
        one.send("0")
        for number in range(1, 1024):
            assert connection.ask("POST", f"/{room}/a", b"%d" % number).status == 200
        assert connection.ask("POST", f"/{room}/a", b"no").status == 500
        one.send("no error is sent for it")
        with register(site, room, "b") as two:
            assert [two.message() for _ in range(1024)] == [str(number) for number in range(1024)]
            two.settle()


def test_each_has_a_queue_of_its_own(site: Site) -> None:
    room = site.room()
    site.post(f"/{room}/a", b"from a")
    site.post(f"/{room}/b", b"from b")
    with register(site, room, "a") as one, register(site, room, "b") as two:
        assert (one.message(), two.message()) == ("from b", "from a")


def test_messages_while_the_peer_is_away_wait_for_it(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a"), (room, "b")) as (one, two):
        two.abandon()
        one.settle()
        wait_until(lambda: one_way(site, room, one), "the server notices the lost socket")
        one.send("second")
        with register(site, room, "b") as two:
            assert [two.message(), two.message()] == ["first", "second"]


def one_way(site: Site, room: str, sender: WebSocket) -> bool:
    """Sends once the peer's socket counts as gone: openws of the room's two is seen through a refused registration."""
    with site.socket() as probe:
        probe.send_json(cmd="register", roomid=room, clientid="b")
        probe.send_json(cmd="dance")
        if probe.receive()["error"] == "Duplicated registration":
            return False
    sender.settle()
    sender.send("first")
    return True


def test_delete_closes_the_socket_and_frees_the_seat_at_once(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a"), (room, "b")) as (one, two):
        site.delete(f"/{room}/a")
        one.assert_closed()
        with register(site, room, "c") as third:
            third.send("new here")
            assert two.message() == "new here"


def test_delete_drops_the_queue_of_the_deleted(site: Site) -> None:
    room = site.room()
    site.post(f"/{room}/a", b"forgotten")
    site.delete(f"/{room}/a")
    with site.registered((room, "b")) as (one,):
        one.settle()


def test_queue_of_the_one_who_stays_goes_to_whoever_comes_next(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a"), (room, "b")) as (one, two):
        site.delete(f"/{room}/b")
        two.assert_closed()
        one.send("for anybody")
        with register(site, room, "c") as third:
            assert third.message() == "for anybody"


def test_old_connection_that_ends_late_closes_no_newer_registration(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a"), (room, "b")) as (old, other):
        site.delete(f"/{room}/a")
        with site.registered((room, "a")) as (new,):
            old.abandon()
            new.settle()
            for number in range(20):
                other.send(str(number))
                assert new.message() == str(number)
        assert site.status()["upsec"] > 0


def test_nobody_is_told_of_joins_and_leaves(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a")) as (one,):
        with site.registered((room, "b")) as (two,):
            two.close()
        site.delete(f"/{room}/b")
        one.settle()


def test_reconnect_within_the_grace_keeps_the_seat_and_cancels_its_timer(quick_site: Site) -> None:
    room = quick_site.room()
    with quick_site.registered((room, "a"), (room, "b")) as (one, two):
        two.close()
        with quick_site.registered((room, "b")) as (two,):
            # Longer than the grace: a timer that still ran would free the seat now.
            deadline = time.monotonic() + 2.5
            while time.monotonic() < deadline:
                one.send("still there?")
                assert two.message() == "still there?"
                time.sleep(0.1)
            with quick_site.socket() as third:
                third.send_json(cmd="register", roomid=room, clientid="c")
                third.assert_error("Max room capacity reached")


def test_seat_of_a_lost_socket_is_free_after_the_grace(quick_site: Site) -> None:
    room = quick_site.room()
    with quick_site.registered((room, "a"), (room, "b")) as (one, two):
        two.close()
        start = time.monotonic()
        assert quick_site.post(f"/{room}/c", b"too early").status == 500
        wait_until(lambda: quick_site.post(f"/{room}/c", b"place?").status == 200, "the seat is free")
        assert time.monotonic() - start >= 0.8
        assert one.message() == "place?"


def test_room_made_by_a_post_goes_after_the_grace(quick_site: Site) -> None:
    room = quick_site.room()
    quick_site.post(f"/{room}/a", b"x")
    quick_site.post(f"/{room}/b", b"y")
    assert quick_site.post(f"/{room}/c", b"z").status == 500
    wait_until(lambda: is_free(quick_site, room), "the posted room is gone")
    with quick_site.registered((room, "n")) as (newcomer,):
        newcomer.settle()


def test_last_seat_takes_the_room_and_its_queues_along(quick_site: Site) -> None:
    room = quick_site.room()
    with quick_site.registered((room, "a")) as (one,):
        one.send("nobody will hear this")
    wait_until(lambda: is_free(quick_site, room), "the room is gone")
    with quick_site.registered((room, "b")) as (two,):
        two.settle()


@pytest.mark.parametrize("how", ["abandon", "reset", "close"])
def test_any_end_of_a_socket_frees_the_seat(quick_site: Site, how: str) -> None:
    room = quick_site.room()
    with quick_site.registered((room, "a"), (room, "b")) as (one, two):
        getattr(one, how)()
        getattr(two, how)()
        wait_until(lambda: is_free(quick_site, room), "both seats are free")


def test_default_grace_is_ten_seconds(site: Site) -> None:
    room = site.room()
    with site.registered((room, "a"), (room, "b")) as (one, two):
        two.close()
        start = time.monotonic()
        wait_until(lambda: site.post(f"/{room}/c", b"place?").status == 200, "the seat is free")
        assert time.monotonic() - start >= 9.5
        assert one.message() == "place?"
