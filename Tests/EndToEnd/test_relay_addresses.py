"""Several relay addresses of a family, each with its outside: `relay/address`, `relay/external_address`."""

from __future__ import annotations

import pytest
from conftest import StartServer
from hostile.client import Client, Credentials
from hostile.endpoint import Endpoint
from server import free_port

pytestmark = pytest.mark.usefixtures("only_turnpike")

FIRST, SECOND, OUTSIDE = "127.0.0.1", "127.0.0.5", "192.0.2.55"
ELSEWHERE = "127.0.0.9"


@pytest.fixture
def port(own_server: StartServer) -> int:
    """A server that listens on both relay addresses and on one more; gives its port."""
    port = free_port()
    settings = {
        "listen/udp": f"{FIRST}:{port} {SECOND}:{port} {ELSEWHERE}:{port}",
        "relay/address": f"{FIRST} {SECOND} ::1",
        "relay/external_address": f"{OUTSIDE}/{SECOND}",
        # Only what relays to relays at live ports.
        "peers/allow": "",
    }
    own_server(settings, port=port)
    return port


def test_the_listener_decides(port: int, alice: Credentials) -> None:
    for listener, relayed in ((FIRST, FIRST), (SECOND, OUTSIDE)):
        with Client((listener, port), alice) as client:
            client.allocate()
            assert client.relayed[0] == relayed


def test_elsewhere_a_client_keeps_its_address(port: int, alice: Credentials) -> None:
    found = set()
    for _ in range(5):
        with Client((ELSEWHERE, port), alice) as client:
            client.allocate()
            found.add(client.relayed[0])
    assert len(found) == 1 and found <= {FIRST, OUTSIDE}


def test_relays_reach_each_other_by_what_clients_are_told(port: int, alice: Credentials, bob: Credentials) -> None:
    with Client((FIRST, port), alice) as one, Client((SECOND, port), bob) as other:
        one.allocate()
        other.allocate()
        assert one.bind_channel(0x4000, other.relayed).code is None
        assert other.bind_channel(0x4000, one.relayed).code is None
        one.send_channel_data(0x4000, b"there")
        assert other.next_data().payload == b"there"
        other.send_channel_data(0x4000, b"back")
        assert one.next_data().payload == b"back"


def test_a_service_at_a_relay_address_is_out_of_reach(port: int, alice: Credentials) -> None:
    """Whichever of them it is at."""
    with Endpoint(SECOND) as service, Client((FIRST, port), alice) as client:
        client.allocate()
        assert client.bind_channel(0x4000, service.address).code is None
        for _ in range(5):
            client.send_channel_data(0x4000, b"hello")
            client.binding()
        service.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            service.socket.recv(100)
