"""Long-term credentials, nonces and password algorithms (RFC 8489 9.2), each check in the RFC's order."""

from __future__ import annotations

import base64
import itertools
import struct
import time

import pytest
from server import Server

from .client import UDP, Client, Credentials, Integrity
from .stun import (
    NONCE_COOKIE,
    Attribute,
    Builder,
    MessageClass,
    Method,
    PasswordAlgorithm,
    password_algorithms,
)

MD5, SHA256 = PasswordAlgorithm.MD5, PasswordAlgorithm.SHA256
OURS = password_algorithms(SHA256, MD5)


def allocate() -> Builder:
    """An Allocate request without credentials."""
    return Builder(Method.ALLOCATE).add(Attribute.REQUESTED_TRANSPORT, UDP)


def refresh(lifetime: int = 600) -> Builder:
    """A Refresh request without credentials."""
    return Builder(Method.REFRESH).add(Attribute.LIFETIME, struct.pack("!I", lifetime))


# The challenge


@pytest.mark.parametrize("method", [Method.ALLOCATE, Method.REFRESH, Method.CREATE_PERMISSION, Method.CHANNEL_BIND])
def test_requests_without_integrity_draw_401(client: Client, method: int) -> None:
    answer = client.exchange(Builder(method).build())
    assert answer.code == 401
    assert answer.get(Attribute.REALM) and answer.get(Attribute.NONCE)
    assert Attribute.MESSAGE_INTEGRITY not in answer.types


def test_unknown_required_attributes_come_after_authentication(client: Client) -> None:
    assert client.exchange(allocate().add(0x7F01).build()).code == 401
    answer = client.request(allocate().add(0x7F01).add(0x7F02, b"abc"))
    assert (answer.code, answer.unknown_attributes) == (420, [0x7F01, 0x7F02])


def test_challenge_offers_algorithms_and_says_so_in_the_nonce(client: Client, only_turnpike) -> None:
    answer = client.challenge()
    nonce = answer.get(Attribute.NONCE)
    assert nonce.startswith(NONCE_COOKIE) and len(nonce) < 128
    features = base64.b64decode(nonce[9:13])
    assert features[0] & 0x80, "password algorithms bit"
    assert not features[0] & 0x40, "a REST secret has to see the name: no username anonymity"
    algorithms = answer.get(Attribute.PASSWORD_ALGORITHMS)
    assert sorted(struct.iter_unpack("!HH", algorithms)) == [(MD5, 0), (SHA256, 0)]
    assert Attribute.SOFTWARE not in answer.types


def test_nonces_of_two_ports_differ(server: Server, alice: Credentials, only_turnpike) -> None:
    with Client(server.address, alice) as one, Client(server.address, alice) as other:
        assert one.challenge().get(Attribute.NONCE) != other.challenge().get(Attribute.NONCE)


# What authenticates


@pytest.mark.parametrize(
    ("algorithm", "integrity", "is_anonymous"),
    list(itertools.product([None, MD5, SHA256], Integrity, [False, True])),
)
def test_every_way_to_authenticate(
    server: Server, alice: Credentials, algorithm, integrity: Integrity, is_anonymous: bool, only_turnpike
) -> None:
    alice.algorithm, alice.integrity, alice.is_anonymous = algorithm, integrity, is_anonymous
    with Client(server.address, alice) as client:
        answer = client.allocate()
        assert answer.has_integrity(client.key)
        if algorithm is None and integrity is Integrity.SHA1:
            assert Attribute.MESSAGE_INTEGRITY in answer.types
        if algorithm is not None and integrity is Integrity.SHA256:
            assert Attribute.MESSAGE_INTEGRITY_SHA256 in answer.types


# What does not


@pytest.mark.parametrize("missing", [Attribute.USERNAME, Attribute.REALM, Attribute.NONCE])
@pytest.mark.parametrize("sha256", [False, True])
def test_integrity_with_a_part_missing_draws_400(client: Client, missing: int, sha256: bool, only_turnpike) -> None:
    client.challenge()
    parts = {
        Attribute.USERNAME: client.credentials.username.encode(),
        Attribute.REALM: client.realm.encode(),
        Attribute.NONCE: client.nonce,
    }
    request = allocate()
    for kind, value in parts.items():
        if kind != missing:
            request.add(kind, value)
    sign = request.add_integrity_sha256 if sha256 else request.add_integrity
    answer = client.exchange(sign(client.key).build())
    assert answer.code == 400
    assert Attribute.NONCE not in answer.types and Attribute.REALM not in answer.types


@pytest.mark.parametrize(
    "wrong",
    [
        Credentials("alice", "Wonderland"),
        Credentials("alice", ""),
        Credentials("nobody", "wonderland"),
        Credentials("bob", "wonderland"),
        Credentials("", "wonderland"),
        Credentials("alice" * 100, "wonderland"),
        Credentials("nobody", "wonderland", SHA256, Integrity.SHA256, is_anonymous=True),
        Credentials("alice", "Wonderland", SHA256, Integrity.BOTH),
    ],
    ids=lambda wrong: f"{wrong.username[:10]}-{wrong.password}-{wrong.integrity.name}",
)
def test_wrong_credentials_draw_401(server: Server, wrong: Credentials) -> None:
    with Client(server.address, wrong) as client:
        answer = client.allocate_request()
        assert answer.code == 401
        assert answer.get(Attribute.REALM) and answer.get(Attribute.NONCE)


@pytest.mark.parametrize("count", [509, 600, 763, 1000])
def test_username_beyond_the_limit_is_refused(server: Server, count: int) -> None:
    with Client(server.address, Credentials("u" * count, "p")) as client:
        assert client.allocate_request().code in (400, 401)


@pytest.mark.parametrize("position", range(0, 20))
def test_any_flipped_bit_of_the_integrity_draws_401(client: Client, position: int) -> None:
    client.challenge()
    data = bytearray(client.sign(allocate()).build())
    data[-20 + position] ^= 1 << position % 8
    assert client.exchange(bytes(data)).code == 401


@pytest.mark.parametrize("position", [0, 15, 16, 31])
def test_any_flipped_bit_of_the_sha256_integrity_draws_401(client: Client, position: int, only_turnpike) -> None:
    client.credentials.integrity = Integrity.SHA256
    client.challenge()
    data = bytearray(client.sign(allocate()).build())
    data[-32 + position] ^= 0x10
    assert client.exchange(bytes(data)).code == 401


def test_sha256_decides_when_both_kinds_are_there(client: Client, only_turnpike) -> None:
    client.challenge()
    request = client.add_credentials(allocate()).add_integrity(client.key)
    request.add_integrity_sha256(b"another key")
    assert client.exchange(request.build()).code == 401


@pytest.mark.parametrize("count", [0, 4, 12, 15, 17, 19])
@pytest.mark.parametrize("kind", [Attribute.MESSAGE_INTEGRITY, Attribute.MESSAGE_INTEGRITY_SHA256])
def test_integrity_of_another_size_does_not_authenticate(client: Client, kind: int, count: int) -> None:
    client.challenge()
    request = client.add_credentials(allocate()).add(kind, bytes(count))
    assert all(reaction.code in (400, 401) for reaction in client.reactions(request.build()))


def test_what_follows_the_integrity_is_not_obeyed(client: Client, only_turnpike) -> None:
    client.allocate()
    request = client.sign(Builder(Method.REFRESH)).add(Attribute.LIFETIME, bytes(4)).add(0x7F01)
    answer = client.exchange(request.build())
    assert answer.code is None and answer.lifetime >= 600
    assert client.refresh(700).lifetime == 700


def test_credentials_behind_the_integrity_do_not_count(client: Client, only_turnpike) -> None:
    client.challenge()
    late = client.add_credentials(Builder(Method.ALLOCATE)).body
    request = allocate().add_integrity(client.key).add_raw(late)
    assert client.exchange(request.build()).code == 400


def test_first_of_duplicate_attributes_wins(client: Client, only_turnpike) -> None:
    client.allocate()
    request = refresh(900).add(Attribute.LIFETIME, bytes(4))
    client.add_credentials(request).add(Attribute.USERNAME, b"bob").add(Attribute.NONCE, b"old")
    answer = client.exchange(request.add_integrity(client.key).build())
    assert answer.code is None and answer.lifetime == 900


# Bid-down


BID_DOWN = {
    "choice-without-list": (None, password_algorithms(SHA256)),
    "list-without-choice": (OURS, None),
    "only-the-weak-one-in-the-list": (password_algorithms(MD5), password_algorithms(MD5)),
    "only-the-strong-one-in-the-list": (password_algorithms(SHA256), password_algorithms(SHA256)),
    "one-more-in-the-list": (OURS + password_algorithms(3), password_algorithms(MD5)),
    "empty-list": (b"", password_algorithms(MD5)),
    "choice-outside-the-list": ("theirs", password_algorithms(3)),
    "parameters-in-the-choice": ("theirs", struct.pack("!HH", 2, 4) + b"salt"),
    "odd-list": (b"\0\2\0", password_algorithms(MD5)),
    "empty-choice": ("theirs", b""),
}


@pytest.mark.parametrize("name", BID_DOWN)
def test_tampered_password_algorithms_draw_400(client: Client, name: str, only_turnpike) -> None:
    client.challenge()
    offered, choice = BID_DOWN[name]
    request = client.add_credentials(allocate())
    if offered is not None:
        request.add(Attribute.PASSWORD_ALGORITHMS, client.algorithms if offered == "theirs" else offered)
    if choice is not None:
        request.add(Attribute.PASSWORD_ALGORITHM, choice)
    assert client.exchange(request.add_integrity(client.key).build()).code == 400


def test_list_in_another_order_draws_400(client: Client, only_turnpike) -> None:
    client.challenge()
    turned = client.algorithms[4:] + client.algorithms[:4]
    request = client.add_credentials(allocate()).add(Attribute.PASSWORD_ALGORITHMS, turned)
    request.add(Attribute.PASSWORD_ALGORITHM, password_algorithms(MD5))
    assert client.exchange(request.add_integrity(client.key).build()).code == 400


def test_nonce_without_its_feature_bits_draws_438(client: Client, only_turnpike) -> None:
    client.challenge()
    client.nonce = NONCE_COOKIE + b"AAAA" + client.nonce[13:]
    assert client.exchange(client.sign(allocate()).build()).code == 438


# Nonces


@pytest.mark.parametrize(
    "nonce",
    [b"", b"x", b"obMatJos2", b"obMatJos2AAAA", b"obMatJos2wAAA" + b"0" * 32, b"n" * 127, b"n" * 1000, b"\0" * 40],
    ids=lambda nonce: f"{nonce[:13]}-{len(nonce)}",
)
def test_made_up_nonce_draws_438(client: Client, nonce: bytes) -> None:
    client.challenge()
    client.nonce = nonce
    answer = client.exchange(client.sign(allocate()).build())
    assert answer.code == 438 or not nonce and answer.code == 400
    if answer.code == 438:
        client.learn(answer)
        client.allocate()


def test_any_flipped_byte_of_the_nonce_draws_438(client: Client) -> None:
    client.challenge()
    good = client.nonce
    for position in range(len(good)):
        client.nonce = good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :]
        assert client.exchange(client.sign(allocate()).build()).code == 438, f"byte {position}"
    client.nonce = good
    client.allocate()


def test_stale_nonce_with_bad_integrity_draws_401(client: Client, only_turnpike) -> None:
    client.challenge()
    client.nonce = b"stale"
    client.credentials.password = "wrong"
    assert client.exchange(client.sign(allocate()).build()).code == 401


def test_request_replayed_from_another_port_draws_438(server: Server, alice: Credentials, only_turnpike) -> None:
    with Client(server.address, alice) as victim, Client(server.address) as thief:
        victim.challenge()
        recorded = victim.sign(allocate()).build()
        answer = victim.exchange(recorded)
        victim.relayed = answer.address(Attribute.XOR_RELAYED_ADDRESS)
        assert answer.message_class == MessageClass.SUCCESS
        assert thief.exchange(recorded).code == 438


def test_nonce_of_a_fleet_is_good_on_each_of_its_servers(own_server, alice: Credentials, only_turnpike) -> None:
    fleet = {"auth/nonce_key": "the same on every server"}
    one, other, stranger = own_server(fleet), own_server(fleet), own_server({})
    with Client(one.address, alice) as client:
        client.challenge()
        for server, code in ((other, None), (stranger, 438)):
            client.server = server.address
            assert client.exchange(client.sign(allocate()).build()).code == code


def test_expired_nonce_draws_438_and_the_session_goes_on(own_server, alice: Credentials, only_turnpike) -> None:
    server = own_server({"auth/nonce_lifetime_s": "10"})
    with Client(server.address, alice) as client:
        client.allocate()
        first, started = client.nonce, time.monotonic()
        while (answer := client.exchange(client.sign(refresh()).build())).code is None:
            assert time.monotonic() < started + 60, "the nonce never expired"
            time.sleep(0.05)
        assert time.monotonic() > started + 8
        assert answer.code == 438
        client.learn(answer)
        assert client.nonce != first
        assert client.refresh(800).lifetime == 800
