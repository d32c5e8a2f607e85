"""Two WebRTC peers that may use nothing but the relay exchange megabytes each way (aiortc: ICE, DTLS, SCTP of its own).

The transport policy "relay" leaves each peer only its relayed address; the test also looks at the pair ICE chose. Each
reaches the relay over UDP, TCP or TLS.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import time
from collections.abc import Iterator

import pytest
from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)
from conftest import StartServer
from server import PASSWORD, SECRET, USER, Server
from streams.certificates import Authority, Certificate

BYTES_EACH_WAY = 5_000_000
BYTES_OVER_STREAMS = 2_000_000
CHUNK = 16_000
BUFFERED_LIMIT = 256_000
LIMIT_SECONDS = 100


def static_credentials() -> tuple[str, str]:
    """The static user."""
    return USER, PASSWORD


def rest_credentials() -> tuple[str, str]:
    """An hour's credentials from the REST secret (draft-uberti-behave-turn-rest)."""
    username = f"{int(time.time()) + 3600}:dave"
    digest = hmac.new(SECRET.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()


def relay_only(url: str, credentials: tuple[str, str]) -> RTCPeerConnection:
    """A peer connection without any candidate but the relayed one."""
    ice_server = RTCIceServer(url, *credentials)
    return RTCPeerConnection(RTCConfiguration([ice_server], RTCIceTransportPolicy.RELAY))


async def connect(caller: RTCPeerConnection, callee: RTCPeerConnection) -> tuple:
    """Offer and answer; returns both ends of a data channel, open."""
    near = caller.createDataChannel("file")
    far: asyncio.Future[RTCDataChannel] = asyncio.get_running_loop().create_future()
    callee.on("datachannel", far.set_result)
    is_open = asyncio.Event()
    near.on("open", is_open.set)
    await caller.setLocalDescription(await caller.createOffer())
    await callee.setRemoteDescription(described(caller))
    await callee.setLocalDescription(await callee.createAnswer())
    await caller.setRemoteDescription(described(callee))
    await is_open.wait()
    return near, await far


def described(connection: RTCPeerConnection) -> RTCSessionDescription:
    """The local description; each candidate in it has to be a relayed one."""
    candidates = [line for line in connection.localDescription.sdp.splitlines() if "a=candidate" in line]
    assert candidates and all(" typ relay" in line for line in candidates), candidates
    return connection.localDescription


async def receive(channel: RTCDataChannel, expected: int) -> str:
    """The hash of what comes, once so many bytes are there."""
    digest, count, done = hashlib.sha256(), 0, asyncio.Event()

    def on_message(chunk: bytes) -> None:
        nonlocal count
        digest.update(chunk)
        count += len(chunk)
        if count >= expected:
            done.set()

    channel.on("message", on_message)
    await done.wait()
    return digest.hexdigest()


async def send(channel: RTCDataChannel, data: bytes) -> str:
    """Sends in chunks, no more than a bounded number of bytes ahead; returns the hash."""
    low = asyncio.Event()
    channel.bufferedAmountLowThreshold = BUFFERED_LIMIT // 2
    channel.on("bufferedamountlow", low.set)
    for start in range(0, len(data), CHUNK):
        low.clear()
        if channel.bufferedAmount > BUFFERED_LIMIT:
            await low.wait()
        channel.send(data[start : start + CHUNK])
    return hashlib.sha256(data).hexdigest()


def chosen_pair(connection: RTCPeerConnection) -> tuple[str, str]:
    """The types of the local and the remote candidate ICE settled on."""
    pair = connection.sctp.transport.transport._connection._nominated[1]
    return pair.local_candidate.type, pair.remote_candidate.type


async def exchange(url: str, credentials: tuple[str, str], size: int) -> None:
    """So many bytes each way at the same time, compared by hash."""
    caller, callee = relay_only(url, credentials), relay_only(url, credentials)
    try:
        near, far = await connect(caller, callee)
        there, back = (random.Random(seed).randbytes(size) for seed in (1, 2))
        got_there, got_back, sent_there, sent_back = await asyncio.gather(
            receive(far, size), receive(near, size), send(near, there), send(far, back)
        )
        assert chosen_pair(caller) == chosen_pair(callee) == ("relay", "relay")
        assert (got_there, got_back) == (sent_there, sent_back)
    finally:
        await asyncio.gather(caller.close(), callee.close())


@pytest.fixture(scope="module")
def server(start_server: StartServer, certificate: Certificate) -> Iterator[Server]:
    """A server with every transport."""
    running = start_server({}, certificate=certificate)
    yield running
    running.stop()


def run(url: str, credentials: tuple[str, str], size: int) -> None:
    """Exchanges, in a bounded time."""
    asyncio.run(asyncio.wait_for(exchange(url, credentials, size), LIMIT_SECONDS))


@pytest.mark.parametrize("credentials", [static_credentials, rest_credentials])
def test_data_channel_carries_5_MB_each_way_through_the_relay(server: Server, credentials) -> None:
    """Hash equal both ways."""
    if credentials is rest_credentials and server.name == "coturn":
        pytest.skip("coturn knows either users or a secret")
    run(f"turn:127.0.0.1:{server.port}?transport=udp", credentials(), BYTES_EACH_WAY)


def test_data_channel_goes_over_tcp(server: Server) -> None:
    run(f"turn:127.0.0.1:{server.port}?transport=tcp", static_credentials(), BYTES_OVER_STREAMS)


def test_data_channel_goes_over_tls(server: Server, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """aioice checks the server's certificate, against the authorities of the system."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    run(f"turns:127.0.0.1:{server.tls_port}?transport=tcp", static_credentials(), BYTES_OVER_STREAMS)
