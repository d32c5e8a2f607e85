"""Every resource runs out one day: the right code or a counted drop, and service goes on (RFC 8656 7.2, 8.1)."""

from __future__ import annotations

import signal
import subprocess
from contextlib import ExitStack

from server import Server, free_port

from .client import Client, Credentials, assert_relays
from .endpoint import Endpoint
from .stun import Attribute, Message

#: Port ranges here are below the kernel's own choice, so that no client's port falls into them.
EVEN = (Attribute.EVEN_PORT, b"\0")
EVEN_AND_NEXT = (Attribute.EVEN_PORT, b"\x80")


class Crowd(ExitStack):
    """Clients of one server, closed together."""

    def __init__(self, server: Server, credentials: Credentials):
        super().__init__()
        self.server, self.credentials = server, credentials

    def allocate(self, *attributes, credentials: Credentials | None = None) -> tuple[Client, Message]:
        """One more client, and the answer to its Allocate."""
        client = self.enter_context(Client(self.server.address, credentials or self.credentials))
        return client, client.allocate_request(*attributes)


# Quotas


def test_quota_of_a_user_draws_486(own_server, alice: Credentials, bob: Credentials, only_turnpike) -> None:
    with Crowd(own_server({"limits/allocations_per_user": "3"}), alice) as crowd:
        clients = [crowd.allocate() for _ in range(3)]
        assert all(answer.code is None for _, answer in clients)
        refused, answer = crowd.allocate()
        assert answer.code == 486
        assert crowd.allocate(credentials=bob)[1].code is None
        assert clients[0][0].refresh(0).code is None
        refused.allocate()
        assert crowd.allocate()[1].code == 486


def test_quota_of_all_draws_486(own_server, alice: Credentials, bob: Credentials, only_turnpike) -> None:
    with Crowd(own_server({"limits/allocations": "4"}), alice) as crowd:
        clients = [crowd.allocate() for _ in range(4)]
        assert all(answer.code is None for _, answer in clients)
        assert crowd.allocate()[1].code in (486, 508)
        assert crowd.allocate(credentials=bob)[1].code in (486, 508)
        clients[0][0].refresh(0)
        assert crowd.allocate()[1].code is None


def test_quota_is_not_lost_on_odd_paths(own_server, alice: Credentials, only_turnpike) -> None:
    """Refused, retransmitted and deleted allocations leave the user's count where it was."""
    with Crowd(own_server({"limits/allocations_per_user": "2"}), alice) as crowd:
        for _ in range(20):
            client, answer = crowd.allocate(EVEN_AND_NEXT)
            assert answer.code is None
            assert client.allocate_request().code == 437
            client.relayed = answer.address(Attribute.XOR_RELAYED_ADDRESS)
            assert crowd.allocate((Attribute.RESERVATION_TOKEN, b"unknown!"))[1].code == 508
            assert client.refresh(0).code is None
        assert [crowd.allocate()[1].code for _ in range(3)] == [None, None, 486]


# Ports


def test_exhausted_port_range_draws_508(own_server, alice: Credentials) -> None:
    with Crowd(own_server({"relay/ports": "28000-28003"}), alice) as crowd, Endpoint("127.0.0.2") as peer:
        clients = [crowd.allocate() for _ in range(4)]
        assert sorted(client.relayed[1] for client, _ in clients) == [28000, 28001, 28002, 28003]
        for _ in range(3):
            assert crowd.allocate()[1].code == 508
        for client, _ in clients:
            client.permit(peer.address)
            assert_relays(client, peer)


def test_exhausted_pairs_draw_508(own_server, alice: Credentials, only_turnpike) -> None:
    with Crowd(own_server({"relay/ports": "28000-28003"}), alice) as crowd:
        assert [crowd.allocate(EVEN_AND_NEXT)[1].code for _ in range(3)] == [None, None, 508]
        assert crowd.allocate(EVEN)[1].code == 508
        assert crowd.allocate()[1].code == 508, "the odd ports are reserved"


def test_even_port_without_reservation_leaks_no_port(own_server, alice: Credentials) -> None:
    with Crowd(own_server({"relay/ports": "28000-28003"}), alice) as crowd:
        assert [crowd.allocate(EVEN)[1].code for _ in range(2)] == [None, None]
        assert crowd.allocate(EVEN)[1].code == 508
        assert [crowd.allocate()[1].code for _ in range(3)] == [None, None, 508]


def test_port_in_use_by_somebody_else_is_passed_over(own_server, alice: Credentials) -> None:
    with Endpoint("127.0.0.1", port=28006), Crowd(own_server({"relay/ports": "28004-28007"}), alice) as crowd:
        clients = [crowd.allocate() for _ in range(4)]
        ports = {client.relayed[1] for client, answer in clients if answer.code is None}
        assert ports == {28004, 28005, 28007}
        assert clients[-1][1].code == 508


# Descriptors and buffers


def test_exhausted_descriptors_draw_508(own_server, alice: Credentials, only_turnpike) -> None:
    server = own_server({}, descriptors=256)
    with Crowd(server, alice) as crowd, Endpoint("127.0.0.2") as peer:
        clients = [crowd.allocate() for _ in range(300)]
        codes = [answer.code for _, answer in clients]
        assert set(codes) == {None, 508} or set(codes) == {None, 486}
        assert codes.count(None) >= 150
        assert server.answers_binding(timeout_seconds=5)
        lucky = [client for client, answer in clients if answer.code is None]
        for client in (lucky[0], lucky[-1]):
            client.permit(peer.address)
            assert_relays(client, peer)
        for client in lucky[:20]:
            client.refresh(0)
        assert [crowd.allocate()[1].code for _ in range(10)] == [None] * 10


def test_fewest_buffers_still_relay(own_server, alice: Credentials, only_turnpike) -> None:
    server = own_server({"buffers/count": "16"})
    with Crowd(server, alice) as crowd, Endpoint("127.0.0.2") as peer:
        clients = [crowd.allocate()[0] for _ in range(8)]
        for client in clients:
            client.bind_channel(0x4000, peer.address)
        for _ in range(20):
            for client in clients:
                for _ in range(50):
                    client.send_channel_data(0x4000, bytes(1000))
            clients[0].binding()
            peer.pending()
        for client in clients:
            client.send_channel_data(0x4000, b"after all that")
            assert peer.receive() == (b"after all that", client.relayed)
            peer.send(b"back", client.relayed)
            assert client.next_data().payload == b"back"


def test_datagram_larger_than_a_buffer_is_not_relayed_cut(own_server, alice: Credentials, only_turnpike) -> None:
    server, payload = own_server({"buffers/size": "2048"}), bytes(40_000)
    with Client(server.address, alice) as client, Endpoint("127.0.0.2") as peer:
        client.allocate()
        client.bind_channel(0x4000, peer.address)
        client.send_channel_data(0x4000, payload)
        peer.send(payload, client.relayed)
        client.send_channel_data(0x4000, b"next")
        assert peer.receive()[0] in (payload, b"next")
        peer.send(b"next", client.relayed)
        assert client.next_data().payload in (payload, b"next")


# Those who do not read


def test_stopped_peer_does_not_hurt_others(own_server, alice: Credentials) -> None:
    server, port = own_server({}), free_port()
    stopped = subprocess.Popen(["turnutils_peer", "-L", "127.0.0.4", "-p", str(port)], stdout=subprocess.DEVNULL)
    try:
        with Crowd(server, alice) as crowd, Endpoint("127.0.0.2") as peer:
            (busy, _), (quiet, _) = crowd.allocate(), crowd.allocate()
            busy.bind_channel(0x4000, ("127.0.0.4", port))
            quiet.permit(peer.address)
            stopped.send_signal(signal.SIGSTOP)
            for _ in range(50):
                for _ in range(200):
                    busy.send_channel_data(0x4000, bytes(1200))
                assert_relays(quiet, peer)
            stopped.send_signal(signal.SIGCONT)
            assert busy.refresh(600).code is None
            busy.pending()
    finally:
        stopped.kill()
        stopped.wait()


def test_client_that_does_not_read_does_not_hurt_others(server: Server, alice: Credentials) -> None:
    with Crowd(server, alice) as crowd, Endpoint("127.0.0.2") as peer, Endpoint("127.0.0.3") as flooder:
        (deaf, _), (quiet, _) = crowd.allocate(), crowd.allocate()
        deaf.bind_channel(0x4000, flooder.address)
        quiet.permit(peer.address)
        for _ in range(50):
            for _ in range(200):
                flooder.send(bytes(1200), deaf.relayed)
            assert_relays(quiet, peer)
        deaf.pending()
        assert deaf.refresh(600).code is None


def test_bandwidth_cap_drops_what_is_above(own_server, alice: Credentials, only_turnpike) -> None:
    """10 kB/s, and a burst that lets the largest datagram through."""
    server = own_server({"limits/bandwidth_per_allocation": "10k"})
    with Crowd(server, alice) as crowd, Endpoint("127.0.0.2") as peer:
        (greedy, _), (modest, _) = crowd.allocate(), crowd.allocate()
        greedy.bind_channel(0x4000, peer.address)
        modest.permit(peer.address)
        for _ in range(400):
            greedy.send_channel_data(0x4000, bytes(1000))
        greedy.binding()
        assert 1 <= len(peer.pending()) <= 80
        assert_relays(modest, peer)
