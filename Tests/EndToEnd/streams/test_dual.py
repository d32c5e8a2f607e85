"""One allocation for both families, over every transport (RFC 8656 7.1 and 7.2)."""

from __future__ import annotations

import secrets

from hostile.client import Credentials
from hostile.endpoint import Endpoint
from hostile.stun import Attribute, unxor_address

from .conftest import Way, all_ways

BOTH = (Attribute.ADDITIONAL_ADDRESS_FAMILY, b"\2\0\0\0")


@all_ways
def test_a_dual_allocation_relays_both_families(
    way: Way, alice: Credentials, peer: Endpoint, peer_ipv6: str, only_turnpike
) -> None:
    """coturn takes the attribute by a number of its own."""
    with way.client(alice) as client, Endpoint(peer_ipv6) as other:
        answer = client.allocate(BOTH)
        values = [value for kind, value, _ in answer.attributes if kind == Attribute.XOR_RELAYED_ADDRESS]
        relayed = [unxor_address(value, answer.transaction_id) for value in values]
        assert [host for host, _ in relayed] == ["127.0.0.1", "::1"]
        assert client.permit(peer.address, other.address).code is None
        for number, (endpoint, source) in enumerate(zip((peer, other), relayed, strict=True)):
            there, back = secrets.token_bytes(77), secrets.token_bytes(78)
            client.send_indication(endpoint.address, there)
            assert endpoint.receive() == (there, source)
            endpoint.send(back, source)
            found = client.next_data()
            assert (found.payload, found.peer) == (back, endpoint.address)
            assert client.bind_channel(0x4000 + number, endpoint.address).code is None
            client.send_channel_data(0x4000 + number, there)
            assert endpoint.receive() == (there, source)
