"""Metrics, health and live figures of a running server."""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from administration import allocations, command, document, state_file
from conftest import StartServer
from control_client import wait_until
from control_site import Site
from hostile.client import Client, Credentials, assert_relays
from hostile.endpoint import Endpoint
from prometheus_client.parser import text_string_to_metric_families
from server import OTHER_PASSWORD, PASSWORD, SECRET, USER

pytestmark = pytest.mark.usefixtures("only_turnpike")


def metrics(site: Site) -> dict[str, list]:
    """The samples of /metrics by metric, as Prometheus reads them."""
    answer = site.get("/metrics")
    assert answer.status == 200
    assert answer.header("Content-Type").startswith("text/plain; version=0.0.4")
    return {family.name: family.samples for family in text_string_to_metric_families(answer.text)}


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
        wait_until(lambda: site.get("/readyz").status == 503, "not ready")
        assert site.get("/readyz").text == "relay threads that do not move: 0\n"
        assert site.get("/healthz").status == 200
        assert [one.value for one in metrics(site)["turnpike_relay_moving"]] == [0]
        assert document(server, "status")["threads"][0]["isMoving"] is False
        finished = command(server, "allocations")
        assert (finished.returncode, finished.stderr) == (1, "turnpike: relay thread 0 does not answer\n")
    wait_until(lambda: site.get("/readyz").status == 200, "ready again")
    assert allocations(server) == []


def test_live_figures_come_every_second(site: Site, alice: Credentials) -> None:
    with Client(site.server.address, alice) as client:
        client.allocate()
        live = http.client.HTTPConnection(*site.address, timeout=30)
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
    assert 1.5 < time.monotonic() - began < 30
    assert [one["thread"] for one in events[-1]["threads"]] == [0]
    assert events[-1]["threads"][0]["allocations"] == 1
    rates = {"datagramsPerSecond", "bitsPerSecond", "dropsPerSecond", "load"}
    assert set(events[-1]["threads"][0]) >= {"thread", "isMoving", "allocations"} | rates
    assert 0 <= events[-1]["controlLoad"] <= 1.5
    assert events[-1]["control"]["connections"] >= 1
    assert events[-1]["uptimeSeconds"] > events[0]["uptimeSeconds"]
