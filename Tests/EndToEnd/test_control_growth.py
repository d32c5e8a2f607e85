"""What strangers do to the control plane for long: it keeps its memory, threads, descriptors and manners."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from control_client import Closed, Connection, wait_until
from control_fuzz import frames, http_request
from control_site import Site
from control_websocket import Opcode, WebSocket
from server import Server

#: What malloc may keep after the first part of a long run has warmed it up.
ROOM_FOR_MALLOC_KILOBYTES = 3_000


def settled(server: Server) -> tuple[int, int, int]:
    """Resident kB, threads and descriptors, once connections that just ended are closed."""
    previous = -1
    for _ in range(100):
        count = server.descriptor_count
        if count == previous:
            break
        previous = count
        time.sleep(0.05)
    return server.resident_kilobytes, server.thread_count, server.descriptor_count


def assert_no_growth(site: Site, first: Callable[[], None], rest: Callable[[], None]) -> None:
    """Does the first part, then the rest; all must be as after the first."""
    first()
    resident, threads, descriptors = settled(site.server)
    rest()
    wait_until(lambda: settled(site.server)[2] <= descriptors, "descriptors are given back")
    now = settled(site.server)
    print(f"resident {resident} kB, then {now[0]} kB; {threads} threads, {descriptors} descriptors")
    assert now[1] == threads
    assert now[0] - resident <= ROOM_FOR_MALLOC_KILOBYTES
    assert site.answers()


def test_ten_thousand_joins_and_leaves(site: Site) -> None:
    def rounds(count: int) -> None:
        with Connection(site.address) as connection:
            for number in range(count):
                joined = connection.ask("POST", f"/join/loop-{number % 7}").json()
                assert joined["result"] == "SUCCESS"
                client = joined["params"]["client_id"]
                assert connection.ask("POST", f"/message/loop-{number % 7}/{client}", b"x" * 500).status == 200
                assert connection.ask("POST", f"/leave/loop-{number % 7}/{client}").status == 200

    assert_no_growth(site, lambda: rounds(2_000), lambda: rounds(10_000))


def test_sockets_that_come_and_go(site: Site) -> None:
    def rounds(count: int) -> None:
        for number in range(count):
            with site.registered((f"gone-{number % 50}", f"client-{number % 2}")) as (socket,):
                socket.send("x" * 1000)
                [socket.abandon, socket.reset, socket.close, lambda: None][number % 4]()
            site.delete(f"/gone-{number % 50}/client-{number % 2}")

    assert_no_growth(site, lambda: rounds(400), lambda: rounds(2_000))


def test_rooms_that_only_posts_made_are_forgotten(quick_site: Site) -> None:
    def rounds(count: int) -> None:
        with Connection(quick_site.address) as connection:
            for number in range(count):
                assert connection.ask("POST", f"/posted-{number}/client", b"x" * 2000).status == 200
        wait_until(lambda: quick_site.post(f"/posted-{count - 1}/c", b"x").status == 200, "the last room is gone")
        time.sleep(1.5)

    assert_no_growth(quick_site, lambda: rounds(3_000), lambda: [rounds(3_000) for _ in range(3)])


def test_half_open_connections(site: Site) -> None:
    def rounds(count: int) -> None:
        silent = [Connection(site.address) for _ in range(count)]
        beginnings = [b"", b"G", b"GET / HTTP/1.1\r\nHost:", b"POST /join/x HTTP/1.1\r\nContent-Length: 9\r\n\r\n"]
        for number, connection in enumerate(silent):
            connection.put(beginnings[number % 4])
        assert site.answers()
        for number, connection in enumerate(silent):
            [connection.abandon, connection.reset][number % 2]()

    assert_no_growth(site, lambda: rounds(1_000), lambda: [rounds(1_000) for _ in range(3)])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_frames(site: Site, seed: int) -> None:
    def rounds(source: random.Random, count: int) -> None:
        rooms = [f"fuzz-{seed}-{number}" for number in range(20)]
        for _ in range(count):
            with site.socket() as socket:
                for _ in range(3):
                    socket.put(frames(source, rooms))
                # The last frame may have announced more than came, so a close frame might be its payload.
                socket.send_frame(Opcode.CLOSE, b"\x03\xe8")
                socket.end_output()
                assert socket.ends(), f"seed {seed}: the server does not end what its client has ended"

    source = random.Random(seed)
    assert_no_growth(site, lambda: rounds(source, 600), lambda: rounds(source, 1_400))


@pytest.mark.parametrize("seed", [1, 2])
def test_random_requests(site: Site, seed: int) -> None:
    def rounds(source: random.Random, count: int) -> None:
        rooms = [f"fuzz-{seed}-{number}" for number in range(20)]
        for _ in range(count):
            with Connection(site.address) as connection:
                connection.put(http_request(source, rooms))
                connection.end_output()
                try:
                    status = connection.answer().status
                    assert status < 500 or status in (500, 501, 503, 505), status
                except Closed:
                    pass

    source = random.Random(seed)
    assert_no_growth(site, lambda: rounds(source, 1_000), lambda: rounds(source, 3_000))


def test_rooms_have_a_limit(own_server) -> None:
    site = Site(own_server({"rooms/maximum": "50"}))
    results = [site.join(f"limited-{number}")["result"] for number in range(60)]
    assert results[:50] == ["SUCCESS"] * 50
    assert set(results[50:]) <= {"FULL", "ERROR"}
    assert site.post("/another/one", b"x").status == 500
    with site.socket() as socket:
        socket.send_json(cmd="register", roomid="another", clientid="one")
        assert socket.receive()["error"]
    assert site.joined("limited-0")["is_initiator"] == "false", "those who are in may be joined"


def test_flood_of_joins_of_one_address_is_refused(own_server) -> None:
    site = Site(own_server({}))
    flooder = {"X-Forwarded-For": "192.0.2.7"}
    with Connection(site.address) as connection:
        statuses = [connection.ask("POST", f"/join/flood-{number}", headers=flooder).status for number in range(1_000)]
        assert statuses[0] == 200 and set(statuses) == {200, 429}
        assert connection.ask("POST", "/join/other", headers={"X-Forwarded-For": "192.0.2.8"}).status == 200
    assert site.answers()


def test_connections_have_a_limit(own_server) -> None:
    site = Site(own_server({"control/connections": "40"}))
    with site.registered(("before", "a"), ("before", "b")) as (one, two):
        crowd = [Connection(site.address) for _ in range(100)]
        refused = sum(connection.ends(0.2) for connection in crowd)
        assert 60 <= refused <= 64, refused
        one.send("undisturbed")
        assert two.message() == "undisturbed"
        for connection in crowd:
            connection.abandon()
        wait_until(lambda: is_served(site), "places are free again")


def is_served(site: Site) -> bool:
    """Whether a new connection is answered."""
    try:
        return site.get("/status").status == 200
    except (Closed, OSError):
        return False


def test_descriptors_that_run_out_end_nothing(own_server) -> None:
    site = Site(own_server({}, descriptors=120))
    with site.registered(("tight", "a"), ("tight", "b")) as (one, two):
        crowd = []
        for _ in range(200):
            crowd.append(Connection(site.address))
        one.send("undisturbed")
        assert two.message() == "undisturbed"
        for connection in crowd:
            connection.abandon()
        wait_until(lambda: is_served(site), "descriptors are free again")
    assert site.answers()


def slow(site: Site) -> dict[str, Connection]:
    """Connections that never finish what they begin."""
    found = {name: Connection(site.address) for name in ("silent", "head", "body", "dribble", "after an answer")}
    found["head"].put(b"GET / HTTP/1.1\r\nHost: x\r\n")
    found["body"].put(b"POST /join/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
    found["dribble"].put(b"GET / HTTP/1.1\r\nHost: x\r\n")
    found["after an answer"].ask("GET", "/status")
    return found


def test_slow_requests_and_dead_sockets_are_ended(own_server) -> None:
    """At the defaults: a whole request has 75 s, and two pings of 30 s each may go unanswered."""
    site = Site(own_server({}))
    open_ones = slow(site)
    dead = site.socket()
    dead.send_json(cmd="register", roomid="r", clientid="dead")
    started, ended = time.monotonic(), {}
    with site.registered(("r", "alive")) as (alive,):
        while open_ones and time.monotonic() - started < 130:
            # The one that dribbles sends a byte of a header a second; the one alive answers pings.
            if "dribble" in open_ones:
                open_ones["dribble"].put(b"a")
            alive.settle()
            for name, connection in list(open_ones.items()):
                if connection.ends(0.2):
                    ended[name] = round(time.monotonic() - started)
                    del open_ones[name]
        print(f"ended after seconds: {ended}")
        assert not open_ones, f"still open: {list(open_ones)}"
        # The dead socket has sent nothing, not even a pong: its seat is free by now, or soon.
        wait_until(lambda: site.status()["openws"] == 1, "the dead socket is given up", limit_seconds=40)
        alive.settle()
    assert isinstance(dead, WebSocket)
    dead.abandon()
