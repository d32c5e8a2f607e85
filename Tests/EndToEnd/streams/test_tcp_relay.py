"""TCP allocations (RFC 6062): connections both ways, what is refused, ends, and streams that nobody reads."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from conftest import StartServer
from hostile.client import Client, Credentials, assert_relays
from hostile.endpoint import Endpoint
from hostile.stun import Builder, Method, channel_data
from server import Server

from .certificates import Certificate
from .client import StreamClient
from .conftest import Way, stream_ways, ways
from .tcp_relay import (
    PEER_ADDRESS,
    Listener,
    assert_joined,
    bind,
    bind_request,
    connection_id,
    control,
    data_client,
    joined,
    next_attempt,
    peer_to,
)
from .transports import Closed, Tcp

GROWTH_LIMIT_KILOBYTES = 4096


@pytest.fixture(scope="module")
def server(start_server: StartServer, certificate: Certificate) -> Iterator[Server]:
    """Two threads: a data connection may come to the one that does not have the allocation."""
    running = start_server({"threads/count": "2"}, certificate=certificate)
    yield running
    assert running.process.poll() is None, f"the server ended\n{running.log_tail()}"
    running.stop()


# Connections


@stream_ways
def test_a_client_connects_to_peers(way: Way, alice: Credentials) -> None:
    """Several at once, whichever thread each data connection comes to."""
    with control(way, alice) as client, ExitStack() as listeners:
        connections = []
        for _ in range(8):
            listener = listeners.enter_context(Listener())
            identity = connection_id(client, listener.address)
            peer = listener.accept()
            assert peer.server == client.relayed, "it comes from the relayed address"
            connections.append((bind(way, client, identity), peer))
        for data, peer in connections:
            assert_joined(data, peer)
        for data, peer in connections:
            data.close()
            assert peer.ends()


@stream_ways
def test_peers_connect_to_a_client(way: Way, alice: Credentials) -> None:
    with control(way, alice) as client:
        peers = [peer_to(client.relayed) for _ in range(4)]
        attempts = [next_attempt(client) for _ in peers]
        assert sorted(address for _, address in attempts) == sorted(peer.socket.getsockname() for peer in peers)
        by_address = dict((address, identity) for identity, address in attempts)
        for peer in peers:
            data = bind(way, client, by_address[peer.socket.getsockname()])
            assert_joined(data, peer)
            data.close()


@stream_ways
def test_megabytes_go_both_ways(way: Way, alice: Credentials) -> None:
    """At once over TCP, in turns over TLS, as a session of Python's is for one thread at a time."""
    size = 8 << 20
    with joined(way, alice) as (_, data, peer):
        sums: dict[str, str] = {}

        def write(stream: Tcp, payload: bytes, name: str) -> None:
            sums[name] = hashlib.sha256(payload).hexdigest()
            stream.socket.sendall(payload)

        def read(stream: Tcp, name: str) -> None:
            digest, left = hashlib.sha256(), size
            while left:
                piece = stream.socket.recv(min(left, 65536))
                assert piece, f"{name} ends {left} bytes early"
                digest.update(piece)
                left -= len(piece)
            sums[name] = digest.hexdigest()

        there, back = os.urandom(size), os.urandom(size)
        first = [threading.Thread(target=write, args=(data, there, "sent there"))]
        first += [threading.Thread(target=read, args=(peer, "got there"))]
        second = [threading.Thread(target=write, args=(peer, back, "sent back"))]
        second += [threading.Thread(target=read, args=(data, "got back"))]
        for turn in [first, second] if way.kind == "tls" else [first + second]:
            for thread in turn:
                thread.start()
            for thread in turn:
                thread.join()
        assert sums["sent there"] == sums["got there"]
        assert sums["sent back"] == sums["got back"]


# Bytes at the seams


@stream_ways
def test_what_a_peer_says_early_is_kept(way: Way, alice: Credentials) -> None:
    """RFC 6062 5.2: data that comes before the ConnectionBind."""
    early = os.urandom(50_000)
    with control(way, alice) as client, Listener() as listener:
        identity = connection_id(client, listener.address)
        peer = listener.accept()
        peer.put(early)
        time.sleep(0.1)
        data = bind(way, client, identity)
        assert data.take(len(early)) == early
        assert_joined(data, peer)
        data.close()


@stream_ways
def test_a_peer_that_speaks_and_goes_before_the_bind_is_heard(way: Way, alice: Credentials, only_turnpike) -> None:
    with control(way, alice) as client, Listener() as listener:
        identity = connection_id(client, listener.address)
        peer = listener.accept()
        peer.put(b"last words")
        peer.close()
        time.sleep(0.1)
        data = bind(way, client, identity)
        assert data.rest() == b"last words"
        data.close()


@stream_ways
def test_data_in_one_piece_with_the_bind(way: Way, alice: Credentials, only_turnpike) -> None:
    payload = os.urandom(3000)
    with control(way, alice) as client:
        for _ in range(6):
            with Listener() as listener:
                identity = connection_id(client, listener.address)
                peer = listener.accept()
                data = data_client(way, client)
                data.challenge()
                data.put(data.sign(bind_request(identity)).build() + payload)
                assert data.next().code is None
                assert peer.take(len(payload)) == payload
                assert_joined(data.transport, peer)
                data.close()


@stream_ways
def test_a_bind_byte_by_byte(way: Way, alice: Credentials, only_turnpike) -> None:
    with control(way, alice) as client, Listener() as listener:
        identity = connection_id(client, listener.address)
        peer = listener.accept()
        data = data_client(way, client)
        data.challenge()
        for byte in data.sign(bind_request(identity)).build() + b"tail":
            data.put(bytes([byte]))
        assert data.next().code is None
        assert peer.take(4) == b"tail"
        assert_joined(data.transport, peer)
        data.close()


@stream_ways
def test_bytes_that_look_like_messages_are_only_bytes(way: Way, alice: Credentials) -> None:
    with joined(way, alice) as (_, data, peer):
        lookalike = Builder(Method.BINDING).build() + channel_data(0x4000, b"xyz") + b"\xff" * 10
        data.put(lookalike)
        assert peer.take(len(lookalike)) == lookalike
        peer.put(lookalike)
        assert data.take(len(lookalike)) == lookalike


# Ends


@ways("tcp")
def test_half_close_goes_through_both_ways(way: Way, alice: Credentials, only_turnpike) -> None:
    """One side has said all, the other goes on."""
    for reverse in (False, True):
        with joined(way, alice) as (_, data, peer):
            first, second = (peer, data) if reverse else (data, peer)
            first.put(b"a question")
            first.finish()
            assert second.rest() == b"a question"
            second.put(b"an answer, later")
            second.finish()
            assert first.rest() == b"an answer, later"


@stream_ways
@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("who", ["client", "peer"])
def test_the_end_of_one_side_is_the_end_of_the_other(way: Way, who: str, end: str, alice: Credentials) -> None:
    with joined(way, alice) as (client, data, peer):
        first, second = (data, peer) if who == "client" else (peer, data)
        getattr(first, end)()
        assert second.ends()
        assert client.refresh(600).code is None, "the allocation stays"


@stream_ways
@pytest.mark.parametrize("end", ["refresh", "close", "reset"])
def test_the_end_of_an_allocation_is_the_end_of_its_connections(way: Way, end: str, alice: Credentials) -> None:
    with joined(way, alice) as (client, data, peer), Listener() as listener:
        identity = connection_id(client, listener.address)
        pending = listener.accept()
        relayed = client.relayed
        if end == "refresh":
            client.refresh(0)
        elif end == "close":
            client.close()
        else:
            client.transport.reset()
        for stream in (data, peer, pending):
            assert stream.ends()
        with data_client(way, client) as late:
            try:
                assert late.request(bind_request(identity)).code == 400
            except Closed:
                assert client.server and way.server.name == "coturn", "coturn closes instead"
        deadline = time.monotonic() + 30
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(relayed):
                    break
            assert time.monotonic() < deadline, "the relayed port still listens"


# Those who do not read


def pour(stream: Tcp) -> int:
    """Writes until the other side has taken no more for a second; returns how much went."""
    stream.socket.settimeout(1)
    sent = 0
    try:
        while sent < 64 << 20:
            sent += stream.socket.send(bytes(65536))
    except TimeoutError:
        pass
    return sent


@ways("tcp")
@pytest.mark.parametrize("deaf", ["client", "peer"])
def test_a_side_that_does_not_read_stops_the_other_and_nobody_else(
    way: Way, server: Server, deaf: str, alice: Credentials, bob: Credentials, only_turnpike
) -> None:
    """Nothing is dropped: the writer waits. Then all of it comes."""
    before = server.resident_kilobytes
    with joined(way, alice) as (client, data, peer), joined(way, bob) as (_, other_data, other_peer):
        writer, reader = (peer, data) if deaf == "client" else (data, peer)
        sent = pour(writer)
        assert sent < 64 << 20, "goes on taking without an end"
        assert_joined(other_data, other_peer)
        with Client(server.address, bob) as datagrams, Endpoint(PEER_ADDRESS) as endpoint:
            datagrams.allocate()
            datagrams.permit(endpoint.address)
            assert_relays(datagrams, endpoint)
        assert server.resident_kilobytes - before <= GROWTH_LIMIT_KILOBYTES
        assert client.refresh(600).code is None
        writer.finish()
        got = 0
        while piece := reader.socket.recv(1 << 20):
            assert not any(piece)
            got += len(piece)
        assert got == sent


@ways("tcp")
def test_hundreds_of_connections_leave_nothing_behind(way: Way, server: Server, alice: Credentials) -> None:
    with control(way, alice) as client:
        with Listener() as listener:
            bind(way, client, connection_id(client, listener.address)).close()
        before = server.descriptor_count
        for number in range(100):
            with Listener() as listener:
                identity = connection_id(client, listener.address)
                peer = listener.accept()
                data = bind(way, client, identity)
                if number % 4 == 1:
                    data.reset()
                elif number % 4 == 2:
                    data.close()
                if number % 4 == 3:
                    peer.reset()
                else:
                    peer.close()
                if number % 4 in (0, 3):
                    data.close()
        deadline = time.monotonic() + 30
        while server.descriptor_count > before + 2:
            assert time.monotonic() < deadline, f"{server.descriptor_count} descriptors instead of {before}"
            time.sleep(0.05)
        assert isinstance(client, StreamClient) and client.refresh(600).code is None
