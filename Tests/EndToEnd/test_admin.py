"""Administration of a running server: what `turnpike status`, `allocations` and `rooms` show and do, and who may."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
from administration import allocations, command, document, state_file
from conftest import StartServer
from control_client import Connection, wait_until
from control_site import Site
from hostile.client import Client, Credentials, assert_relays
from hostile.endpoint import Endpoint
from server import OTHER_USER, PASSWORD, USER, Server, Turnpike

pytestmark = pytest.mark.usefixtures("only_turnpike")


# Allocations


def test_allocations_of_a_real_client_are_listed(server: Server) -> None:
    flags = ["-y", "-c", "-s", "-m", "1", "-n", "100000", "-z", "20", "-u", USER, "-w", PASSWORD]
    uclient = subprocess.Popen(
        ["turnutils_uclient", *flags, "-L", "127.0.0.1", "-p", str(server.port), "127.0.0.1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_until(lambda: len(allocations(server)) >= 2, "two allocations of uclient")
        for allocation in allocations(server):
            assert allocation["user"] == USER
            assert allocation["client"].startswith("127.0.0.1:")
            assert allocation["relayed"].startswith("127.0.0.1:")
            assert 0 < allocation["secondsLeft"] <= 3600
        wait_until(lambda: all(one["permissions"] for one in allocations(server)[-2:]), "permissions")
        table = command(server, "allocations")
        assert table.returncode == 0
        head, *rows = table.stdout.splitlines()
        assert head.split()[:4] == ["id", "client", "relayed", "user"]
        assert all(USER in row.split() for row in rows)
    finally:
        uclient.kill()
        uclient.wait()
    for allocation in allocations(server):
        assert command(server, "allocations", "kick", allocation["id"]).returncode == 0
    assert allocations(server) == []
    assert command(server, "allocations").stdout.strip() == "no allocations"


def test_an_allocation_that_is_kicked_ends_at_once(server: Server, alice: Credentials, bob: Credentials) -> None:
    with Client(server.address, alice) as client, Client(server.address, bob) as other:
        for one in (client, other):
            one.allocate()
        with Endpoint("127.0.0.2") as peer:
            client.permit(peer.address)
            assert_relays(client, peer)
            mine, hers = sorted(allocations(server), key=lambda one: one["user"])
            assert mine["relayed"] == "%s:%d" % client.relayed
            assert mine["client"] == "%s:%d" % client.address
            assert (mine["user"], hers["user"]) == (USER, OTHER_USER)
            assert (mine["permissions"], mine["channels"]) == (1, 0)

            kick = command(server, "allocations", "kick", mine["id"])
            assert (kick.returncode, kick.stdout, kick.stderr) == (0, "", "")
            again = command(server, "allocations", "kick", mine["id"])
            assert (again.returncode, again.stderr) == (1, "turnpike: no such allocation\n")

        assert client.refresh(600).code == 437
        assert [one["user"] for one in allocations(server)] == [OTHER_USER]
        assert other.refresh(600).code is None
        # The five-tuple is free again.
        client.allocate()
        assert len(allocations(server)) == 2
    assert "allocation ended by the admin" in server.log_text()


def test_many_allocations_of_several_threads_are_all_listed(start_server: StartServer, alice: Credentials) -> None:
    server = start_server({"threads/count": "2"})
    clients = [Client(server.address, alice) for _ in range(300)]
    try:
        for client in clients:
            client.allocate()
        listed = allocations(server)
        assert sorted(one["relayed"] for one in listed) == sorted("%s:%d" % one.relayed for one in clients)
        assert {one["thread"] for one in listed} == {0, 1}
        assert len({one["id"] for one in listed}) == 300
        cut = document(server, "allocations", "--limit=10")
        assert cut["isComplete"] is False and len(cut["allocations"]) == 20
    finally:
        for client in clients:
            client.close()
        server.stop()


@pytest.mark.parametrize("name", ["nonsense", "0-1-zz", "../status", "9-0-0", "0-4294967295-0"])
def test_what_names_no_allocation_is_refused(server: Server, name: str) -> None:
    finished = command(server, "allocations", "kick", name)
    assert (finished.returncode, finished.stderr) == (1, "turnpike: no such allocation\n")


def test_status_says_how_the_server_is_doing(server: Server, alice: Credentials) -> None:
    with Client(server.address, alice) as client:
        client.allocate()
        status = document(server, "status")
        thread = status["threads"][0]
        assert status["process"] == server.process.pid
        assert thread["isMoving"] is True
        wait_until(lambda: document(server, "status")["threads"][0]["allocations"] == 1, "one allocation")
        assert thread["cpuSeconds"] > 0
    text = command(server, "status").stdout
    assert f"process {server.process.pid}" in text and "allocations" in text


def test_a_command_without_a_server_says_so(tmp_path: Path) -> None:
    arguments = [str(Turnpike.binary()), "status", f"--state={tmp_path}"]
    finished = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert finished.returncode == 1
    assert finished.stderr.startswith(f"turnpike: no server answers at {tmp_path}/admin.sock")


# Who may


@pytest.mark.parametrize("path", ["/metrics", "/api/v1/live"])
def test_figures_are_for_this_machine_and_admins(site: Site, path: str) -> None:
    assert site.get(path, X_Forwarded_For="198.51.100.7").status == 401
    assert site.get(path, Origin="https://evil.example").status == 401
    with Connection(site.address) as connection:
        assert connection.ask("GET", path, headers={"Host": "rebound.example"}).status == 401
    token = state_file(site.server, "admin_token")
    assert site.get("/metrics", X_Forwarded_For="198.51.100.7", Authorization=f"Bearer {token}").status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/admin/status"),
        ("GET", "/api/v1/admin/allocations"),
        ("DELETE", "/api/v1/admin/allocations/0-0-0"),
    ],
)
def test_administration_over_http_needs_the_token(site: Site, method: str, path: str) -> None:
    token = state_file(site.server, "admin_token")
    assert site.ask(method, path).status == 401
    for wrong in ("", "Bearer", "Bearer x", f"Basic {token}", f"Bearer {token}x", f"Bearer {token[:-1]}"):
        answer = site.ask(method, path, Authorization=wrong)
        assert answer.status == 401
        assert answer.header("WWW-Authenticate") == "Bearer"
    assert site.ask(method, path, Authorization=f"Bearer {token}").status in (200, 404)


@pytest.mark.parametrize("limit", ["0", "10001", "x", "-1", ""])
def test_a_limit_that_is_not_allowed_is_refused(site: Site, limit: str) -> None:
    token = state_file(site.server, "admin_token")
    answer = site.get(f"/api/v1/admin/allocations?limit={limit}", Authorization=f"Bearer {token}")
    assert answer.status == 400
    assert answer.json()["detail"].startswith("limit: ")


def test_secrets_stay_where_they_are(site: Site) -> None:
    state = site.server.directory / "state"
    names = sorted(one.name for one in state.iterdir())
    assert names == ["admin.sock", "admin_token", "room_token_key"]
    for one in state.iterdir():
        assert stat.S_IMODE(one.stat().st_mode) == 0o600, one
    log = site.server.log_text()
    for name in ("admin_token", "room_token_key"):
        assert state_file(site.server, name) not in log
    assert f"{state}/admin_token" in log


# Rooms


def test_rooms_are_listed_deleted_and_cleared_of_participants(server: Server, site: Site) -> None:
    assert command(server, "rooms").stdout.strip() == "no rooms"
    room = site.room()
    first, second = (site.joined(room)["client_id"] for _ in range(2))
    listed = document(server, "rooms")["rooms"]
    assert [one["id"] for one in listed] == [room]
    assert [one["id"] for one in listed[0]["participants"]] == [first, second]
    table = command(server, "rooms", "list").stdout
    assert room in table and "2/2" in table and first in table

    assert command(server, "rooms", "kick", room, second).returncode == 0
    assert [one["id"] for one in document(server, "rooms")["rooms"][0]["participants"]] == [first]
    assert command(server, "rooms", "delete", room).returncode == 0
    assert document(server, "rooms")["rooms"] == []
    again = command(server, "rooms", "delete", room)
    assert again.returncode == 1 and again.stderr.startswith("turnpike: ")
