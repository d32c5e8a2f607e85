"""NAT behaviour discovery (RFC 5780): coturn's client, on loopback addresses, where there is no NAT to be found."""

from __future__ import annotations

import subprocess

import pytest
from conftest import StartServer
from server import Server, free_port


@pytest.fixture
def server(own_server: StartServer) -> Server:
    """One with four sockets: two addresses, two ports."""
    port = free_port()
    return own_server({"listen/nat_discovery": f"127.0.0.1:{port} 127.0.0.2:{port + 1}"}, port=port)


def discover(server: Server, *flags: str) -> str:
    """What the client says."""
    command = ["turnutils_natdiscovery", *flags, "-L", "127.0.0.1", "-p", str(server.port), "127.0.0.1"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return finished.stdout + finished.stderr


def test_mapping_and_filtering_are_found(server: Server, only_turnpike) -> None:
    """Each test of RFC 5780 4.3 and 4.4 gets its answer from the socket it wants."""
    mapping = discover(server, "-m")
    assert "Other addr" in mapping and "Endpoint Independent Mapping" in mapping
    assert "Endpoint Independent Filtering" in discover(server, "-f")


def test_padded_answers_come_back(server: Server, only_turnpike) -> None:
    """Answers of more than an MTU arrive (RFC 5780 3.5)."""
    assert "Endpoint Independent Mapping" in discover(server, "-m", "-P")


def test_without_the_attribute_there_is_none(own_server: StartServer, only_turnpike) -> None:
    """No OTHER-ADDRESS: the client sees that it cannot be done."""
    assert "Other addr" not in discover(own_server(), "-m")
