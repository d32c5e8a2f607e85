"""What is refused of TCP allocations (RFC 6062 5), with its code, and on every path."""

from __future__ import annotations

import pytest
from hostile.client import Client, Credentials
from hostile.endpoint import Endpoint
from hostile.stun import Attribute, Builder, Method
from server import Server, free_port

from .conftest import Way, ways
from .tcp_relay import (
    PEER_ADDRESS,
    TCP,
    Listener,
    ask_for_connection,
    assert_joined,
    bind,
    bind_request,
    connection_id,
    control,
    data_client,
    next_attempt,
    peer_to,
)
from .transports import Closed


def test_tcp_allocation_is_refused_over_udp(server: Server, alice: Credentials) -> None:
    with Client(server.address, alice) as client:
        assert client.allocate_request(transport=TCP).code == 400


@ways("tcp")
@pytest.mark.parametrize(
    "attribute",
    [(Attribute.EVEN_PORT, b"\0"), (Attribute.DONT_FRAGMENT, b""), (Attribute.RESERVATION_TOKEN, bytes(8))],
    ids=["even-port", "dont-fragment", "reservation-token"],
)
def test_attributes_of_udp_are_refused(
    way: Way, attribute: tuple[int, bytes], alice: Credentials, only_turnpike
) -> None:
    """RFC 6062 5.1."""
    with way.client(alice) as client:
        assert client.allocate_request(attribute, transport=TCP).code == 400
        assert client.allocate_request(transport=TCP).code is None


@ways("tcp")
def test_connect_is_refused_where_it_must_be(way: Way, alice: Credentials, only_turnpike) -> None:
    """RFC 6062 5.2."""
    with way.client(alice) as client, Listener() as listener:
        assert ask_for_connection(client, listener.address).code == 437, "no allocation"
        client.allocate()
        assert ask_for_connection(client, listener.address).code in (400, 437), "a UDP allocation"
    with control(way, alice) as client, Listener() as listener:
        assert client.request(Builder(Method.CONNECT)).code == 400, "no peer"
        assert ask_for_connection(client, ("::1", 80)).code == 443
        for denied in ("10.0.0.1", "169.254.169.254", "0.0.0.0", "255.255.255.255"):
            assert ask_for_connection(client, (denied, 80)).code == 403
        connection_id(client, listener.address)
        assert ask_for_connection(client, listener.address).code == 446
        assert ask_for_connection(client, (PEER_ADDRESS, free_port())).code == 447, "refused by the peer"
        assert ask_for_connection(client, listener.address).code == 446, "still pending"


@ways("tcp")
def test_connect_without_credentials_is_refused(way: Way, alice: Credentials, bob: Credentials, only_turnpike) -> None:
    """On every path, not on Allocate alone."""
    with control(way, alice) as client, Listener() as listener:
        plain = Builder(Method.CONNECT).add_peer(listener.address)
        assert client.exchange(plain.build()).code == 401
        client.credentials = bob
        assert ask_for_connection(client, listener.address).code == 441
        client.credentials = Credentials(alice.username, "wrong")
        assert ask_for_connection(client, listener.address).code == 401
        listener.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            listener.accept()


@ways("tcp")
def test_bind_is_refused_where_it_must_be(way: Way, alice: Credentials, bob: Credentials, only_turnpike) -> None:
    """RFC 6062 5.4; a guess costs the guesser, not the owner."""
    with control(way, alice) as client, Listener() as listener:
        identity = connection_id(client, listener.address)
        peer = listener.accept()
        with data_client(way, client) as data:
            assert data.request(bind_request(bytes(4))).code == 400
        with way.client(alice) as data:
            assert data.request(Builder(Method.CONNECTION_BIND)).code == 400
        with way.client(alice) as data:
            assert data.exchange(bind_request(identity).build()).code == 401
        with way.client(bob) as thief:
            assert thief.request(bind_request(identity)).code in (400, 403, 441)
        joined_to = bind(way, client, identity)
        assert_joined(joined_to, peer)
        with way.client(alice) as again:
            assert again.request(bind_request(identity)).code == 400, "bound already"
        assert_joined(joined_to, peer)
        joined_to.close()


@ways("tcp")
def test_methods_of_udp_do_nothing_on_a_tcp_allocation(way: Way, alice: Credentials, only_turnpike) -> None:
    """RFC 6062 4.1 and 5: no Send, no channels."""
    with control(way, alice) as client, Endpoint(PEER_ADDRESS) as peer:
        assert client.bind_channel(0x4000, peer.address).code is not None
        client.send_indication(peer.address, b"no")
        client.send_channel_data(0x4000, b"no")
        client.binding()
        assert peer.pending() == []


@ways("tcp")
def test_peers_without_permission_are_turned_away(way: Way, alice: Credentials) -> None:
    with control(way, alice) as client:
        try:
            assert peer_to(client.relayed, "127.0.0.9").ends()
        except (ConnectionError, Closed):
            pass
        welcome = peer_to(client.relayed)
        _, address = next_attempt(client)
        assert address == welcome.socket.getsockname(), "nothing was said of the other"
        welcome.close()
