"""DTLS 1.2 over UDP as a client, with the datagrams in the test's hands (RFC 6347, RFC 7350)."""

from __future__ import annotations

import socket
import time

from hostile.endpoint import TIMEOUT_SECONDS
from hostile.stun import Address
from OpenSSL import SSL

MTU = 1200


def dtls_context() -> SSL.Context:
    """A client that takes any certificate."""
    context = SSL.Context(SSL.DTLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_NONE, lambda *_: True)
    context.set_options(SSL.OP_NO_QUERY_MTU)
    return context


class Dtls:
    """A DTLS session, one message a record."""

    name = "dtls"
    is_stream = False

    def __init__(self, server: Address, source: str = "", port: int = 0, context: SSL.Context | None = None):
        self.server = server
        self.socket = socket.socket(socket.AF_INET6 if ":" in server[0] else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(TIMEOUT_SECONDS)
        if source or port:
            self.socket.bind((source, port))
        self.socket.connect(server)
        self.session = SSL.Connection(context or dtls_context(), None)
        self.session.set_ciphertext_mtu(MTU)
        self.session.set_connect_state()
        #: What it said to begin with: a hello, and one with the cookie.
        self.hellos: list[bytes] = []
        try:
            self.shake_hands()
        except BaseException:
            self.socket.close()
            raise

    def shake_hands(self) -> None:
        """The handshake; a lost flight is sent again when its time has come (RFC 6347 4.2.4)."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            try:
                self.session.do_handshake()
                return self.flush()
            except SSL.WantReadError:
                self.flush()
            if time.monotonic() > deadline:
                raise TimeoutError("no end of the DTLS handshake")
            self.socket.settimeout(min(self.session.DTLSv1_get_timeout() or 1, 1))
            try:
                self.session.bio_write(self.socket.recv(65536))
            except TimeoutError:
                self.session.DTLSv1_handle_timeout()
            except ConnectionRefusedError:
                time.sleep(0.05)
            finally:
                self.socket.settimeout(TIMEOUT_SECONDS)

    def flush(self) -> None:
        """Sends what the session has to say."""
        while True:
            try:
                datagram = self.session.bio_read(65536)
            except SSL.WantReadError:
                return
            if len(self.hellos) < 2:
                self.hellos.append(datagram)
            self.socket.send(datagram)

    def put(self, data: bytes) -> None:
        """Sends one message."""
        self.session.send(data)
        self.flush()

    def message(self) -> bytes:
        """The next message; raises TimeoutError."""
        while True:
            try:
                return self.session.recv(65536)
            except SSL.WantReadError:
                self.session.bio_write(self.socket.recv(65536))
                continue
            except SSL.ZeroReturnError:
                raise ConnectionResetError("close_notify") from None

    def close(self) -> None:
        """Sends close_notify and closes the socket."""
        try:
            self.session.shutdown()
            self.flush()
        except (SSL.Error, OSError):
            pass
        self.socket.close()
