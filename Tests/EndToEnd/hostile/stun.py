"""STUN messages as bytes: build them right, build them wrong, and parse what comes back (RFC 8489, RFC 8656).

Written for tests: `Builder` lets a caller put any attribute anywhere, several times, after the integrity, with
lengths that lie. `parse` is strict, because what a server sends has to be right.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import struct
import zlib
from dataclasses import dataclass, field

from .codepoints import (
    COOKIE,
    COOKIE_BYTES,
    FINGERPRINT_XOR,
    HEADER_SIZE,
    NONCE_COOKIE,
    Attribute,
    MessageClass,
    Method,
    PasswordAlgorithm,
)

__all__ = [
    "NONCE_COOKIE",
    "Address",
    "Attribute",
    "Builder",
    "MalformedMessage",
    "Message",
    "MessageClass",
    "Method",
    "PasswordAlgorithm",
    "channel_data",
    "long_term_key",
    "message_type",
    "parse",
    "password_algorithms",
    "userhash",
    "xor_address",
]

Address = tuple[str, int]


class MalformedMessage(Exception):
    """What came is not a STUN message as RFC 8489 section 5 and 14 want it."""


def message_type(method: int, message_class: int) -> int:
    """The 14 bits of a message type: the class bits interleave with the method's."""
    method_bits = (method & 0xF80) << 2 | (method & 0x70) << 1 | method & 0xF
    return method_bits | (message_class & 2) << 7 | (message_class & 1) << 4


def split_message_type(value: int) -> tuple[int, int]:
    """(method, class) of a message type."""
    method = (value & 0x3E00) >> 2 | (value & 0xE0) >> 1 | value & 0xF
    return method, (value >> 7) & 2 | (value >> 4) & 1


def new_transaction_id() -> bytes:
    """96 random bits."""
    return os.urandom(12)


def xor_address(address: Address, transaction_id: bytes, family: int | None = None) -> bytes:
    """The value of an XOR-…-ADDRESS attribute; `family` overrides the wire value."""
    ip = ipaddress.ip_address(address[0])
    wire_family = family if family is not None else (1 if ip.version == 4 else 2)
    mask = COOKIE_BYTES + transaction_id
    body = bytes(left ^ right for left, right in zip(ip.packed, mask))
    return struct.pack("!BBH", 0, wire_family, address[1] ^ (COOKIE >> 16)) + body


def unxor_address(value: bytes, transaction_id: bytes) -> Address:
    """The address an XOR-…-ADDRESS attribute stands for."""
    if len(value) < 4 or value[0] != 0 or (value[1], len(value)) not in ((1, 8), (2, 20)):
        raise MalformedMessage(f"address value {value.hex()}")
    mask = COOKIE_BYTES + transaction_id
    packed = bytes(left ^ right for left, right in zip(value[4:], mask))
    port = struct.unpack_from("!H", value, 2)[0] ^ (COOKIE >> 16)
    return str(ipaddress.ip_address(packed)), port


def password_algorithms(*algorithms: int) -> bytes:
    """The value of PASSWORD-ALGORITHMS, or of PASSWORD-ALGORITHM when there is one."""
    return b"".join(struct.pack("!HH", algorithm, 0) for algorithm in algorithms)


def long_term_key(
    username: str,
    realm: str,
    password: str,
    algorithm: int = PasswordAlgorithm.MD5,
) -> bytes:
    """The key of the long-term mechanism (RFC 8489 9.2.2 and 18.5.1)."""
    text = f"{username}:{realm}:{password}".encode()
    if algorithm == PasswordAlgorithm.SHA256:
        return hashlib.sha256(text).digest()
    return hashlib.md5(text, usedforsecurity=False).digest()


def userhash(username: str, realm: str) -> bytes:
    """The value of USERHASH (RFC 8489 14.4)."""
    return hashlib.sha256(f"{username}:{realm}".encode()).digest()


def attribute_bytes(attribute: int, value: bytes, padding: int = 0) -> bytes:
    """One attribute with its header and padding."""
    pad = bytes([padding]) * (-len(value) % 4)
    return struct.pack("!HH", attribute, len(value)) + value + pad


def integrity_of(prefix: bytes, key: bytes, sha256: bool) -> bytes:
    """HMAC over the message before the integrity attribute, header length as if it ended with it."""
    digest = hashlib.sha256 if sha256 else hashlib.sha1
    size = digest().digest_size
    length = struct.pack("!H", len(prefix) - HEADER_SIZE + 4 + size)
    return hmac.new(key, prefix[:2] + length + prefix[4:], digest).digest()


class Builder:
    """Puts a message together attribute by attribute; does not ask whether that makes sense."""

    def __init__(
        self,
        method: int,
        message_class: int = MessageClass.REQUEST,
        transaction_id: bytes | None = None,
    ):
        self.type = message_type(method, message_class)
        self.transaction_id = transaction_id or new_transaction_id()
        self.cookie = COOKIE
        self.body = b""

    def add(self, attribute: int, value: bytes = b"", padding: int = 0) -> Builder:
        """Appends an attribute."""
        self.body += attribute_bytes(attribute, value, padding)
        return self

    def add_raw(self, data: bytes) -> Builder:
        """Appends bytes that may be anything."""
        self.body += data
        return self

    def add_peer(self, peer: Address) -> Builder:
        """Appends XOR-PEER-ADDRESS."""
        return self.add(Attribute.XOR_PEER_ADDRESS, xor_address(peer, self.transaction_id))

    def add_integrity(self, key: bytes) -> Builder:
        """Appends MESSAGE-INTEGRITY over what is there."""
        return self.add(Attribute.MESSAGE_INTEGRITY, integrity_of(self.build(), key, sha256=False))

    def add_integrity_sha256(self, key: bytes) -> Builder:
        """Appends MESSAGE-INTEGRITY-SHA256 over what is there."""
        value = integrity_of(self.build(), key, sha256=True)
        return self.add(Attribute.MESSAGE_INTEGRITY_SHA256, value)

    def add_fingerprint(self, wrong_by: int = 0) -> Builder:
        """Appends FINGERPRINT; `wrong_by` is xored into it."""
        prefix = self.build(length=len(self.body) + 8)
        value = zlib.crc32(prefix) ^ FINGERPRINT_XOR ^ wrong_by
        return self.add(Attribute.FINGERPRINT, struct.pack("!I", value))

    def build(self, length: int | None = None) -> bytes:
        """The message; `length` overrides the header's length field."""
        length = len(self.body) if length is None else length
        header = struct.pack("!HHI", self.type, length & 0xFFFF, self.cookie)
        return header + self.transaction_id + self.body


@dataclass
class Message:
    """A parsed message. `attributes` keeps order, duplicates and offsets."""

    method: int
    message_class: int
    transaction_id: bytes
    raw: bytes
    attributes: list[tuple[int, bytes, int]] = field(default_factory=list)

    def get(self, attribute: int) -> bytes | None:
        """The value of the first attribute of that type."""
        return next((value for kind, value, _ in self.attributes if kind == attribute), None)

    def address(self, attribute: int) -> Address | None:
        """The un-XORed address of an attribute."""
        value = self.get(attribute)
        return None if value is None else unxor_address(value, self.transaction_id)

    @property
    def types(self) -> list[int]:
        """Attribute types in order."""
        return [kind for kind, _, _ in self.attributes]

    @property
    def code(self) -> int | None:
        """The number of ERROR-CODE; None when there is no such attribute."""
        value = self.get(Attribute.ERROR_CODE)
        return None if value is None else (value[2] & 7) * 100 + value[3]

    @property
    def lifetime(self) -> int | None:
        """LIFETIME in seconds."""
        value = self.get(Attribute.LIFETIME)
        return None if value is None else struct.unpack("!I", value)[0]

    @property
    def unknown_attributes(self) -> list[int]:
        """The list of UNKNOWN-ATTRIBUTES."""
        value = self.get(Attribute.UNKNOWN_ATTRIBUTES) or b""
        return list(struct.unpack(f"!{len(value) // 2}H", value))

    def has_integrity(self, key: bytes) -> bool:
        """Whether there is an integrity attribute of either kind, and each that is there is right."""
        kinds = (Attribute.MESSAGE_INTEGRITY, Attribute.MESSAGE_INTEGRITY_SHA256)
        found = [(kind, value, offset) for kind, value, offset in self.attributes if kind in kinds]
        return bool(found) and all(
            value == integrity_of(self.raw[:offset], key, kind == Attribute.MESSAGE_INTEGRITY_SHA256)
            for kind, value, offset in found
        )

    def __str__(self) -> str:
        kind = MessageClass(self.message_class).name
        names = ", ".join(f"0x{attribute:04x}" for attribute in self.types)
        return f"{kind} of method {self.method}, code {self.code}, attributes [{names}]"


def parse(data: bytes) -> Message:
    """A message from a server; raises when a rule of RFC 8489 section 5 or 14 is broken."""
    if len(data) < HEADER_SIZE or len(data) % 4:
        raise MalformedMessage(f"{len(data)} bytes")
    kind, length, cookie = struct.unpack_from("!HHI", data)
    if kind >> 14 or cookie != COOKIE or length != len(data) - HEADER_SIZE:
        raise MalformedMessage(f"header {data[:8].hex()} of {len(data)} bytes")
    message = Message(*split_message_type(kind), data[8:20], data)
    offset = HEADER_SIZE
    while offset < len(data):
        attribute, count = struct.unpack_from("!HH", data, offset)
        end = offset + 4 + count
        padded = end + -count % 4
        if padded > len(data):
            raise MalformedMessage(f"attribute 0x{attribute:04x} of {count} bytes leaves the message")
        if any(data[end:padded]):
            raise MalformedMessage(f"padding of 0x{attribute:04x} is not zero")
        message.attributes.append((attribute, data[offset + 4 : end], offset))
        offset = padded
    check_fingerprint(message)
    return message


def check_fingerprint(message: Message) -> None:
    """Raises when there is a FINGERPRINT that is wrong or not last (RFC 8489 14.7)."""
    value = message.get(Attribute.FINGERPRINT)
    if value is None:
        return
    expected = struct.pack("!I", zlib.crc32(message.raw[:-8]) ^ FINGERPRINT_XOR)
    if message.types[-1] != Attribute.FINGERPRINT or value != expected:
        raise MalformedMessage("FINGERPRINT")


def channel_data(channel: int, payload: bytes, count: int | None = None) -> bytes:
    """A ChannelData message without padding; `count` overrides its length field (RFC 8656 12.4)."""
    return struct.pack("!HH", channel, len(payload) if count is None else count) + payload
