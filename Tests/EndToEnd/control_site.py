"""A server's control plane as a client reaches it: requests of their own, sockets that are registered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any

from control_client import Answer, Connection
from control_websocket import WebSocket
from server import Server


class Site:
    """Where a control plane answers."""

    def __init__(self, server: Server):
        self.server = server
        self.address = ("127.0.0.1", server.control_port)
        self.host = f"127.0.0.1:{server.control_port}"
        self.origin = f"http://{self.host}"
        self.numbers = count(1)

    def room(self) -> str:
        """A room that no test had before."""
        return f"room-{next(self.numbers)}"

    def ask(self, method: str, target: str, body: bytes | None = None, **headers: str) -> Answer:
        """One request on a connection of its own; `_` in a header's name stands for `-`."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        with Connection(self.address) as connection:
            return connection.ask(method, target, body, fields)

    def get(self, target: str, **headers: str) -> Answer:
        return self.ask("GET", target, **headers)

    def post(self, target: str, body: bytes = b"", **headers: str) -> Answer:
        return self.ask("POST", target, body, **headers)

    def delete(self, target: str, **headers: str) -> Answer:
        return self.ask("DELETE", target, **headers)

    def join(self, room: str, query: str = "") -> dict[str, Any]:
        """`POST /join/ROOM`, which has to be 200 and JSON."""
        answer = self.post(f"/join/{room}{query}")
        assert answer.status == 200, answer
        return answer.json()

    def joined(self, room: str, query: str = "") -> dict[str, Any]:
        """The parameters of a join that has to succeed."""
        answer = self.join(room, query)
        assert answer["result"] == "SUCCESS", answer
        return answer["params"]

    def message(self, room: str, client: str, text: str | bytes, query: str = "") -> str:
        """`POST /message`: the result string."""
        body = text if isinstance(text, bytes) else text.encode()
        answer = self.post(f"/message/{room}/{client}{query}", body)
        assert answer.status == 200, answer
        return answer.json()["result"]

    def leave(self, room: str, client: str) -> None:
        """`POST /leave`, which is 200 and empty whatever happened."""
        answer = self.post(f"/leave/{room}/{client}")
        assert (answer.status, answer.body) == (200, b"")

    def is_full(self, room: str) -> bool:
        """Whether the page of a room is the one that says it is full."""
        return re.search(r"<title>[^<]*\bfull\b", self.get(f"/r/{room}").text, re.IGNORECASE) is not None

    def socket(self, **changes: str) -> WebSocket:
        """A WebSocket that is open and not registered."""
        opened = WebSocket(self.address)
        try:
            opened.assert_upgraded(opened.upgrade(**changes))
        except BaseException:
            opened.abandon()
            raise
        return opened

    def status(self) -> dict[str, float]:
        """Collider's `/status`."""
        return self.get("/status").json()

    def answers(self) -> bool:
        """Whether both halves still work: HTTP, and a message from one socket to another."""
        room = self.room()
        with self.registered((room, "one"), (room, "two")) as (one, two):
            one.send("are you there?")
            return two.message() == "are you there?" and self.status()["upsec"] > 0

    @contextmanager
    def registered(self, *seats: tuple[str, str]) -> Iterator[list[WebSocket]]:
        """Registered sockets for (room, client) pairs; their TCP connections end with the block."""
        with ExitStack() as stack:
            sockets = [stack.enter_context(self.socket()) for _ in seats]
            for opened, (room, client) in zip(sockets, seats, strict=True):
                opened.register(room, client)
            yield sockets
