"""Thousands of WebSocket clients from one thread, cheap enough not to be what is measured.

Frames are masked with a key of zeros, so that a frame is its text; every message carries its number and the time at
which it was due, and what arrives is compared with what was sent, byte by byte.
"""

import collections
import json
import select
import socket
import struct
import time

MASK = bytes(4)


def frame(opcode, payload):
    """A client's frame."""
    if len(payload) < 126:
        return bytes([0x80 | opcode, 0x80 | len(payload)]) + MASK + payload
    return bytes([0x80 | opcode, 0x80 | 126]) + struct.pack("!H", len(payload)) + MASK + payload


class Client:
    """One end of a pair; `next_sent` and `next_expected` number the messages of its two directions."""

    def __init__(self, number, address):
        self.number, self.address = number, address
        self.room, self.name = f"room-{number // 2}", f"client-{number % 2}"
        self.next_sent = self.next_expected = 0
        self.rest = b""
        self.socket = None

    def connect(self):
        """Opens TCP and asks for the upgrade; the answer is read by `finish`."""
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect(self.address)
        self.rest = b""
        self.socket.sendall(
            b"GET /ws HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            % (self.address[0].encode(), self.address[1]))

    def finish(self):
        """Reads the upgrade's answer and registers; a ping behind it tells when that is done."""
        self.socket.settimeout(20)
        head = b""
        while b"\r\n\r\n" not in head:
            more = self.socket.recv(4096)
            if not more:
                raise ConnectionError(f"the upgrade was not answered: {head!r}")
            head += more
        if not head.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(f"no upgrade: {head[:200]!r}")
        self.rest = head[head.index(b"\r\n\r\n") + 4:]
        text = json.dumps({"cmd": "register", "roomid": self.room, "clientid": self.name})
        self.socket.sendall(frame(1, text.encode()) + frame(9, b"ready"))

    def wait(self):
        """Returns when the ping of `finish` is answered, with the texts that came before."""
        texts = []
        while True:
            for opcode, payload in self.frames(b""):
                if opcode == 10:
                    self.socket.setblocking(False)
                    return texts
                texts.append(payload)
            self.rest += self.socket.recv(65536)

    def frames(self, data):
        """The whole frames in what is left of earlier data and this; pings are answered."""
        data = self.rest + data
        found, start = [], 0
        while len(data) - start >= 2:
            opcode, length, head = data[start] & 15, data[start + 1], 2
            if length == 126:
                if len(data) - start < 4:
                    break
                length, head = int.from_bytes(data[start + 2:start + 4], "big"), 4
            if len(data) - start < head + length:
                break
            payload = data[start + head:start + head + length]
            start += head + length
            if opcode == 9:
                self.socket.send(frame(10, payload))
            else:
                found.append((opcode, payload))
        self.rest = data[start:]
        return found


class Crowd:
    """All clients; even and odd neighbours share a room."""

    def __init__(self, address, count, size):
        self.address, self.filling = address, b"x" * max(0, size - 40)
        self.clients = [Client(number, address) for number in range(count)]
        self.epoll = select.epoll()
        self.latencies = []
        self.sent = self.received = self.wrong = self.closed = 0
        self.late_max = 0

    def connect(self, batch=50):
        """Connects and registers everybody, some at a time."""
        for start in range(0, len(self.clients), batch):
            group = self.clients[start:start + batch]
            for step in ("connect", "finish", "wait"):
                for client in group:
                    getattr(client, step)()
            for client in group:
                self.epoll.register(client.socket.fileno(), select.EPOLLIN)
        self.by_descriptor = {client.socket.fileno(): client for client in self.clients}

    def partner(self, client):
        return self.clients[client.number ^ 1]

    def text(self, sender, number, due):
        """A message: who, which, when, and what makes it as large as real ones."""
        return b"%06d %08d %016d %s" % (sender.number, number, due, self.filling)

    def send(self, client, due):
        """Sends the client's next message, which was due at a time in ns."""
        text = self.text(client, client.next_sent, due)
        client.next_sent += 1
        self.sent += 1
        client.socket.send(frame(1, b'{"cmd":"send","msg":"' + text + b'"}'))

    def receive(self, timeout):
        """Takes what has come for anybody, after waiting so many seconds for it."""
        for descriptor, _ in self.epoll.poll(timeout):
            client = self.by_descriptor[descriptor]
            try:
                data = client.socket.recv(65536)
            except BlockingIOError:
                continue
            except ConnectionError:
                data = b""
            now = time.monotonic_ns()
            if not data:
                self.closed += 1
                self.epoll.unregister(descriptor)
                continue
            for opcode, payload in client.frames(data):
                self.take(client, payload, now)

    def take(self, client, payload, now):
        """Checks one message: the partner's next one, unchanged."""
        sender = self.partner(client)
        due = int(payload[24:40]) if payload[24:40].isdigit() else 0
        expected = b'{"msg":"' + self.text(sender, client.next_expected, due) + b'","error":""}\n'
        if payload != expected:
            self.wrong += 1
            return
        client.next_expected += 1
        self.received += 1
        self.latencies.append(now - due)

    def play(self, rate, seconds):
        """Sends on a fixed schedule, everybody in turn, and receives meanwhile; then until all is there or 10 s passed."""
        interval, count = 1e9 / rate, int(rate * seconds)
        start, number = time.monotonic_ns() + 1_000_000, 0
        while number < count:
            now = time.monotonic_ns()
            due = start + int(number * interval)
            if now < due:
                self.receive(min((due - now) / 1e9, 0.001))
                continue
            self.late_max = max(self.late_max, now - due)
            self.send(self.clients[number % len(self.clients)], due)
            number += 1
            if number % 4 == 0:
                self.receive(0)
        deadline = time.monotonic() + 10
        while self.received < self.sent and time.monotonic() < deadline:
            self.receive(0.05)
        return time.monotonic_ns() - start

    def roam(self, count, messages, open_sockets):
        """Cuts some clients off, sends to them meanwhile, lets them come back: how many messages were not waiting.

        `open_sockets` tells how many the server thinks are registered: what is sent before it notices a cut is sent to
        a dead socket, in Collider as here.
        """
        away = self.clients[1:2 * count:2]
        for client in away:
            self.epoll.unregister(client.socket.fileno())
            client.socket.close()
        deadline = time.monotonic() + 5
        while open_sockets() > len(self.clients) - len(away) and time.monotonic() < deadline:
            time.sleep(0.01)
        for client in away:
            for _ in range(messages):
                self.send(self.partner(client), time.monotonic_ns())
        missing = 0
        for client in away:
            client.connect()
            client.finish()
            texts = collections.deque(client.wait())
            self.epoll.register(client.socket.fileno(), select.EPOLLIN)
            self.by_descriptor[client.socket.fileno()] = client
            before = self.received
            while texts:
                self.take(client, texts.popleft(), time.monotonic_ns())
            missing += messages - (self.received - before)
        return missing

    def third_is_refused(self, room):
        """Whether a third client of a room hears that it is full."""
        third = Client(0, self.address)
        third.room, third.name = room, "third"
        third.connect()
        third.finish()
        try:
            while not (found := third.frames(b"")):
                more = third.socket.recv(4096)
                if not more:
                    return False
                third.rest += more
        finally:
            third.socket.close()
        return found[0][1] == b'{"msg":"","error":"Max room capacity reached"}\n'

    def close(self):
        for client in self.clients:
            client.socket.close()
        self.epoll.close()
