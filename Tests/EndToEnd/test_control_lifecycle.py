"""Start and end of the control plane: ports, sockets, certificates."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import stat
import subprocess
from pathlib import Path

import pytest
from administration import document
from conftest import StartServer
from control_client import Connection
from control_site import Site
from hostile.client import Client, Credentials
from server import Server, Turnpike, free_port

pytestmark = pytest.mark.usefixtures("only_turnpike")


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
    finished = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
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
    status = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert json.loads(status.stdout)["process"] == second.process.pid
    second.stop()


def test_without_admin_socket_there_is_none(start_server: StartServer) -> None:
    server = start_server({"control/admin": "off"})
    assert not (server.directory / "state/admin.sock").exists()
    assert Site(server).get("/healthz").status == 200
    server.stop()


class SelfSigned(Turnpike):
    """A server that makes its own certificate."""

    def command(self) -> list[str]:
        return [*super().command(), "--self-signed"]


def test_self_signed_https_serves_the_same_under_a_certificate_that_is_kept(tmp_path: Path) -> None:
    port = free_port()
    pages, seen = [], []
    for _ in range(2):
        server = SelfSigned(tmp_path, {"control/https": f"127.0.0.1:{port}"})
        try:
            server.wait_until_ready()
            pem = tmp_path / "state/self_signed.pem"
            seen.append(pem.read_bytes())
            trust = ssl.create_default_context(cafile=str(pem))
            for host in ("127.0.0.1", "localhost"):
                with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
                    with trust.wrap_socket(plain, server_hostname=host) as encrypted:
                        encrypted.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                        pages.append(b"".join(iter(lambda: encrypted.recv(4096), b"")))
            server.stop()
        finally:
            server.kill()
    assert all(page.startswith(b"HTTP/1.1 200 OK\r\n") and page.endswith(b"ready\n") for page in pages)
    assert seen[0] == seen[1]
    assert stat.S_IMODE(pem.stat().st_mode) == 0o600


def test_https_without_a_certificate_is_one_clear_line(tmp_path: Path) -> None:
    line = refused(tmp_path, "control/http=", f"control/https=127.0.0.1:{free_port()}")
    assert "needs tls/certificate" in line and "--self-signed" in line
    (tmp_path / "broken.pem").write_text("no PEM")
    settings = [f"tls/{name}={tmp_path}/broken.pem" for name in ("certificate", "private_key")]
    line = refused(tmp_path, "control/http=", f"control/https=127.0.0.1:{free_port()}", *settings)
    assert f"{tmp_path}/broken.pem" in line
