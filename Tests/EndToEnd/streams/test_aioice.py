"""aioice's TURN client over UDP, TCP and TLS: what it sends to a peer comes back, over both families."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from aioice import turn
from hostile.stun import Address
from server import PASSWORD, USER, Server

from .certificates import Authority

MESSAGES = 300
LIMIT_SECONDS = 60


class Echo(asyncio.DatagramProtocol):
    """Sends back what it gets."""

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, source: Address) -> None:
        self.transport.sendto(data, source)


class Collector(asyncio.DatagramProtocol):
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()

    def datagram_received(self, data: bytes, source: Address) -> None:
        self.received.put_nowait((data, source))


async def exchange(address: Address, wishes: dict) -> None:
    """Numbered messages of odd sizes, each of which comes back in order."""
    loop = asyncio.get_running_loop()
    echo, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.2", 0))
    peer = echo.get_extra_info("sockname")[:2]
    transport, protocol = await turn.create_turn_endpoint(
        Collector, server_addr=address, username=USER, password=PASSWORD, **wishes
    )
    try:
        assert transport.get_extra_info("sockname")[0] == "127.0.0.1"
        for number in range(MESSAGES):
            message = number.to_bytes(2, "big") + bytes(number)
            transport.sendto(message, peer)
            assert await protocol.received.get() == (message, peer)
    finally:
        transport.close()
        echo.close()


@pytest.mark.parametrize("kind", ["udp", "tcp", "tls"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_aioice_exchanges_messages(server: Server, authority: Authority, kind: str, host: str) -> None:
    """Its allocations are for IPv4, whatever it reached the server over."""
    wishes = {"transport": "udp" if kind == "udp" else "tcp"}
    if kind == "tls":
        wishes["ssl"] = ssl.create_default_context(cafile=str(authority.file))
    address = host, server.tls_port if kind == "tls" else server.port
    asyncio.run(asyncio.wait_for(exchange(address, wishes), LIMIT_SECONDS))
