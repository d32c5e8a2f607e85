"""WebSocket over a plain socket: RFC 6455 with all that a good client may not do, and the frames of Collider (1.5)."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from control_client import Answer, Closed, Connection

ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Opcode(IntEnum):
    """RFC 6455 5.2."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


@dataclass
class Frame:
    """A frame of the server."""

    is_final: bool
    reserved: int
    opcode: int
    payload: bytes


@dataclass
class Close:
    """What a close frame says; code 1005 is none, 1006 an end of TCP without such a frame."""

    code: int
    reason: str


class WebSocket(Connection):
    """A WebSocket client that can break every rule."""

    def upgrade(self, target: str = "/ws", drop: tuple[str, ...] = (), **changes: str) -> Answer:
        """Asks for the upgrade; `changes` replace headers (`_` stands for `-`), `drop` leaves some out."""
        self.key = base64.b64encode(os.urandom(16)).decode()
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": self.key,
        }
        for name, value in changes.items():
            headers[name.replace("_", "-")] = value
        return self.ask("GET", target, headers={key: value for key, value in headers.items() if key not in drop})

    def assert_upgraded(self, answer: Answer) -> None:
        """101 with the right proof, and no extension."""
        assert answer.status == 101, (answer.status, answer.body)
        digest = hashlib.sha1(self.key.encode() + ACCEPT_SUFFIX).digest()
        assert answer.header("Sec-WebSocket-Accept") == base64.b64encode(digest).decode()
        assert (answer.header("Upgrade") or "").lower() == "websocket"
        assert (answer.header("Connection") or "").lower() == "upgrade"
        assert answer.header("Sec-WebSocket-Extensions") is None

    def send_frame(
        self,
        opcode: int,
        payload: bytes = b"",
        is_final: bool = True,
        reserved: int = 0,
        mask: bytes | None = b"\x12\x34\x56\x78",
    ) -> None:
        """One frame; without a mask it breaks RFC 6455 5.1."""
        self.put(frame(opcode, payload, is_final, reserved, mask))

    def send_text(self, text: str) -> None:
        self.send_frame(Opcode.TEXT, text.encode())

    def send_json(self, **fields: Any) -> None:
        """One message of 1.4."""
        self.send_text(json.dumps(fields))

    def register(self, room: str, client: str) -> None:
        """Registers and returns once the server has read it; there is no answer to it."""
        self.send_json(cmd="register", roomid=room, clientid=client)
        self.settle()

    def send(self, message: str) -> None:
        """Sends a message to the other one and returns once the server has read it."""
        self.send_json(cmd="send", msg=message)
        self.settle()

    def next_frame(self) -> Frame:
        """The next frame, whatever it is."""
        first, second = self.take(2)
        assert not second & 0x80, "a server masks nothing"
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self.take(2))
            assert length > 125
        elif length == 127:
            (length,) = struct.unpack("!Q", self.take(8))
            assert length > 0xFFFF
        return Frame(bool(first & 0x80), (first >> 4) & 7, first & 15, self.take(length))

    def receive_frame(self) -> Frame:
        """The next frame that is no ping; pings are answered."""
        while True:
            found = self.next_frame()
            assert found.reserved == 0
            if found.opcode != Opcode.PING:
                return found
            self.send_frame(Opcode.PONG, found.payload)

    def receive(self) -> dict[str, str]:
        """The next text frame: one JSON object with `msg` and `error`, in this order, and a line feed (1.5)."""
        found = self.receive_frame()
        assert found.opcode == Opcode.TEXT and found.is_final, found
        assert found.payload.endswith(b"}\n") and found.payload.count(b"\n") == 1, found.payload
        pairs = json.loads(found.payload, object_pairs_hook=list)
        assert [key for key, _ in pairs][:2] == ["msg", "error"], pairs
        fields = dict(pairs)
        assert all(isinstance(value, str) for value in fields.values())
        assert bool(fields["msg"]) != bool(fields["error"]), "one of them, never both or none"
        return fields

    def message(self) -> str:
        """The next relayed message."""
        fields = self.receive()
        assert fields["error"] == "", fields
        return fields["msg"]

    def settle(self) -> None:
        """Returns when the server has done all that was sent so far, and has said nothing since."""
        proof = os.urandom(8)
        self.send_frame(Opcode.PING, proof)
        found = self.receive_frame()
        assert (found.opcode, found.payload) == (Opcode.PONG, proof), found

    def assert_error(self, text: str) -> None:
        """The next frame is this error, byte for byte."""
        found = self.receive_frame()
        assert found.payload == b'{"msg":"","error":"' + text.encode() + b'"}\n', found.payload

    def close_said(self) -> Close:
        """Reads to the end of the connection; what the close frame said. Answers it as RFC 6455 5.5.1 wants."""
        close = Close(1006, "")
        try:
            while True:
                found = self.receive_frame()
                if found.opcode == Opcode.CLOSE:
                    if found.payload:
                        (code,) = struct.unpack("!H", found.payload[:2])
                        close = Close(code, found.payload[2:].decode())
                    else:
                        close = Close(1005, "")
                    self.send_frame(Opcode.CLOSE, found.payload)
        except Closed:
            return close

    def assert_closed(self, code: int = 1000) -> None:
        """Nothing more but a close frame without a reason, and the end of TCP."""
        found = self.receive_frame()
        assert found.opcode == Opcode.CLOSE, found
        assert found.payload == struct.pack("!H", code), found.payload
        self.send_frame(Opcode.CLOSE, found.payload)
        assert self.ends(), "TCP stays open after the close frames"

    def close(self, code: int = 1000) -> None:
        """A clean end from our side."""
        self.send_frame(Opcode.CLOSE, struct.pack("!H", code))
        assert self.close_said().code == code
        self.abandon()


def frame(opcode: int, payload: bytes, is_final: bool = True, reserved: int = 0, mask: bytes | None = None) -> bytes:
    """The bytes of a frame (RFC 6455 5.2)."""
    head = bytes([(0x80 if is_final else 0) | reserved << 4 | opcode])
    bit = 0 if mask is None else 0x80
    if len(payload) < 126:
        head += bytes([bit | len(payload)])
    elif len(payload) < 1 << 16:
        head += bytes([bit | 126]) + struct.pack("!H", len(payload))
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", len(payload))
    return head + payload if mask is None else head + mask + masked(payload, mask)


def masked(payload: bytes, mask: bytes) -> bytes:
    """RFC 6455 5.3."""
    key = int.from_bytes((mask * (len(payload) // 4 + 1))[: len(payload)], "big")
    return (int.from_bytes(payload, "big") ^ key).to_bytes(len(payload), "big")
