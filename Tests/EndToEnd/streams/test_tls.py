"""TLS towards clients: versions, ALPN (RFC 7443), resumption, records cut anywhere, and certificates that change."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import time

import pytest
from conftest import StartServer
from hostile.client import Credentials, assert_relays
from hostile.endpoint import TIMEOUT_SECONDS, Endpoint
from hostile.stun import Builder, Method
from server import Server

from .certificates import Authority, Certificate
from .client import StreamClient
from .test_messages import CHANNEL
from .transports import TURN_PROTOCOL, Tcp, Tls, connect, tls_context

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def serve_old(context: ssl.SSLContext) -> ssl.SSLContext:
    """Lets a client speak what no one should."""
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def s_client(server: Server, *flags: str, data: bytes = b"", port: int | None = None) -> str:
    """What `openssl s_client` says of a connection."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port or server.tls_port}", *flags]
    finished = subprocess.run(command, input=data, capture_output=True, timeout=60)
    return (finished.stdout + finished.stderr).decode(errors="replace")


class Memory:
    """A TLS client over memory: every byte of its stream is in the test's hands."""

    def __init__(self, server: tuple[str, int], context: ssl.SSLContext | None = None):
        self.plain = connect(server)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = (context or tls_context()).wrap_bio(self.incoming, self.outgoing, server_hostname="127.0.0.1")

    def push(self, piece: int) -> None:
        """Sends what the session has to say, in pieces of that size."""
        data = self.outgoing.read()
        for start in range(0, len(data), piece):
            self.plain.sendall(data[start : start + piece])

    def pull(self) -> None:
        """Waits for more of the server's bytes."""
        data = self.plain.recv(65536)
        assert data, "the server closed"
        self.incoming.write(data)

    def shake_hands(self, piece: int) -> None:
        """The handshake, in pieces."""
        while True:
            try:
                self.session.do_handshake()
                return self.push(piece)
            except ssl.SSLWantReadError:
                self.push(piece)
                self.pull()

    def binding(self, piece: int) -> None:
        """A Binding transaction in pieces."""
        request = Builder(Method.BINDING).build()
        self.session.write(request)
        self.push(piece)
        while True:
            try:
                assert self.session.read(4096)[8:20] == request[8:20]
                return
            except ssl.SSLWantReadError:
                self.pull()


# Versions


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_version_is_spoken(server: Server, version: ssl.TLSVersion, authority: Authority) -> None:
    """With a certificate that a client can check."""
    context = tls_context(str(authority.file), version)
    with StreamClient(Tls(server.address_tls, context=context)) as client:
        client.binding()
        assert client.socket.version() == {TLS12: "TLSv1.2", TLS13: "TLSv1.3"}[version]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_version_is_refused(server: Server, version: ssl.TLSVersion, only_turnpike) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)) as refusal:
        Tls(server.address_tls, context=serve_old(tls_context(version=version)))
    assert "PROTOCOL_VERSION" in str(refusal.value)


def test_minimum_version_refuses_what_is_below(
    own_server: StartServer, certificate: Certificate, only_turnpike
) -> None:
    server = own_server({"tls/minimum_version": "1.3"}, certificate=certificate)
    with pytest.raises(ssl.SSLError):
        Tls(server.address_tls, context=tls_context(version=TLS12))
    with StreamClient(Tls(server.address_tls, context=tls_context(version=TLS13))) as client:
        client.binding()


# One port for both


def test_tls_is_spoken_on_the_port_of_tcp(server: Server) -> None:
    with StreamClient(Tls(server.address)) as client:
        client.binding()


def test_plain_stun_is_spoken_on_the_port_of_tls(server: Server) -> None:
    with StreamClient(Tcp(server.address_tls)) as client:
        client.binding()


def test_who_says_nothing_first_may_still_choose(server: Server) -> None:
    """A connection that waits before its first byte is not taken for either."""
    plain = connect(server.address)
    time.sleep(0.2)
    with tls_context().wrap_socket(plain, server_hostname="127.0.0.1") as secure:
        request = Builder(Method.BINDING).build()
        secure.sendall(request)
        assert secure.recv(100)[8:20] == request[8:20]


# ALPN


@pytest.mark.parametrize("offer", [(TURN_PROTOCOL,), ("stun.nat-discovery",), ("x", TURN_PROTOCOL), ()])
def test_alpn_of_stun_is_chosen(server: Server, offer: tuple[str, ...], only_turnpike) -> None:
    """RFC 7443; a client that offers nothing is served too."""
    with StreamClient(Tls(server.address_tls, context=tls_context(protocols=offer))) as client:
        client.binding()
        assert client.socket.selected_alpn_protocol() == (offer[-1] if offer else None)


def test_alpn_of_something_else_is_refused(server: Server, only_turnpike) -> None:
    """With the alert of RFC 7301 3.2."""
    with pytest.raises(ssl.SSLError) as refusal:
        Tls(server.address_tls, context=tls_context(protocols=("smtp", "x-unknown")))
    assert "no application protocol" in str(refusal.value).lower().replace("_", " ")


def test_openssl_sees_the_protocol(server: Server, only_turnpike) -> None:
    said = s_client(server, "-alpn", "stun.turn", "-tls1_3")
    assert "ALPN protocol: stun.turn" in said, said
    assert "no peer certificate" not in said


# Resumption


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_session_is_resumed(server: Server, version: ssl.TLSVersion, only_turnpike) -> None:
    context = tls_context(version=version)
    with StreamClient(Tls(server.address_tls, context=context)) as first:
        first.binding()
        session = first.socket.session
    with StreamClient(Tls(server.address_tls, context=context, session=session)) as second:
        second.binding()
        assert second.socket.session_reused


def test_session_is_resumed_on_any_thread(own_server: StartServer, certificate: Certificate, only_turnpike) -> None:
    """Ticket keys are those of the process."""
    server, context = own_server({"threads/count": "2"}, certificate=certificate), tls_context(version=TLS13)
    session = None
    for attempt in range(12):
        with StreamClient(Tls(server.address_tls, context=context, session=session)) as client:
            client.binding()
            assert client.socket.session_reused or session is None, f"attempt {attempt}"
            session = client.socket.session


# Records


@pytest.mark.parametrize("version", [TLS12, TLS13])
@pytest.mark.parametrize("piece", [1, 2, 7, 100])
def test_records_cut_anywhere(server: Server, piece: int, version: ssl.TLSVersion) -> None:
    client = Memory(server.address_tls, tls_context(version=version))
    client.shake_hands(piece)
    for _ in range(3):
        client.binding(piece)
    client.plain.close()


def test_large_and_many_records(server: Server, alice: Credentials, peer: Endpoint) -> None:
    with StreamClient(Tls(server.address_tls), alice) as client:
        client.allocate()
        client.bind_channel(CHANNEL, peer.address)
        for size in (1, 1000, 1400, 16_300, 16_381, 20_000, 40_000):
            there = os.urandom(size)
            client.send_channel_data(CHANNEL, there)
            assert peer.receive()[0] == there
            back = os.urandom(size + -size % 4)
            peer.send(back, client.relayed)
            assert client.next_data().payload == back


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_a_broken_record_ends_the_connection_with_its_allocation(
    server: Server, version: ssl.TLSVersion, alice: Credentials, bob: Credentials, peer: Endpoint
) -> None:
    with StreamClient(Tls(server.address_tls), bob) as other:
        other.allocate()
        other.permit(peer.address)
        client = Memory(server.address_tls, tls_context(version=version))
        client.shake_hands(1000)
        client.binding(1000)
        client.plain.sendall(b"\x17\x03\x03\x00\x40" + os.urandom(64))
        client.plain.settimeout(TIMEOUT_SECONDS)
        try:
            while client.plain.recv(1000):
                pass
        except ConnectionResetError:
            pass
        assert_relays(other, peer)


def test_renegotiation_is_refused(server: Server, only_turnpike) -> None:
    """TLS 1.2 lets a client ask for handshakes without an end."""
    said = s_client(server, "-tls1_2", data=b"R\n")
    assert "RENEGOTIATING" in said, said[-600:]
    assert "no renegotiation" in said.lower(), said[-600:]


def test_close_notify_is_answered(server: Server, only_turnpike) -> None:
    """RFC 8446 6.1: both sides say that they end."""
    plain = connect(server.address_tls)
    secure = tls_context(version=TLS13).wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False)
    secure.sendall(Builder(Method.BINDING).build())
    assert len(secure.recv(100)) == 32
    assert isinstance(secure.unwrap(), socket.socket)
    plain.close()
