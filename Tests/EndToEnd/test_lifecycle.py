"""Start, signals and end of the server process."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time

import pytest
from hostile.client import Client, Credentials, assert_relays
from hostile.endpoint import Endpoint
from server import STOP_LIMIT_SECONDS, Server, Turnpike

pytestmark = pytest.mark.usefixtures("only_turnpike")


def run_to_the_end(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of the executable that must end by itself."""
    command = [str(Turnpike.binary()), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def serve(folder, *settings: str) -> subprocess.CompletedProcess[str]:
    """A `serve` that must refuse to start."""
    (folder / "state").mkdir(exist_ok=True)
    return run_to_the_end("serve", f"--state={folder}/state", *(f"--set={setting}" for setting in settings))


def assert_one_clear_line(finished: subprocess.CompletedProcess[str], *words: str) -> None:
    """Non-zero, one line, and it says what is wrong."""
    assert finished.returncode != 0
    lines = finished.stderr.strip().splitlines()
    assert len(lines) == 1, finished.stderr
    for word in words:
        assert word in lines[0]


def test_port_in_use_is_one_clear_line(server: Server, tmp_path) -> None:
    finished = serve(tmp_path, f"listen/udp=127.0.0.1:{server.port}", "relay/address=127.0.0.1")
    assert_one_clear_line(finished, str(server.port), "in use")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("relay/ports=9-1", ("relay/ports", "9-1")),
        ("threads/count=many", ("threads/count", "many")),
        ("no/such=1", ("no/such",)),
        ("listen/udp=nonsense", ("listen/udp", "nonsense")),
    ],
)
def test_refused_value_is_one_clear_line(tmp_path, setting: str, words: tuple[str, ...]) -> None:
    assert_one_clear_line(serve(tmp_path, setting), *words)


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT], [signal.SIGTERM, signal.SIGTERM]])
def test_ends_at_once_with_live_allocations(start_server, alice: Credentials, signals) -> None:
    server = start_server({"threads/count": "2"})
    clients = [Client(server.address, alice) for _ in range(20)]
    for client in clients:
        client.allocate()
    for number in signals:
        server.process.send_signal(number)
    server.process.wait(STOP_LIMIT_SECONDS)
    server.stop()
    for client in clients:
        client.close()


def test_ends_at_once_under_load(start_server, alice: Credentials) -> None:
    server = start_server({"threads/count": "2"})
    stop = threading.Event()

    def load() -> None:
        with Endpoint("127.0.0.2") as peer:
            client = Client(server.address, alice)
            client.allocate()
            client.bind_channel(0x4000, peer.address)
            started.wait()
            while not stop.is_set():
                client.send_channel_data(0x4000, bytes(1000))
                peer.send(bytes(1000), client.relayed)
            client.close()

    started = threading.Barrier(4)
    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    started.wait()
    time.sleep(0.2)
    try:
        server.stop()
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_port_is_free_again_after_the_end(start_server) -> None:
    first = start_server()
    first.stop()
    second = start_server(port=first.port)
    second.stop()


def test_counters_count_what_is_relayed(own_server, alice: Credentials) -> None:
    server = own_server({})
    with Client(server.address, alice) as client, Endpoint("127.0.0.2") as peer:
        client.allocate()
        client.permit(peer.address)
        before = server.counters()
        for _ in range(100):
            assert_relays(client, peer)
        after = server.counters()
    grown = {name: after[name] - before.get(name, 0) for name in after}
    assert grown["datagrams_from_clients"] >= 100
    assert grown["bytes_from_clients"] >= 100 * 100
    assert grown["datagrams_to_peers"] >= 100
    assert after["allocations"] == 1


def test_log_as_json_is_one_object_a_line(own_server) -> None:
    server = own_server({"log/format": "json"})
    server.counters()
    lines = [line for line in server.log_text().splitlines() if line.startswith("{")]
    assert lines and all(isinstance(json.loads(line), dict) for line in lines)


def test_secret_of_the_first_start_is_private(own_server) -> None:
    server = own_server({})
    for file in (server.directory / "state").rglob("*"):
        if file.is_file():
            assert file.stat().st_mode & 0o077 == 0, file
