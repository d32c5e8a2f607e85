"""What is no STUN message draws silence; what is one, is answered small (RFC 8489 5, 6.3 and 14; RFC 7983)."""

from __future__ import annotations

import struct

import pytest
from server import Server

from .client import Client
from .stun import (
    Attribute,
    Builder,
    MessageClass,
    Method,
    message_type,
)


def binding(message_class: int = MessageClass.REQUEST) -> Builder:
    """A Binding message without attributes."""
    return Builder(Method.BINDING, message_class)


def test_binding_answer_is_32_bytes_and_tells_the_source(client: Client) -> None:
    answer = client.binding()
    assert answer.address(Attribute.XOR_MAPPED_ADDRESS) == client.address
    assert len(answer.raw) == 32


def test_binding_answer_over_ipv6_is_44_bytes(server: Server) -> None:
    with Client(server.address_ipv6) as client:
        answer = client.binding()
        assert answer.address(Attribute.XOR_MAPPED_ADDRESS) == client.address
        assert len(answer.raw) == 44


@pytest.mark.parametrize("first", [byte for byte in range(256) if byte != 0])
def test_every_other_first_byte_draws_silence(client: Client, first: int) -> None:
    assert client.draws_silence(bytes([first]) + binding().build()[1:])


@pytest.mark.parametrize("bit", range(32))
def test_wrong_cookie_draws_silence(client: Client, bit: int) -> None:
    message = binding()
    message.cookie ^= 1 << bit
    assert client.draws_silence(message.build())


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 8, 20, 0x7FFF, 0x8000, 0xFFFC, 0xFFFF])
def test_length_field_beyond_the_datagram_draws_silence(client: Client, length: int) -> None:
    assert client.draws_silence(binding().build(length=length))


@pytest.mark.parametrize("extra", [1, 2, 3, 4, 8, 1000])
def test_bytes_beyond_the_length_field_draw_silence(client: Client, extra: int) -> None:
    assert client.draws_silence(binding().build() + bytes(extra))


@pytest.mark.parametrize("length", [1, 2, 3, 5, 6, 7])
def test_odd_length_that_matches_the_datagram_draws_silence(client: Client, length: int) -> None:
    assert client.draws_silence(binding().add_raw(bytes(length)).build())


@pytest.mark.parametrize("count", range(20))
def test_datagram_shorter_than_a_header_draws_silence(client: Client, count: int) -> None:
    assert client.draws_silence(binding().build()[:count])


@pytest.mark.parametrize("count", [1, 4, 5, 1000, 0x7FFF, 0xFFFC, 0xFFFD, 0xFFFE, 0xFFFF])
def test_attribute_that_leaves_the_message_draws_silence(client: Client, count: int) -> None:
    message = binding().add_raw(struct.pack("!HH", Attribute.SOFTWARE, count))
    assert client.draws_silence(message.build())


def test_attribute_that_leaves_the_message_behind_a_good_one_draws_silence(client: Client) -> None:
    message = binding().add(Attribute.SOFTWARE, b"good").add_raw(b"\x80\x22\x00\x08abcd")
    assert client.draws_silence(message.build())


@pytest.mark.parametrize("message_class", [1, 2, 3])
def test_indications_and_answers_draw_silence(client: Client, message_class: int) -> None:
    assert client.draws_silence(binding(message_class).build())


@pytest.mark.parametrize("method", [0, 2, 5, 6, 7, 0xC, 0x80, 0xABC, 0xFFF])
def test_methods_without_a_meaning_as_request_draw_silence(client: Client, method: int) -> None:
    assert client.draws_silence(Builder(method).build())


@pytest.mark.parametrize("method", [3, 4, 7, 8, 9, 0xA])
def test_requests_disguised_as_indications_draw_silence(client: Client, method: int) -> None:
    assert client.draws_silence(Builder(method, MessageClass.INDICATION).build())


def test_unknown_required_attributes_are_listed_with_420(client: Client) -> None:
    message = binding().add(0x7F01, b"abc").add(0x8F01, b"fine").add(0x7F02)
    answer = client.exchange(message.build())
    assert answer.code == 420
    assert answer.unknown_attributes == [0x7F01, 0x7F02]


def test_change_request_is_unknown_without_rfc_5780(client: Client, only_turnpike) -> None:
    answer = client.exchange(binding().add(Attribute.CHANGE_REQUEST, bytes(4)).build())
    assert (answer.code, answer.unknown_attributes) == (420, [Attribute.CHANGE_REQUEST])


def test_answer_to_hundreds_of_unknown_attributes_stays_smaller_than_the_request(client: Client) -> None:
    message = binding()
    for attribute in range(0x7000, 0x7000 + 300):
        message.add(attribute)
    answer = client.exchange(message.build())
    assert answer.code == 420
    assert answer.unknown_attributes[0] == 0x7000
    assert len(answer.raw) <= len(message.build())


def test_unknown_required_attribute_in_an_indication_draws_silence(client: Client) -> None:
    assert client.draws_silence(binding(MessageClass.INDICATION).add(0x7F01).build())


def test_unknown_optional_attributes_do_not_matter(client: Client) -> None:
    message = binding()
    for attribute in range(0x8F00, 0x8F00 + 200):
        message.add(attribute, b"x", padding=0xFF)
    assert client.exchange(message.build()).message_class == MessageClass.SUCCESS


@pytest.mark.parametrize("wrong_by", [1, 0x80000000, 0xFFFFFFFF, 0x5354554E])
def test_wrong_fingerprint_draws_silence(client: Client, wrong_by: int, only_turnpike) -> None:
    assert client.draws_silence(binding().add_fingerprint(wrong_by).build())


def test_right_fingerprint_is_answered_with_one(client: Client) -> None:
    answer = client.exchange(binding().add_fingerprint().build())
    assert answer.types[-1] == Attribute.FINGERPRINT


@pytest.mark.parametrize("count", [0, 1, 3, 5, 8])
def test_fingerprint_of_another_size_draws_silence(client: Client, count: int, only_turnpike) -> None:
    assert client.draws_silence(binding().add(Attribute.FINGERPRINT, bytes(count)).build())


def test_largest_datagram_is_survived(client: Client) -> None:
    client.put(binding().add(Attribute.SOFTWARE, bytes(65000)).build())
    assert client.binding().code is None


def test_message_type_bits_interleave() -> None:
    assert message_type(Method.ALLOCATE, MessageClass.ERROR) == 0x0113
    assert message_type(0xFFF, MessageClass.ERROR) == 0x3FFF
