"""A client of TCP allocations (RFC 6062): control connection, data connections, and peers that speak TCP."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from hostile.client import Credentials
from hostile.endpoint import TIMEOUT_SECONDS
from hostile.stun import Address, Attribute, Builder, Message, MessageClass, Method

from .client import StreamClient
from .conftest import Way
from .transports import Tcp, connect

TCP = b"\x06\0\0\0"
PEER_ADDRESS = "127.0.0.2"


class Listener:
    """A peer that takes TCP connections."""

    def __init__(self, address: str = PEER_ADDRESS):
        self.socket = socket.create_server((address, 0), backlog=50)
        self.socket.settimeout(TIMEOUT_SECONDS)

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self.socket.getsockname()

    def accept(self) -> Tcp:
        """The next connection, as bytes."""
        made, _ = self.socket.accept()
        return wrapped(made)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def wrapped(made: socket.socket) -> Tcp:
    """A socket as a stream of bytes."""
    stream = object.__new__(Tcp)
    made.settimeout(TIMEOUT_SECONDS)
    stream.socket, stream.buffer, stream.server = made, b"", made.getpeername()
    return stream


def peer_to(relayed: Address, address: str = PEER_ADDRESS) -> Tcp:
    """A peer's connection to a relayed address."""
    return wrapped(connect(relayed, source=address))


def control(way: Way, credentials: Credentials) -> StreamClient:
    """A client with a TCP allocation and a permission for the peers' address."""
    client = way.client(credentials)
    answer = client.allocate_request(transport=TCP)
    assert answer.code is None, answer
    assert client.permit((PEER_ADDRESS, 0)).code is None
    return client


def ask_for_connection(client: StreamClient, peer: Address) -> Message:
    """A Connect transaction (RFC 6062 4.3)."""
    return client.request(Builder(Method.CONNECT).add_peer(peer))


def connection_id(client: StreamClient, peer: Address) -> bytes:
    """The id of a connection to a peer that must succeed."""
    answer = ask_for_connection(client, peer)
    assert answer.code is None, answer
    identity = answer.get(Attribute.CONNECTION_ID)
    assert identity is not None and len(identity) == 4
    return identity


def bind_request(identity: bytes) -> Builder:
    """A ConnectionBind request, not signed yet."""
    return Builder(Method.CONNECTION_BIND).add(Attribute.CONNECTION_ID, identity)


def data_client(way: Way, client: StreamClient) -> StreamClient:
    """A new connection of the same session: it goes on with the nonce of the control connection."""
    data = way.client(client.credentials)
    data.realm, data.nonce, data.algorithms = client.realm, client.nonce, client.algorithms
    return data


def bind(way: Way, client: StreamClient, identity: bytes) -> Tcp:
    """A new connection, joined to the peer's: raw bytes from here on."""
    data = data_client(way, client)
    answer = data.request(bind_request(identity))
    assert answer.code is None, answer
    return data.transport


def assert_joined(data: Tcp, peer: Tcp) -> None:
    """Bytes go both ways."""
    there, back = os.urandom(1000), os.urandom(1001)
    data.put(there)
    assert peer.take(1000) == there
    peer.put(back)
    assert data.take(1001) == back


def next_attempt(client: StreamClient) -> tuple[bytes, Address]:
    """The id and the peer of the ConnectionAttempt indication that comes next."""
    found = client.next()
    assert isinstance(found, Message), found
    assert (found.method, found.message_class) == (Method.CONNECTION_ATTEMPT, MessageClass.INDICATION), found
    return found.get(Attribute.CONNECTION_ID), found.address(Attribute.XOR_PEER_ADDRESS)


@contextmanager
def joined(way: Way, credentials: Credentials) -> Iterator[tuple[StreamClient, Tcp, Tcp]]:
    """Control connection, data connection, and the peer's end."""
    with control(way, credentials) as client, Listener() as listener:
        identity = connection_id(client, listener.address)
        peer = listener.accept()
        data = bind(way, client, identity)
        try:
            yield client, data, peer
        finally:
            data.close()
            peer.close()
