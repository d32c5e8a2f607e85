"""Fixtures: the ways to a server, and clients on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import StartServer
from hostile.client import Credentials
from hostile.endpoint import Endpoint
from server import Server

from .client import StreamClient, Transport
from .dtls import Dtls
from .transports import SecureWebSocket, Tcp, Tls, WebSocket

#: Each way: what carries messages, and whether to the port for TLS.
WAYS: dict[str, tuple[Callable[..., Transport], bool]] = {
    "tcp": (Tcp, False),
    "tls": (Tls, True),
    "dtls": (Dtls, False),
    "ws": (WebSocket, False),
    "wss": (SecureWebSocket, True),
}
#: What coturn does not have, or answers to on its page for administrators only.
ONLY_TURNPIKE = ("ws", "wss")


@dataclass
class Way:
    """A server, and what reaches it."""

    server: Server
    kind: str

    def open(self, **wishes: Any) -> Transport:
        """A new connection over IPv4."""
        transport, is_secure = WAYS[self.kind]
        return transport(self.server.address_tls if is_secure else self.server.address, **wishes)

    def client(self, credentials: Credentials | None = None, **wishes: Any) -> StreamClient:
        """A client on a new connection."""
        return StreamClient(self.open(**wishes), credentials)


def ways(*kinds: str) -> pytest.MarkDecorator:
    """Runs a test over each of these."""
    return pytest.mark.parametrize("way", kinds, indirect=True)


stream_ways = ways("tcp", "tls")
connection_ways = ways("tcp", "tls", "ws", "wss")
all_ways = ways("tcp", "tls", "dtls", "ws", "wss")


@pytest.fixture(scope="module")
def server(start_server: StartServer, certificate) -> Iterator[Server]:
    """One server with every transport for a file of tests."""
    running = start_server({}, certificate=certificate)
    yield running
    assert running.process.poll() is None, f"the server ended\n{running.log_tail()}"
    running.stop()


@pytest.fixture
def way(request: pytest.FixtureRequest, server: Server) -> Way:
    """A way to the file's server."""
    if server.name == "coturn" and request.param in ONLY_TURNPIKE:
        pytest.skip("coturn has no TURN over WebSocket")
    return Way(server, request.param)


@pytest.fixture
def peer() -> Iterator[Endpoint]:
    """A peer on an address of its own."""
    with Endpoint("127.0.0.2") as peer:
        yield peer
