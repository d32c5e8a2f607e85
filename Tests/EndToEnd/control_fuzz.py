"""Random frames and JSON from a seed: mostly sensible, so that they reach deep, then harmed."""

from __future__ import annotations

import json
import random
from typing import Any

from control_websocket import Opcode, frame

COMMANDS = ["register", "send", "", "REGISTER", "dance", None, 0, [], {}]
WEIGHTS = [60, 10, 6, 3, 2, 1, 1]
KEYS = ["cmd", "msg", "roomid", "clientid", "CMD", "Msg", "to", "from", "error", "x", "", "\u0000", "ü"]


def value(random: random.Random, depth: int = 0) -> Any:
    """Any JSON value, the deeper the simpler."""
    kind = random.randrange(10 if depth < 4 else 7)
    if kind < 3:
        return "".join(random.choice("ab<>&\"\\\u0000\u2028é🎥\n ") for _ in range(random.randrange(20)))
    if kind < 7:
        return random.choice([None, True, False, 0, -1, 1.5, 1e300, 2**63, "x" * random.randrange(3000)])
    if kind == 7:
        return [value(random, depth + 1) for _ in range(random.randrange(5))]
    return {random.choice(KEYS): value(random, depth + 1) for _ in range(random.randrange(5))}


def document(random: random.Random, rooms: list[str]) -> bytes:
    """A message of Collider's protocol, some members odd, some bytes harmed."""
    fields: dict[str, Any] = {"cmd": random.choice(COMMANDS)}
    if random.random() < 0.8:
        fields |= {"roomid": random.choice(rooms), "clientid": random.choice("abc")}
    if random.random() < 0.8:
        fields["msg"] = random.choice(["hello", "", value(random), '{"type":"bye"}'])
    for _ in range(random.randrange(3)):
        fields[random.choice(KEYS)] = value(random)
    text = json.dumps(fields, ensure_ascii=random.random() < 0.5, indent=random.choice([None, None, 1])).encode()
    return harmed(random, text) if random.random() < 0.4 else text


def harmed(random: random.Random, data: bytes) -> bytes:
    """Some bytes changed, cut out or doubled."""
    changed = bytearray(data)
    for _ in range(random.randrange(1, 4)):
        if not changed:
            break
        place = random.randrange(len(changed))
        how = random.randrange(4)
        if how == 0:
            changed[place] = random.randrange(256)
        elif how == 1:
            del changed[place : place + random.randrange(1, 10)]
        elif how == 2:
            changed[place:place] = random.randbytes(random.randrange(1, 10))
        else:
            changed[place:place] = changed[max(0, place - 20) : place]
    return bytes(changed)


def frames(random: random.Random, rooms: list[str]) -> bytes:
    """A few frames, mostly right, some in fragments, some harmed as bytes."""
    data = b""
    for _ in range(random.randrange(1, 6)):
        body = document(random, rooms)
        mask = random.randbytes(4) if random.random() < 0.97 else None
        opcode = random.choices([Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.PONG, Opcode.CLOSE, 3, 11], WEIGHTS)[0]
        if opcode >= 8:
            body = body[: random.choice([0, 2, 20, 125, 126])]
        reserved = 0 if random.random() < 0.97 else random.randrange(8)
        if opcode < 8 and random.random() < 0.3:
            place = random.randrange(len(body) + 1)
            data += frame(opcode, body[:place], False, reserved, mask) + frame(0, body[place:], True, 0, mask)
        else:
            data += frame(opcode, body, random.random() < 0.98, reserved, mask)
    return harmed(random, data) if random.random() < 0.2 else data


def http_request(random: random.Random, rooms: list[str]) -> bytes:
    """An HTTP request to one of our routes, harmed more often than not."""
    room, client = random.choice(rooms), random.choice("abc")
    path = random.choice(
        [f"/join/{room}", f"/message/{room}/{client}", f"/leave/{room}/{client}", f"/{room}/{client}", "/params", "/a/",
         "/ws", f"/r/{room}", "/api/v1/rooms", f"/api/v1/rooms/{room}", "/metrics", "/status", "/v1alpha/iceconfig", "/"]
    )  # fmt: skip
    body = document(random, rooms) if random.random() < 0.7 else b""
    length = len(body) if random.random() < 0.9 else random.choice([0, 1, len(body) + 5, -1, 1 << 40])
    method = random.choice(["GET", "POST", "POST", "POST", "DELETE", "OPTIONS", "HEAD", "PUT"])
    head = f"{method} {path}{random.choice(['', '?a=b', '?%', '?it=%zz&&=', '?debug=loopback'])} HTTP/1.1\r\n"
    head += f"Host: x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    data = head.encode() + body
    return harmed(random, data) if random.random() < 0.6 else data
