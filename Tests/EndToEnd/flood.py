"""Datagrams by the million that no client would send: random bytes, mutated messages, and nonsense signed right.

Everything follows from one seed. A template is a real message of a real session; a mutation flips bits, cuts, grows,
splices two templates or puts a word that likes to break parsers somewhere. Half of the datagrams leave in segmented
trains (UDP_SEGMENT), which a server with GRO receives coalesced.
"""

from __future__ import annotations

import random
import socket
import struct

from hostile.client import Client
from hostile.stun import Attribute, Builder, MessageClass, Method, channel_data, xor_address

UDP_SEGMENT = 103
TRAIN = 40
BATCH = 400
WORDS = (0, 1, 3, 4, 7, 8, 0x14, 0x7F, 0x80, 0xFF, 0x4000, 0x7FFF, 0x8000, 0xFFFC, 0xFFFD, 0xFFFE, 0xFFFF)
METHODS = (1, 3, 4, 6, 7, 8, 9, 10)


def templates(client: Client, peers: list[tuple[str, int]]) -> list[bytes]:
    """Real messages of the client's session, 64 of them."""
    peer = peers[0]
    number = struct.pack("!HH", 0x4000, 0)
    lifetime = struct.pack("!I", 600)

    def bodies() -> list[Builder]:
        transport = (Attribute.REQUESTED_TRANSPORT, b"\x11\0\0\0")
        return [
            Builder(Method.BINDING).add(Attribute.SOFTWARE, b"a client"),
            Builder(Method.ALLOCATE).add(*transport),
            Builder(Method.ALLOCATE).add(*transport).add(Attribute.EVEN_PORT, b"\x80").add(Attribute.LIFETIME, lifetime),
            Builder(Method.ALLOCATE).add(*transport).add(Attribute.RESERVATION_TOKEN, b"12345678"),
            Builder(Method.REFRESH).add(Attribute.LIFETIME, lifetime),
            Builder(Method.CREATE_PERMISSION).add_peer(peer).add_peer(peers[1]),
            Builder(Method.CHANNEL_BIND).add(Attribute.CHANNEL_NUMBER, number).add_peer(peer),
            Builder(Method.ALLOCATE).add(*transport).add(Attribute.REQUESTED_ADDRESS_FAMILY, b"\2\0\0\0"),
        ]

    data = [
        Builder(Method.SEND, MessageClass.INDICATION).add_peer(peer).add(Attribute.DATA, bytes(100)).build(),
        Builder(Method.SEND, MessageClass.INDICATION).add(Attribute.DATA, b"x").add_peer(peer).build(),
        Builder(Method.DATA, MessageClass.INDICATION).add_peer(peer).add(Attribute.DATA, bytes(30)).build(),
        Builder(Method.ALLOCATE, MessageClass.ERROR).add(Attribute.ERROR_CODE, b"\0\0\4\1").build(),
        channel_data(0x4000, bytes(100)),
        channel_data(0x4000, b""),
        channel_data(0x7FFF, bytes(20)),
        b"\x16\xfe\xff" + bytes(40),
    ]
    plain = [message.build() for message in bodies()]
    signed = [client.sign(message).build() for _ in range(4) for message in bodies()]
    # A mutation behind a fingerprint ends there; few have one.
    fingerprinted = [client.sign(message).add_fingerprint().build() for message in bodies()]
    return plain + signed + fingerprinted + 2 * data


class Nonsense:
    """An endless source of bad datagrams."""

    def __init__(self, seed: int, samples: list[bytes]):
        self.random = random.Random(seed)
        self.samples = samples
        self.kinds = (
            self.noise, self.flipped, self.overwritten, self.cut, self.grown, self.spliced, self.reworded, self.framed,
        )  # fmt: skip

    def datagram(self) -> bytes:
        """The next one."""
        bits = self.random.getrandbits(40)
        sample = self.samples[bits % len(self.samples)]
        return self.kinds[bits >> 37](sample, bits >> 6)

    def noise(self, _: bytes, bits: int) -> bytes:
        """Random bytes, the first of them often one that a demultiplexer takes seriously."""
        data = self.random.randbytes(bits % 200)
        return bytes([bits >> 10 & 0x7F]) + data if bits & 0x300 else data

    def flipped(self, sample: bytes, bits: int) -> bytes:
        """One bit."""
        data = bytearray(sample)
        data[(bits >> 3) % len(data)] ^= 1 << (bits & 7)
        return bytes(data)

    def overwritten(self, sample: bytes, bits: int) -> bytes:
        """Some random bytes in the middle."""
        start = bits % len(sample)
        return (sample[:start] + self.random.randbytes(1 + (bits >> 11) % 8) + sample[start + 4 :])[: len(sample)]

    def cut(self, sample: bytes, bits: int) -> bytes:
        """Less than there was."""
        return sample[: bits % len(sample)]

    def grown(self, sample: bytes, bits: int) -> bytes:
        """More than there was; the length says so or not."""
        data = bytearray(sample + self.random.randbytes(1 + bits % 64))
        if bits & 0x100:
            struct.pack_into("!H", data, 2, len(data) - 20 & 0xFFFC)
        return bytes(data)

    def spliced(self, sample: bytes, bits: int) -> bytes:
        """The head of one, the attributes of another."""
        return framed(sample[:20] + self.samples[(bits >> 8) % len(self.samples)][20:])

    def reworded(self, sample: bytes, bits: int) -> bytes:
        """A 16-bit word replaced by one that likes to break parsers."""
        data = bytearray(sample + b"\0")
        struct.pack_into("!H", data, bits % (len(data) - 2), WORDS[(bits >> 12) % len(WORDS)])
        return bytes(data[:-1])

    def framed(self, sample: bytes, bits: int) -> bytes:
        """Random attributes in a sound frame."""
        body = b""
        for _ in range(1 + bits % 6):
            attribute, count = self.random.getrandbits(6), self.random.getrandbits(5)
            body += struct.pack("!HH", attribute, count) + self.random.randbytes(count + -count % 4)
        return framed(sample[:20] + body)

    def signed(self, client: Client) -> bytes:
        """Random attributes of an authenticated user; peers stay on the loopback network."""
        choose = self.random.choice
        request = Builder(choose(METHODS), choose((0, 0, 0, 1)))
        for _ in range(choose((0, 1, 2, 3, 8))):
            kind = choose(list(Attribute))
            if kind in (Attribute.USERNAME, Attribute.REALM, Attribute.NONCE, Attribute.USERHASH):
                continue
            if kind == Attribute.XOR_PEER_ADDRESS:
                peer = f"127.{choose((0, 7))}.0.{choose(range(2, 200))}", choose(WORDS)
                request.add(kind, xor_address(peer, request.transaction_id))
            else:
                request.add(kind, self.random.randbytes(choose((0, 1, 4, 4, 4, 8, 8, 20, 32))))
        return client.sign(request).build()

    def train(self) -> tuple[bytes, int]:
        """Segments of one size, and that size; their length fields mostly fit it."""
        size = self.random.choice((4, 20, 24, 28, 36, 60, 104, 160, 1000, 1400))
        frame = framed if self.random.getrandbits(2) else bytes
        return b"".join(frame(self.datagram()[:size].ljust(size, b"\0")) for _ in range(TRAIN)), size


def framed(data: bytes) -> bytes:
    """The same message with a length field that fits."""
    if len(data) < 20:
        return data
    return data[:2] + struct.pack("!H", len(data) - 20 & 0xFFFF) + data[4:]


def send_batch(source: Nonsense, target: socket.socket) -> int:
    """Some hundred datagrams to a connected socket, half of them in trains; returns how many."""
    sent = 0
    for _ in range(BATCH // 2 // TRAIN):
        data, size = source.train()
        target.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, size)
        send(target, data)
        sent += TRAIN
    target.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 0)
    for _ in range(BATCH - sent):
        send(target, source.datagram())
    return BATCH


def send(target: socket.socket, data: bytes) -> None:
    """Sends; an ICMP error that an earlier datagram drew is not ours to mind."""
    try:
        target.send(data)
    except ConnectionRefusedError:
        target.send(data)
