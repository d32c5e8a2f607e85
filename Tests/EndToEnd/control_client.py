"""HTTP over a plain socket, so that every byte of a request is the test's own choice (RFC 9112)."""

from __future__ import annotations

import json
import re
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

#: How long an answer may take before a test fails; far more than it needs.
LIMIT_SECONDS = 30


@dataclass
class Answer:
    """An HTTP response."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header that may be there once."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) <= 1, f"{name} is there {len(found)} times"
        return found[0] if found else None

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class Closed(AssertionError):
    """The other end closed when more was expected."""


class Connection:
    """A TCP connection with a buffer to read from."""

    def __init__(self, address: tuple[str, int], receive_buffer: int | None = None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(LIMIT_SECONDS)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.abandon()

    def abandon(self) -> None:
        """Closes the TCP connection and says nothing."""
        self.socket.close()

    def reset(self) -> None:
        """Closes with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def put(self, data: bytes) -> None:
        """Sends bytes; what the other end does not want to hear any more is no failure of the test."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def end_output(self) -> None:
        """Says by TCP that nothing more will come."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def is_cut(self, data: bytes, limit_seconds: float = LIMIT_SECONDS) -> bool:
        """Sends the same again and again: whether the other end ends the connection in that time."""
        deadline = time.monotonic() + limit_seconds
        try:
            while time.monotonic() < deadline:
                self.socket.sendall(data)
        except TimeoutError:
            return False
        except OSError:
            return True
        return False

    def fill(self) -> None:
        """Reads some more; raises `Closed` at the end and `TimeoutError` at the limit."""
        try:
            more = self.socket.recv(1 << 16)
        except ConnectionResetError:
            more = b""
        if not more:
            raise Closed(f"closed; unread: {self.buffer[:200]!r}")
        self.buffer += more

    def take(self, count: int) -> bytes:
        """Exactly so many bytes."""
        while len(self.buffer) < count:
            self.fill()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def take_through(self, mark: bytes) -> bytes:
        """All up to a mark, and the mark."""
        while mark not in self.buffer:
            self.fill()
        return self.take(self.buffer.index(mark) + len(mark))

    def answer(self, method: str = "GET") -> Answer:
        """The next HTTP response."""
        head = self.take_through(b"\r\n\r\n").decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        first = re.fullmatch(r"HTTP/1\.1 (\d{3}) .*", head[0])
        assert first, head[0]
        headers = []
        for line in head[1:]:
            field = re.fullmatch(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*?)[ \t]*", line)
            assert field, f"not a header: {line!r}"
            headers.append((field[1], field[2]))
        answer = Answer(int(first[1]), headers, b"")
        if method != "HEAD" and answer.status not in (101, 204, 304):
            answer.body = self.body(answer)
        return answer

    def body(self, answer: Answer) -> bytes:
        """The body as its head says."""
        if answer.header("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.take_through(b"\r\n"), 16):
                parts.append(self.take(size))
                self.take(2)
            self.take(2)
            return b"".join(parts)
        length = answer.header("Content-Length")
        assert length is not None, "neither length nor chunks"
        return self.take(int(length))

    def ask(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Sends a request and returns its answer; the connection stays open. `Host` and the length go by themselves."""
        host = "%s:%d" % self.socket.getpeername()[:2]
        fields = {"Host": host, **(headers or {})}
        if body is not None or method in ("POST", "PUT", "PATCH"):
            fields["Content-Length"] = str(len(body or b""))
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{key}: {value}\r\n" for key, value in fields.items())
        self.put(head.encode("latin-1") + b"\r\n" + (body or b""))
        return self.answer(method)

    def ends(self, limit_seconds: float = LIMIT_SECONDS) -> bool:
        """Whether the other end closes in that time; what it still says is dropped."""
        deadline = time.monotonic() + limit_seconds
        try:
            while (left := deadline - time.monotonic()) > 0:
                self.socket.settimeout(left)
                self.buffer = b""
                self.fill()
        except Closed:
            return True
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(LIMIT_SECONDS)
        return False


def wait_until(condition: Callable[[], Any], what: str, limit_seconds: float = LIMIT_SECONDS) -> float:
    """Asks again and again until it holds; returns after how many seconds it did."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < limit_seconds, f"not in {limit_seconds} s: {what}"
        time.sleep(0.02)
    return time.monotonic() - start
