"""The TURN client of the hostile tests over any transport."""

from __future__ import annotations

from hostile.client import Client, Credentials, Received
from hostile.endpoint import TIMEOUT_SECONDS
from hostile.stun import Address, Message, channel_data

from .dtls import Dtls
from .transports import Closed, Tcp, WebSocket

Transport = Tcp | WebSocket | Dtls

__all__ = ["Closed", "StreamClient", "padded"]


def padded(channel: int, payload: bytes) -> bytes:
    """A ChannelData message for a stream (RFC 8656 12.5)."""
    return channel_data(channel, payload) + bytes(-len(payload) % 4)


class StreamClient(Client):
    """A client whose messages a transport carries; closing it is what ends its allocation."""

    def __init__(self, transport: Transport, credentials: Credentials | None = None):
        self.transport = transport
        self.begin(transport.server, credentials)

    @property
    def socket(self):
        """The transport's socket, for its address and its time-out."""
        return self.transport.socket

    def put(self, data: bytes) -> None:
        self.transport.put(data)

    def receive(self) -> tuple[bytes, Address]:
        return self.transport.message(), self.server

    def exchange(self, data: bytes, retries: int = 1) -> Message:
        """Sends a request once: what carries it does not lose it."""
        return super().exchange(data, retries)

    def send_channel_data(self, channel: int, payload: bytes) -> None:
        self.put(padded(channel, payload) if self.transport.is_stream else channel_data(channel, payload))

    def pending(self) -> list[Message | Received]:
        """What has arrived already."""
        self.socket.settimeout(0.01)
        found = []
        try:
            while True:
                found.append(self.next())
        except (TimeoutError, BlockingIOError):
            return found
        finally:
            self.socket.settimeout(TIMEOUT_SECONDS)

    def close(self) -> None:
        self.transport.close()

    def __exit__(self, *_):
        self.close()
