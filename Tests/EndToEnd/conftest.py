"""Fixtures: servers that are started for a test and whose end is part of what is tested."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from control_site import Site
from coturn import Coturn
from hostile.client import Client, Credentials
from server import OTHER_PASSWORD, OTHER_USER, PASSWORD, USER, Server, Turnpike
from streams.certificates import Authority, Certificate

#: Addresses beside ::1 on which peers of IPv6 relays live; `run` puts them on the loopback interface of a network
#: namespace. The relay's own address is refused as a peer, unless the port is a relayed one.
PEER_IPV6 = ("fd00:7475:726e::2", "fd00:7475:726e::3")

#: Fixtures of calls between browsers.
pytest_plugins = ["browser.fixtures"]

KINDS = {"turnpike": Turnpike, "coturn": Coturn}

StartServer = Callable[..., Server]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The server to test."""
    parser.addoption("--server", choices=KINDS, default="turnpike", help="the server under test")
    parser.addoption("--screenshots", type=Path, default=None, help="a folder for pictures of every page, such as docs")
    parser.addoption("--count", type=int, default=200_000, help="datagrams of the flood")
    parser.addoption("--seed", type=int, default=None, help="seed of the flood")


def pytest_configure(config: pytest.Config) -> None:
    """Refuses to run without a binary: every test would fail with the same words."""
    if config.getoption("--server") == "turnpike" and not Turnpike.binary().exists():
        raise pytest.UsageError(f"{Turnpike.binary()} is not there: swift build -c release, or set TURNPIKE")


@pytest.fixture(scope="session")
def start_server(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> StartServer:
    """Starts a server with settings (and its limits as a process), waits until it answers. The caller stops it."""
    kind = KINDS[pytestconfig.getoption("--server")]

    def start(settings: dict[str, str | None] | None = None, **process: Any) -> Server:
        server = kind(tmp_path_factory.mktemp(kind.name), settings or {}, **process)
        try:
            server.wait_until_ready()
        except BaseException:
            server.kill()
            raise
        return server

    return start


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the certificates of these tests."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def certificate(authority: Authority) -> Certificate:
    """The certificate of servers that speak TLS and DTLS."""
    return authority.issue("server")


@pytest.fixture(scope="module")
def server(start_server: StartServer) -> Iterator[Server]:
    """One server with the base settings for a file of tests; its clean end is a test too."""
    running = start_server()
    threads = running.thread_count
    yield running
    assert running.process.poll() is None, f"the server ended\n{running.log_tail()}"
    if running.name == "turnpike":
        assert running.thread_count == threads, "a thread died or was left behind"
    running.stop()


@pytest.fixture
def own_server(start_server: StartServer) -> Iterator[StartServer]:
    """Starts servers for one test and stops them after it."""
    running: list[Server] = []

    def start(settings: dict[str, str | None] | None = None, **process: Any) -> Server:
        running.append(start_server(settings, **process))
        return running[-1]

    yield start
    for server in running:
        server.stop()


@pytest.fixture(scope="module")
def site(server: Server) -> Site:
    """The control plane of the file's server."""
    if server.name != "turnpike":
        pytest.skip("a relay alone has no control plane")
    return Site(server)


@pytest.fixture(scope="module")
def quick_site(start_server: StartServer, pytestconfig: pytest.Config) -> Iterator[Site]:
    """A control plane whose timers are short: a second of grace, two to open a socket after joining."""
    if pytestconfig.getoption("--server") != "turnpike":
        pytest.skip("a relay alone has no control plane")
    running = start_server({"rooms/grace_s": "1", "rooms/join_grace_s": "2"})
    yield Site(running)
    running.stop()


@pytest.fixture
def alice() -> Credentials:
    """The static user."""
    return Credentials(USER, PASSWORD)


@pytest.fixture
def bob() -> Credentials:
    """Another static user."""
    return Credentials(OTHER_USER, OTHER_PASSWORD)


@pytest.fixture
def client(server: Server, alice: Credentials) -> Iterator[Client]:
    """A client of the file's server, without an allocation yet."""
    with Client(server.address, alice) as client:
        yield client


@pytest.fixture
def peer_ipv6() -> str:
    """An IPv6 address of this host beside ::1."""
    found = subprocess.run(["ip", "-6", "addr", "show", "dev", "lo"], capture_output=True, text=True)
    if PEER_IPV6[0] not in found.stdout:
        pytest.skip("needs a second IPv6 address on the loopback interface: start with Tests/EndToEnd/run")
    return PEER_IPV6[0]


@pytest.fixture
def only_turnpike(pytestconfig: pytest.Config) -> None:
    """For what coturn 4.6.1 is known to do otherwise."""
    if pytestconfig.getoption("--server") != "turnpike":
        pytest.skip("a comparison server is known to differ here")


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where the tests are."""
    return Path(__file__).parent
