"""What carries a client's messages: TCP, TLS, DTLS and WebSocket, written for tests.

A transport of bytes (`is_stream`) takes bytes as they are, so that a test may cut, merge and break them; the others
take one message at a time. Each gives back one message at a time, and is strict about what the server sends.
"""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import ssl
import struct

from control_websocket import ACCEPT_SUFFIX, Opcode, frame
from hostile.endpoint import TIMEOUT_SECONDS
from hostile.stun import Address

TURN_PROTOCOL = "stun.turn"


class Closed(AssertionError):
    """The other end closed when more was expected."""


def message_size(data: bytes) -> int | None:
    """Bytes of the message at the front of a stream, padding included; None when that is not known yet."""
    if len(data) < 4:
        return None
    kind, count = struct.unpack_from("!HH", data)
    if kind >> 14 == 0:
        assert count % 4 == 0, f"a STUN message of {count} bytes in a stream"
        return 20 + count
    assert kind >> 14 == 1, f"no message begins with 0x{kind:04x}"
    padded = 4 + count + -count % 4
    assert not any(data[4 + count : padded]), "padding of ChannelData is not zero"
    return padded


def connect(server: Address, source: str | None = None, receive_buffer: int | None = None) -> socket.socket:
    """A TCP connection, if wanted from an address, or with a receive buffer of a size."""
    made = socket.socket(socket.AF_INET6 if ":" in server[0] else socket.AF_INET, socket.SOCK_STREAM)
    if receive_buffer is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    made.settimeout(TIMEOUT_SECONDS)
    if source:
        made.bind((source, 0))
    made.connect(server)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


class Tcp:
    """A TCP connection."""

    name = "tcp"
    is_stream = True

    def __init__(self, server: Address, **wishes):
        self.server = server
        self.socket = self.open(server, **wishes)
        self.buffer = b""

    def open(self, server: Address, **wishes) -> socket.socket:
        """The socket bytes go through."""
        return connect(server, **wishes)

    def put(self, data: bytes) -> None:
        """Sends bytes."""
        self.socket.sendall(data)

    def some(self) -> bytes:
        """What comes next, nothing at the end of the stream; raises TimeoutError."""
        try:
            return self.socket.recv(65536)
        except ssl.SSLWantReadError:
            raise BlockingIOError from None

    def take(self, count: int) -> bytes:
        """The next bytes, so many."""
        while len(self.buffer) < count:
            try:
                more = self.some()
            except ConnectionError as error:
                raise Closed(f"{error} where {count} bytes were to come") from None
            if not more:
                raise Closed(f"the stream ends where {count} bytes were to come: {self.buffer[:64]!r}")
            self.buffer += more
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def message(self) -> bytes:
        """The next message."""
        head = self.take(4)
        self.buffer = head + self.buffer
        kind, count = struct.unpack("!HH", head)
        whole = self.take(20 + count if kind >> 14 == 0 else 4 + count + -count % 4)
        assert message_size(whole) == len(whole)
        return whole

    def ends(self, seconds: float = TIMEOUT_SECONDS) -> bool:
        """Whether the server closes in that time, and says nothing any more before it."""
        return self.rest(seconds) == b""

    def rest(self, seconds: float = TIMEOUT_SECONDS) -> bytes | None:
        """All that comes before the server closes; None when it does not close in that time."""
        self.socket.settimeout(seconds)
        found, self.buffer = self.buffer, b""
        try:
            while more := self.some():
                found += more
        except (ConnectionError, ssl.SSLError, BrokenPipeError):
            return found
        except (TimeoutError, BlockingIOError):
            return None
        finally:
            self.socket.settimeout(TIMEOUT_SECONDS)
        return found

    def finish(self) -> None:
        """Says that no more will come, and goes on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Ends the connection with an RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        """Closes the socket."""
        self.socket.close()


def tls_context(
    authority: str | None = None, version: ssl.TLSVersion | None = None, protocols: tuple[str, ...] = (TURN_PROTOCOL,)
) -> ssl.SSLContext:
    """What a client asks of TLS: who signed the server's certificate, one version only, ALPN."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority:
        context.load_verify_locations(authority)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if version:
        context.minimum_version = context.maximum_version = version
    return context


class Tls(Tcp):
    """TLS over TCP."""

    name = "tls"

    def open(self, server: Address, context: ssl.SSLContext | None = None, **wishes) -> ssl.SSLSocket:
        session = wishes.pop("session", None)
        plain = connect(server, **wishes)
        try:
            return (context or tls_context()).wrap_socket(plain, server_hostname=server[0], session=session)
        except BaseException:
            plain.close()
            raise

    def finish(self) -> None:
        """Sends close_notify; the server's own is read and dropped."""
        self.socket.settimeout(TIMEOUT_SECONDS)
        try:
            self.socket.unwrap()
        except (ssl.SSLError, OSError):
            pass


class WebSocket:
    """TURN in binary frames over HTTP/1.1, one message a frame."""

    name = "ws"
    is_stream = False
    carrier = Tcp
    scheme = "http"

    def __init__(self, server: Address, target: str = "/turn", protocol: str | None = "turn", **wishes):
        self.server = server
        self.stream = self.carrier(server, **wishes)
        self.key = base64.b64encode(os.urandom(16)).decode()
        host = f"[{server[0]}]" if ":" in server[0] else server[0]
        lines = [
            f"GET {target} HTTP/1.1", f"Host: {host}:{server[1]}", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {self.key}",
        ]  # fmt: skip
        if protocol:
            lines.append(f"Sec-WebSocket-Protocol: {protocol}")
        self.stream.put("\r\n".join([*lines, "", ""]).encode())
        self.answer = self.head()
        self.assert_upgraded(protocol)

    def head(self) -> list[str]:
        """The lines of the answer to the upgrade."""
        text = b""
        while not text.endswith(b"\r\n\r\n"):
            text += self.stream.take(1)
            assert len(text) < 8192, "no end of headers"
        return text.decode().split("\r\n")

    def assert_upgraded(self, protocol: str | None) -> None:
        """101 with the right proof and the protocol that was asked for."""
        assert self.answer[0].startswith("HTTP/1.1 101 "), self.answer
        headers = dict(line.lower().split(": ", 1) for line in self.answer[1:] if line)
        values = dict(line.split(": ", 1) for line in self.answer[1:] if line)
        proof = base64.b64encode(hashlib.sha1(self.key.encode() + ACCEPT_SUFFIX).digest()).decode()
        assert proof in values.values(), self.answer
        assert headers.get("sec-websocket-protocol") == protocol, self.answer
        assert "sec-websocket-extensions" not in headers, self.answer

    @property
    def socket(self) -> socket.socket:
        """The socket under it."""
        return self.stream.socket

    def put(self, data: bytes) -> None:
        """Sends one message."""
        self.put_frame(Opcode.BINARY, data)

    def put_frame(self, opcode: int, payload: bytes = b"", is_final: bool = True, **wishes) -> None:
        """Sends one frame, by default masked as RFC 6455 5.1 wants it."""
        wishes.setdefault("mask", os.urandom(4))
        self.stream.put(frame(opcode, payload, is_final, **wishes))

    def next_frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame, which is final and not masked."""
        first, second = self.stream.take(2)
        assert first & 0xF0 == 0x80 and second < 128, f"frame {first:02x} {second:02x}"
        length = second
        if length == 126:
            (length,) = struct.unpack("!H", self.stream.take(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.stream.take(8))
        return first & 15, self.stream.take(length)

    def message(self) -> bytes:
        """The next message; pings are answered."""
        while True:
            opcode, payload = self.next_frame()
            if opcode == Opcode.PING:
                self.put_frame(Opcode.PONG, payload)
            elif opcode == Opcode.CLOSE:
                raise Closed(f"close frame {payload!r}")
            elif opcode != Opcode.PONG:
                assert opcode == Opcode.BINARY, f"opcode {opcode}"
                return payload

    def close_code(self, seconds: float = TIMEOUT_SECONDS) -> int | None:
        """The code of the close frame that comes next; None when the stream ends without one."""
        self.socket.settimeout(seconds)
        try:
            opcode, payload = self.next_frame()
        except Closed:
            return None
        assert opcode == Opcode.CLOSE, (opcode, payload)
        return struct.unpack("!H", payload[:2])[0] if payload else 1005

    def ends(self, seconds: float = TIMEOUT_SECONDS) -> bool:
        """Whether the server closes in that time; a close frame may come before it."""
        rest = self.stream.rest(seconds)
        return rest is not None and (rest == b"" or rest[0] == 0x80 | Opcode.CLOSE)

    def finish(self) -> None:
        """Says that no more will come."""
        self.stream.finish()

    def reset(self) -> None:
        """Ends the connection with an RST."""
        self.stream.reset()

    def close(self) -> None:
        """Closes the socket."""
        self.stream.close()


class SecureWebSocket(WebSocket):
    """The same over TLS."""

    name = "wss"
    carrier = Tls

    def __init__(self, server: Address, **wishes):
        super().__init__(server, context=tls_context(protocols=("http/1.1",)), **wishes)
