"""A UDP socket of the test's own: the base of a client, and a peer by itself."""

from __future__ import annotations

import socket

from .stun import Address

TIMEOUT_SECONDS = 30


class Endpoint:
    """A UDP socket on a loopback address of its choice."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0):
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(self.family, socket.SOCK_DGRAM)
        self.socket.settimeout(TIMEOUT_SECONDS)
        self.socket.bind((address, port))

    @property
    def address(self) -> Address:
        """Its own address."""
        return self.socket.getsockname()[:2]

    def send(self, data: bytes, to: Address) -> None:
        """Sends a datagram."""
        self.socket.sendto(data, to)

    def receive(self) -> tuple[bytes, Address]:
        """The next datagram and its sender; raises TimeoutError."""
        data, source = self.socket.recvfrom(65536)
        return data, source[:2]

    def pending(self) -> list[bytes]:
        """What has arrived already."""
        self.socket.settimeout(0)
        found = []
        while True:
            try:
                found.append(self.socket.recv(65536))
            except ConnectionRefusedError:
                continue
            except BlockingIOError:
                self.socket.settimeout(TIMEOUT_SECONDS)
                return found

    def close(self) -> None:
        """Closes the socket."""
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
