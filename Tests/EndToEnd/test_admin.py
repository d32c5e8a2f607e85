"""Figures, health and administration of a running server: what operators and their programs see and may do."""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import StartServer
from control_client import Connection, wait_until
from control_site import Site
from hostile.client import Client, Credentials, assert_relays
from hostile.endpoint import Endpoint
from prometheus_client.parser import text_string_to_metric_families
from server import OTHER_PASSWORD, OTHER_USER, PASSWORD, SECRET, USER, Server, Turnpike, free_port

pytestmark = pytest.mark.usefixtures("only_turnpike")


def command(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    """A companion command of the server, which knows it by its state directory."""
    arguments = [str(Turnpike.binary()), *words, f"--state={server.directory}/state"]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=20)


def document(server: Server, *words: str):
    """What a command prints with --json."""
    finished = command(server, *words, "--json")
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def allocations(server: Server) -> list[dict]:
    """What `turnpike allocations` lists."""
    listing = document(server, "allocations")
    assert listing["isComplete"] is True
    return listing["allocations"]


def state_file(server: Server, name: str) -> str:
    """A secret of the state directory."""
    return (server.directory / "state" / name).read_text().strip()


def metrics(site: Site) -> dict[str, list]:
    """The samples of /metrics by metric, as Prometheus reads them."""
    answer = site.get("/metrics")
    assert answer.status == 200
    assert answer.header("Content-Type").startswith("text/plain; version=0.0.4")
    return {family.name: family.samples for family in text_string_to_metric_families(answer.text)}


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
    finished = subprocess.run(arguments, capture_output=True, text=True, timeout=20)
    assert finished.returncode == 1
    assert finished.stderr.startswith(f"turnpike: no server answers at {tmp_path}/admin.sock")


# Metrics and health


def test_metrics_are_prometheus_text_and_count_what_is_relayed(site: Site, alice: Credentials) -> None:
    with Client(site.server.address, alice) as client, Endpoint("127.0.0.2") as peer:
        client.allocate()
        client.permit(peer.address)
        for _ in range(50):
            assert_relays(client, peer)
        found = metrics(site)
        counted = site.server.counters()
    relayed = {one.labels["direction"]: one.value for one in found["turnpike_relay_datagrams"]}
    assert relayed["to_peers"] >= 50 and relayed["from_peers"] >= 50
    assert relayed["to_peers"] == counted["datagrams_to_peers"]
    assert [one.value for one in found["turnpike_relay_allocations"]] == [1]
    assert [one.value for one in found["turnpike_relay_moving"]] == [1]
    assert found["turnpike_relay_cpu_seconds"][0].value > 0
    assert found["turnpike_control_cpu_seconds"][0].value > 0
    assert found["turnpike_control_requests"][0].value >= 1
    assert found["turnpike_build_info"][0].labels["version"]
    assert len({one.labels["reason"] for one in found["turnpike_relay_drops"]}) >= 20


def test_metrics_have_no_label_that_grows_and_no_secret(site: Site, alice: Credentials) -> None:
    with Client(site.server.address, alice) as client:
        client.allocate()
        text = site.get("/metrics").text
    labels = {name for samples in metrics(site).values() for one in samples for name in one.labels}
    assert labels == {"thread", "direction", "reason", "version"}
    tokens = [state_file(site.server, name) for name in ("admin_token", "room_token_key")]
    for secret in [*tokens, SECRET, PASSWORD, OTHER_PASSWORD, USER]:
        assert secret not in text


def test_the_dashboard_draws_metrics_that_there_are(site: Site) -> None:
    dashboard = json.loads((Path(__file__).parents[2] / "tuning/grafana/turnpike.json").read_text())
    names = {name for name, samples in metrics(site).items() for name in {name, *(one.name for one in samples)}}
    text = json.dumps([panel["targets"] for panel in dashboard["panels"]])
    used = {word for word in text.replace("{", " ").replace("(", " ").split() if word.startswith(("turnpike_", "process_"))}
    assert used and used <= names


def test_health_and_readiness(site: Site) -> None:
    for path, text in (("/healthz", "ok\n"), ("/readyz", "ready\n")):
        answer = site.get(path)
        assert (answer.status, answer.text) == (200, text)


@contextmanager
def thread_held(task: int) -> Iterator[None]:
    """Holds one thread of another process, as a debugger does."""
    seize, interrupt, detach, wait_all = 0x4206, 0x4207, 17, 0x40000000
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(seize, task, None, None) != 0 or libc.ptrace(interrupt, task, None, None) != 0:
        pytest.skip(f"ptrace: {os.strerror(ctypes.get_errno())}")
    os.waitpid(task, wait_all)
    try:
        yield
    finally:
        libc.ptrace(detach, task, None, None)


def test_a_relay_thread_that_stands_still_is_not_ready(own_server: StartServer) -> None:
    server = own_server({})
    site = Site(server)
    tasks = Path(f"/proc/{server.process.pid}/task")
    relay = next(int(one.name) for one in tasks.iterdir() if (one / "comm").read_text() == "relay 0\n")
    with thread_held(relay):
        wait_until(lambda: site.get("/readyz").status == 503, "not ready", limit_seconds=10)
        assert site.get("/readyz").text == "relay threads that do not move: 0\n"
        assert site.get("/healthz").status == 200
        assert [one.value for one in metrics(site)["turnpike_relay_moving"]] == [0]
        assert document(server, "status")["threads"][0]["isMoving"] is False
        finished = command(server, "allocations")
        assert (finished.returncode, finished.stderr) == (1, "turnpike: relay thread 0 does not answer\n")
    wait_until(lambda: site.get("/readyz").status == 200, "ready again", limit_seconds=10)
    assert allocations(server) == []


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


# Live figures


def test_live_figures_come_every_second(site: Site, alice: Credentials) -> None:
    with Client(site.server.address, alice) as client:
        client.allocate()
        live = http.client.HTTPConnection(*site.address, timeout=10)
        live.request("GET", "/api/v1/live")
        answer = live.getresponse()
        assert answer.status == 200
        assert answer.getheader("Content-Type").startswith("text/event-stream")
        events = []
        began = time.monotonic()
        while len(events) < 4:
            line = answer.readline().decode()
            if line.startswith("data: "):
                events.append(json.loads(line.removeprefix("data: ")))
        live.close()
    assert 1.5 < time.monotonic() - began < 8
    assert [one["thread"] for one in events[-1]["threads"]] == [0]
    assert events[-1]["threads"][0]["allocations"] == 1
    assert set(events[-1]["threads"][0]) == {"thread", "datagrams", "bits", "allocations", "drops", "cpu"}
    assert events[-1]["control"]["connections"] >= 1
    assert events[-1]["uptimeSeconds"] > events[0]["uptimeSeconds"]


# Start and end


def test_ends_within_a_second_with_open_connections(start_server: StartServer, alice: Credentials) -> None:
    server = start_server({})
    site = Site(server)
    client = Client(server.address, alice)
    client.allocate()
    connections = [Connection(site.address) for _ in range(100)]
    # Idle ones, halves of requests, streams that never end, sockets of admins.
    for connection in connections[:30]:
        assert connection.ask("GET", "/healthz").status == 200
    for connection in connections[30:60]:
        connection.put(b"POST /join/r HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf")
    for connection in connections[60:]:
        connection.put(b"GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.take_through(b"data: ")
    admin = socket.socket(socket.AF_UNIX)
    admin.connect(f"{server.directory}/state/admin.sock")
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(1)
    server.stop()
    assert not (server.directory / "state/admin.sock").exists()
    for one in (*connections, admin, client):
        one.abandon() if isinstance(one, Connection) else one.close()


def refused(directory: Path, *settings: str) -> str:
    """The one line of a `serve` that must not start."""
    flags = [f"--set={one}" for one in (f"listen/udp=127.0.0.1:{free_port()}", *settings)]
    arguments = [str(Turnpike.binary()), "serve", f"--state={directory}", "--set=relay/address=127.0.0.1", *flags]
    finished = subprocess.run(arguments, capture_output=True, text=True, timeout=10)
    assert finished.returncode == 1
    lines = finished.stderr.strip().splitlines()
    assert len(lines) == 1, finished.stderr
    return lines[0]


def test_a_taken_port_is_one_clear_line(site: Site, tmp_path: Path) -> None:
    line = refused(tmp_path, f"control/http={site.host}")
    assert line.startswith(f"turnpike: control/http: {site.host} is in use by another program")


def test_the_admin_socket_of_a_running_server_is_not_taken_over(server: Server) -> None:
    line = refused(server.directory / "state", "control/http=")
    assert "another server answers" in line and "admin.sock" in line
    assert document(server, "status")["process"] == server.process.pid


def test_a_dead_servers_socket_is_replaced(start_server: StartServer, tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    first = start_server({"control/admin": str(path)})
    first.kill()
    assert path.is_socket()
    second = start_server({"control/admin": str(path), "control/http": ""})
    arguments = [str(Turnpike.binary()), "status", f"--set=control/admin={path}", "--json"]
    status = subprocess.run(arguments, capture_output=True, text=True, timeout=20)
    assert json.loads(status.stdout)["process"] == second.process.pid
    second.stop()


def test_without_admin_socket_there_is_none(start_server: StartServer) -> None:
    server = start_server({"control/admin": "off"})
    assert not (server.directory / "state/admin.sock").exists()
    assert Site(server).get("/healthz").status == 200
    server.stop()
