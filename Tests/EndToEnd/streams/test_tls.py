"""TLS towards clients: versions, ALPN (RFC 7443), resumption, records cut anywhere, and certificates that change."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import StartServer
from hostile.client import Client, Credentials, assert_relays
from hostile.endpoint import TIMEOUT_SECONDS, Endpoint
from hostile.stun import Builder, Method
from server import Server

from .certificates import Authority, Certificate
from .client import StreamClient
from .test_messages import assert_channel_relays, CHANNEL
from .transports import TURN_PROTOCOL, Tcp, Tls, connect, tls_context

#: What OpenSSL keeps for a handshake is more than what it keeps for an idle connection.
HANDSHAKE_LIMIT_KILOBYTES = 64
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def serve_old(context: ssl.SSLContext) -> ssl.SSLContext:
    """Lets a client speak what no one should."""
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def s_client(server: Server, *flags: str, data: bytes = b"", port: int | None = None) -> str:
    """What `openssl s_client` says of a connection."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port or server.tls_port}", *flags]
    finished = subprocess.run(command, input=data, capture_output=True, timeout=20)
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


def test_minimum_version_refuses_what_is_below(own_server: StartServer, certificate: Certificate, only_turnpike) -> None:
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
    said = s_client(server, "-alpn", "stun.turn", "-tls1_3", "-brief")
    assert "ALPN protocol: stun.turn" in said or "ALPN: stun.turn" in said or "TLSv1.3" in said, said
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


@pytest.mark.parametrize(
    "hello",
    [
        b"\x16\x03\x01\xff\xff" + bytes(100),
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff" + bytes(100),
        b"\x16\x03\x01\x00\x00" * 50,
        b"\x16\x03\x01\x40\x00\x01\x00\xff\xff\x03\x03" + bytes(70_000),
        b"\x16" + bytes(300),
        b"\x16\x03\x01\x00\x02\x02\x28" + bytes(20),
    ],
    ids=["record-too-long", "hello-too-long", "empty-records", "endless-hello", "zeros", "fatal-alert"],
)
def test_a_broken_client_hello_is_refused(server: Server, hello: bytes, only_turnpike) -> None:
    """With an alert at most; a new client is served at once."""
    transport = Tcp(server.address_tls)
    try:
        transport.put(hello)
    except ConnectionError:
        pass
    rest = transport.rest()
    assert rest is not None, "stays open"
    assert rest == b"" or rest[0] == 0x15, rest[:40]
    transport.close()
    with StreamClient(Tls(server.address_tls)) as client:
        client.binding()


def test_renegotiation_is_refused(server: Server, only_turnpike) -> None:
    """TLS 1.2 lets a client ask for handshakes without an end."""
    said = s_client(server, "-tls1_2", data=b"R\n")
    assert "RENEGOTIATING" not in said or "no renegotiation" in said.lower() or "alert" in said.lower(), said[-600:]


# Slow ones


def test_slow_handshakes_do_not_delay_an_honest_one(
    own_server: StartServer, certificate: Certificate, alice: Credentials, peer: Endpoint, only_turnpike
) -> None:
    """300 clients in the midst of a handshake cost little, are gone when their time is over, and nobody waits for them."""
    server = own_server({"limits/connection_idle_s": "2"}, certificate=certificate)
    hello = client_hello()
    before = server.resident_kilobytes
    slow = [connect(server.address_tls) for _ in range(300)]
    for number, one in enumerate(slow):
        one.sendall(hello[: 5 + number % (len(hello) - 6)])
    with StreamClient(Tls(server.address_tls), alice) as client:
        client.allocate()
        client.bind_channel(CHANNEL, peer.address)
        assert_channel_relays(client, peer)
        growth = server.resident_kilobytes - before
        for one in slow:
            one.settimeout(10)
            try:
                while one.recv(1000):
                    pass
            except ConnectionResetError:
                pass
            one.close()
        assert_channel_relays(client, peer)
    assert growth <= 300 * HANDSHAKE_LIMIT_KILOBYTES, f"{growth} kB"


def client_hello() -> bytes:
    """The first record of a TLS client."""
    outgoing = ssl.MemoryBIO()
    session = tls_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


# Certificates that change


@pytest.fixture
def renewable(own_server: StartServer, authority: Authority, tmp_path: Path) -> Iterator[tuple[Server, Path, Path]]:
    """A server whose certificate lies in files of the test."""
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    put_certificate(authority.issue("first"), chain, key)
    yield own_server({}, certificate=Certificate(chain, key, 0)), chain, key


def put_certificate(certificate: Certificate, chain: Path, key: Path) -> int:
    """Replaces the files; returns the serial number."""
    chain.write_bytes(certificate.chain.read_bytes())
    key.write_bytes(certificate.key.read_bytes())
    return certificate.serial


def served_serial(server: Server) -> int:
    """The serial number of the certificate a new connection sees."""
    said = ssl.get_server_certificate(server.address_tls)
    from cryptography import x509

    return x509.load_pem_x509_certificate(said.encode()).serial_number


def wait_for_serial(server: Server, serial: int) -> None:
    """Returns once new connections see a certificate."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while served_serial(server) != serial:
        assert time.monotonic() < deadline, f"still the old certificate\n{server.log_tail()}"
        time.sleep(0.02)


def test_sighup_takes_a_new_certificate_and_drops_no_connection(
    renewable: tuple[Server, Path, Path], authority: Authority, alice: Credentials, peer: Endpoint, only_turnpike
) -> None:
    server, chain, key = renewable
    context = tls_context(str(authority.file))
    with StreamClient(Tls(server.address_tls, context=context), alice) as old:
        old.allocate()
        old.bind_channel(CHANNEL, peer.address)
        for number in range(5):
            serial = put_certificate(authority.issue(f"renewed-{number}"), chain, key)
            server.process.send_signal(signal.SIGHUP)
            wait_for_serial(server, serial)
            assert_channel_relays(old, peer)
        with StreamClient(Tls(server.address_tls, context=context), alice) as new:
            new.binding()


def test_a_session_is_resumed_across_a_new_certificate(
    renewable: tuple[Server, Path, Path], authority: Authority, only_turnpike
) -> None:
    server, chain, key = renewable
    context = tls_context(version=TLS13)
    with StreamClient(Tls(server.address_tls, context=context)) as first:
        first.binding()
        session = first.socket.session
    serial = put_certificate(authority.issue("renewed"), chain, key)
    server.process.send_signal(signal.SIGHUP)
    wait_for_serial(server, serial)
    with StreamClient(Tls(server.address_tls, context=context, session=session)) as second:
        second.binding()
        assert second.socket.session_reused


def test_a_broken_certificate_leaves_the_old_one_and_is_said(
    renewable: tuple[Server, Path, Path], authority: Authority, alice: Credentials, peer: Endpoint, only_turnpike
) -> None:
    server, chain, key = renewable
    before = served_serial(server)
    with StreamClient(Tls(server.address_tls), alice) as client:
        client.allocate()
        client.bind_channel(CHANNEL, peer.address)
        seen = len(server.log_text())
        chain.write_text("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n")
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while str(chain) not in server.log_text()[seen:]:
            assert time.monotonic() < deadline, f"nothing said\n{server.log_tail()}"
            time.sleep(0.02)
        assert served_serial(server) == before
        assert_channel_relays(client, peer)
        serial = put_certificate(authority.issue("mended"), chain, key)
        server.process.send_signal(signal.SIGHUP)
        wait_for_serial(server, serial)


def test_close_notify_is_answered(server: Server, only_turnpike) -> None:
    """RFC 8446 6.1: both sides say that they end."""
    plain = connect(server.address_tls)
    secure = tls_context(version=TLS13).wrap_socket(plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False)
    secure.sendall(Builder(Method.BINDING).build())
    assert len(secure.recv(100)) == 32
    assert isinstance(secure.unwrap(), socket.socket)
    plain.close()


def test_udp_goes_on_beside_a_handshake_storm(
    server: Server, bob: Credentials, peer: Endpoint
) -> None:
    """Full handshakes one after the other for a second; no datagram of somebody else is lost."""
    context = tls_context(version=TLS12)
    with Client(server.address, bob) as client:
        client.allocate()
        client.permit(peer.address)
        deadline, count = time.monotonic() + 1, 0
        while time.monotonic() < deadline:
            Tls(server.address_tls, context=context).close()
            assert_relays(client, peer)
            count += 1
        assert count >= 10
