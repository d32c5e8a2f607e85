"""Certificates that change while the server runs: SIGHUP reads them again, and no connection ends."""

from __future__ import annotations

import signal
import ssl
import time
from pathlib import Path

import pytest
from conftest import StartServer
from cryptography import x509
from hostile.client import Credentials
from hostile.endpoint import TIMEOUT_SECONDS, Endpoint
from server import Server

from .certificates import Authority, Certificate
from .client import StreamClient
from .test_messages import CHANNEL, assert_channel_relays
from .transports import Tls, tls_context


@pytest.fixture
def renewable(own_server: StartServer, authority: Authority, tmp_path: Path) -> tuple[Server, Path, Path]:
    """A server whose certificate lies in files of the test."""
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    put_certificate(authority.issue("first"), chain, key)
    return own_server({}, certificate=Certificate(chain, key, 0)), chain, key


def put_certificate(certificate: Certificate, chain: Path, key: Path) -> int:
    """Replaces the files; returns the serial number."""
    chain.write_bytes(certificate.chain.read_bytes())
    key.write_bytes(certificate.key.read_bytes())
    return certificate.serial


def served_serial(server: Server) -> int:
    """The serial number of the certificate a new connection sees."""
    said = ssl.get_server_certificate(server.address_tls)
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
    context = tls_context(version=ssl.TLSVersion.TLSv1_3)
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
