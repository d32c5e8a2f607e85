"""A TURN client whose every step can be taken wrong, and the peers it talks to.

Nothing here waits and hopes. That a datagram is answered by silence is shown by a Binding request sent after it: the
server handles one five-tuple in order, so when the Binding's answer is the first to come, the datagram drew none.
"""

from __future__ import annotations

import secrets
import struct
from dataclasses import dataclass
from enum import Enum

from .endpoint import TIMEOUT_SECONDS, Endpoint
from .stun import (
    Address,
    Attribute,
    Builder,
    Message,
    MessageClass,
    Method,
    PasswordAlgorithm,
    channel_data,
    long_term_key,
    parse,
    password_algorithms,
    userhash,
)

UDP = struct.pack("!BBH", 17, 0, 0)


class Integrity(Enum):
    """Which integrity attributes a request carries."""

    SHA1 = "MESSAGE-INTEGRITY"
    SHA256 = "MESSAGE-INTEGRITY-SHA256"
    BOTH = "both"


@dataclass
class Credentials:
    """A user, and how it authenticates. `algorithm` None is the legacy of RFC 5389."""

    username: str
    password: str
    algorithm: int | None = None
    integrity: Integrity = Integrity.SHA1
    is_anonymous: bool = False

    def key(self, realm: str) -> bytes:
        """The integrity key."""
        return long_term_key(
            self.username,
            realm,
            self.password,
            self.algorithm or PasswordAlgorithm.MD5,
        )


@dataclass
class Received:
    """Application data that came through the relay."""

    payload: bytes
    peer: Address | None = None
    channel: int | None = None


class Client(Endpoint):
    """A client of the server: transactions, authentication, relayed data."""

    def __init__(
        self,
        server: Address,
        credentials: Credentials | None = None,
        address: str | None = None,
    ):
        super().__init__(address or ("::1" if ":" in server[0] else "127.0.0.1"))
        self.begin(server, credentials)

    def begin(self, server: Address, credentials: Credentials | None) -> None:
        """A session without a challenge and without an allocation yet."""
        self.server = server
        self.credentials = credentials
        self.realm: str | None = None
        self.nonce: bytes | None = None
        self.algorithms: bytes | None = None
        self.relayed: Address | None = None
        self.received: list[Received] = []

    def __exit__(self, *_):
        if self.relayed:
            self.refresh(lifetime=0)
        self.close()

    # Datagrams

    def put(self, data: bytes) -> None:
        """Sends a datagram to the server."""
        self.send(data, self.server)

    def next(self) -> Message | Received:
        """What the server sends next: a message, or relayed data."""
        data, source = self.receive()
        assert source == self.server, f"{source} is not the server"
        if data[0] >> 6 == 1:
            channel, count = struct.unpack_from("!HH", data)
            assert 0 <= len(data) - 4 - count < 4, f"ChannelData of {count} in {len(data)} bytes"
            return Received(data[4 : 4 + count], channel=channel)
        message = parse(data)
        is_data = (message.method, message.message_class) == (Method.DATA, MessageClass.INDICATION)
        if is_data and message.get(Attribute.ICMP) is None:
            payload = message.get(Attribute.DATA)
            return Received(payload, peer=message.address(Attribute.XOR_PEER_ADDRESS))
        return message

    def exchange(self, data: bytes, retries: int = 3) -> Message:
        """Sends a request and returns its answer; relayed data that comes between is kept in `received`."""
        for attempt in range(retries):
            self.put(data)
            self.socket.settimeout(TIMEOUT_SECONDS / retries)
            try:
                while True:
                    found = self.next()
                    if isinstance(found, Received):
                        self.received.append(found)
                    elif found.transaction_id == data[8:20]:
                        return found
            except TimeoutError:
                continue
            finally:
                self.socket.settimeout(TIMEOUT_SECONDS)
        raise TimeoutError(f"no answer to {data[:20].hex()}… of {len(data)} bytes")

    def binding(self) -> Message:
        """A plain Binding transaction."""
        return self.exchange(Builder(Method.BINDING).build())

    def reactions(self, *datagrams: bytes) -> list[Message | Received]:
        """All that the server sends on behalf of some datagrams, nothing when they draw silence."""
        for data in datagrams:
            self.put(data)
        fence = Builder(Method.BINDING).build()
        self.put(fence)
        found = []
        while True:
            reaction = self.next()
            if isinstance(reaction, Message) and reaction.transaction_id == fence[8:20]:
                return found
            found.append(reaction)

    def draws_silence(self, data: bytes) -> bool:
        """Whether the server answers nothing to a datagram."""
        return not self.reactions(data)

    def next_data(self) -> Received:
        """The next relayed datagram."""
        if self.received:
            return self.received.pop(0)
        found = self.next()
        while isinstance(found, Message) and found.get(Attribute.ICMP) is not None:
            found = self.next()
        assert isinstance(found, Received), f"not relayed data: {found}"
        return found

    # Requests

    def learn(self, answer: Message) -> None:
        """Keeps realm, nonce and algorithms of a 401 or 438."""
        self.realm = answer.get(Attribute.REALM).decode()
        self.nonce = answer.get(Attribute.NONCE)
        self.algorithms = answer.get(Attribute.PASSWORD_ALGORITHMS)

    def challenge(self) -> Message:
        """Asks without credentials, keeps what the 401 says."""
        answer = self.exchange(Builder(Method.ALLOCATE).add(Attribute.REQUESTED_TRANSPORT, UDP).build())
        assert answer.code == 401, f"{answer} to an Allocate without credentials"
        self.learn(answer)
        return answer

    @property
    def key(self) -> bytes:
        """The integrity key of this session."""
        return self.credentials.key(self.realm)

    def add_credentials(self, request: Builder) -> Builder:
        """Appends USERNAME or USERHASH, REALM, NONCE and, when used, the password algorithms."""
        credentials = self.credentials
        if credentials.is_anonymous:
            request.add(Attribute.USERHASH, userhash(credentials.username, self.realm))
        else:
            request.add(Attribute.USERNAME, credentials.username.encode())
        request.add(Attribute.REALM, self.realm.encode()).add(Attribute.NONCE, self.nonce)
        if credentials.algorithm is not None:
            request.add(Attribute.PASSWORD_ALGORITHMS, self.algorithms)
            request.add(Attribute.PASSWORD_ALGORITHM, password_algorithms(credentials.algorithm))
        return request

    def sign(self, request: Builder) -> Builder:
        """Appends credentials and integrity."""
        self.add_credentials(request)
        if self.credentials.integrity is not Integrity.SHA256:
            request.add_integrity(self.key)
        if self.credentials.integrity is not Integrity.SHA1:
            request.add_integrity_sha256(self.key)
        return request

    def request(self, request: Builder) -> Message:
        """An authenticated transaction; answers a stale nonce once, checks the integrity of the answer."""
        if self.nonce is None:
            self.challenge()
        answer = self.exchange(self.sign(copy_of(request)).build())
        if answer.code == 438:
            self.learn(answer)
            answer = self.exchange(self.sign(copy_of(request)).build())
        if answer.code not in (400, 401, 438):
            assert answer.has_integrity(self.key), f"{answer} without right integrity"
        return answer

    def allocate_request(self, *attributes: tuple[int, bytes], transport: bytes = UDP) -> Message:
        """An Allocate with further attributes, whatever comes of it."""
        request = Builder(Method.ALLOCATE).add(Attribute.REQUESTED_TRANSPORT, transport)
        for kind, value in attributes:
            request.add(kind, value)
        answer = self.request(request)
        if answer.code is None:
            self.relayed = answer.address(Attribute.XOR_RELAYED_ADDRESS)
        return answer

    def allocate(self, *attributes: tuple[int, bytes]) -> Message:
        """An Allocate that must succeed."""
        answer = self.allocate_request(*attributes)
        assert answer.message_class == MessageClass.SUCCESS, f"{answer} to Allocate"
        return answer

    def refresh(self, lifetime: int | None = None, *attributes: tuple[int, bytes]) -> Message:
        """A Refresh transaction."""
        request = Builder(Method.REFRESH)
        if lifetime is not None:
            request.add(Attribute.LIFETIME, struct.pack("!I", lifetime))
        for kind, value in attributes:
            request.add(kind, value)
        answer = self.request(request)
        if lifetime == 0 and answer.code is None:
            self.relayed = None
        return answer

    def permit(self, *peers: Address) -> Message:
        """A CreatePermission transaction."""
        request = Builder(Method.CREATE_PERMISSION)
        for peer in peers:
            request.add_peer(peer)
        return self.request(request)

    def bind_channel(self, channel: int, peer: Address) -> Message:
        """A ChannelBind transaction."""
        request = Builder(Method.CHANNEL_BIND)
        request.add(Attribute.CHANNEL_NUMBER, struct.pack("!HH", channel, 0)).add_peer(peer)
        return self.request(request)

    # Data

    def send_indication(self, peer: Address, payload: bytes) -> None:
        """A Send indication."""
        indication = Builder(Method.SEND, MessageClass.INDICATION).add_peer(peer)
        self.put(indication.add(Attribute.DATA, payload).build())

    def send_channel_data(self, channel: int, payload: bytes) -> None:
        """A ChannelData message."""
        self.put(channel_data(channel, payload))


def copy_of(request: Builder) -> Builder:
    """The same request with the same transaction id, to be signed without touching the first."""
    copy = Builder(0, 0, request.transaction_id)
    copy.type, copy.cookie, copy.body = request.type, request.cookie, request.body
    return copy


def assert_relays(client: Client, peer: Endpoint) -> None:
    """A random payload goes through the client's allocation to the peer and another comes back."""
    there, back = secrets.token_bytes(100), secrets.token_bytes(101)
    client.send_indication(peer.address, there)
    data, source = peer.receive()
    assert data == there and source == client.relayed
    peer.send(back, client.relayed)
    assert client.next_data().payload == back
