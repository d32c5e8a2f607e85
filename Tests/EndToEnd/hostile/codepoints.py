"""The numbers of STUN and TURN (RFC 8489 18, RFC 8656 18), by their names there."""

from __future__ import annotations

import struct
from enum import IntEnum

COOKIE = 0x2112A442
COOKIE_BYTES = struct.pack("!I", COOKIE)
HEADER_SIZE = 20
FINGERPRINT_XOR = 0x5354554E
NONCE_COOKIE = b"obMatJos2"


class Method(IntEnum):
    """STUN methods (RFC 8489 18.2, RFC 8656 17, RFC 6062 6.1)."""

    BINDING = 1
    ALLOCATE = 3
    REFRESH = 4
    SEND = 6
    DATA = 7
    CREATE_PERMISSION = 8
    CHANNEL_BIND = 9
    CONNECT = 10
    CONNECTION_BIND = 11
    CONNECTION_ATTEMPT = 12


class MessageClass(IntEnum):
    """The two class bits of a message type (RFC 8489 5)."""

    REQUEST = 0
    INDICATION = 1
    SUCCESS = 2
    ERROR = 3


class Attribute(IntEnum):
    """Attribute types (RFC 8489 18.3, RFC 8656 18)."""

    MAPPED_ADDRESS = 0x0001
    CHANGE_REQUEST = 0x0003
    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    UNKNOWN_ATTRIBUTES = 0x000A
    CHANNEL_NUMBER = 0x000C
    LIFETIME = 0x000D
    XOR_PEER_ADDRESS = 0x0012
    DATA = 0x0013
    REALM = 0x0014
    NONCE = 0x0015
    XOR_RELAYED_ADDRESS = 0x0016
    REQUESTED_ADDRESS_FAMILY = 0x0017
    EVEN_PORT = 0x0018
    REQUESTED_TRANSPORT = 0x0019
    DONT_FRAGMENT = 0x001A
    MESSAGE_INTEGRITY_SHA256 = 0x001C
    PASSWORD_ALGORITHM = 0x001D
    USERHASH = 0x001E
    XOR_MAPPED_ADDRESS = 0x0020
    RESERVATION_TOKEN = 0x0022
    CONNECTION_ID = 0x002A
    ADDITIONAL_ADDRESS_FAMILY = 0x8000
    ADDRESS_ERROR_CODE = 0x8001
    PASSWORD_ALGORITHMS = 0x8002
    ICMP = 0x8004
    SOFTWARE = 0x8022
    FINGERPRINT = 0x8028


class PasswordAlgorithm(IntEnum):
    """Password algorithms (RFC 8489 18.5)."""

    MD5 = 1
    SHA256 = 2
