"""Time-limited credentials of the TURN REST convention (draft-uberti-behave-turn-rest)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Iterator

import pytest
from server import REST, SECRET, Server

from .client import Client, Credentials, Integrity
from .stun import PasswordAlgorithm

OLDER_SECRET = "the-man-who-knew-too-much"


@pytest.fixture(scope="module")
def server(start_server) -> Iterator[Server]:
    """A server with two secrets, as while one replaces the other."""
    running = start_server({"auth/secrets/older": OLDER_SECRET, REST: "1"})
    yield running
    running.stop()


def time_limited(seconds: int, user: str = ":dave", secret: str = SECRET) -> Credentials:
    """Credentials that expire so many seconds from now."""
    return credentials_for(f"{int(time.time()) + seconds}{user}", secret)


def credentials_for(username: str, secret: str = SECRET) -> Credentials:
    """The password that belongs to a username."""
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return Credentials(username, base64.b64encode(digest).decode())


@pytest.mark.parametrize("user", [":dave", ""])
def test_unexpired_credentials_allocate(server: Server, user: str) -> None:
    with Client(server.address, time_limited(60, user)) as client:
        client.allocate()


def test_every_secret_counts(server: Server, only_turnpike) -> None:
    with Client(server.address, time_limited(60, secret=OLDER_SECRET)) as client:
        client.allocate()


def test_sha256_works_with_secrets(server: Server, only_turnpike) -> None:
    credentials = time_limited(60)
    credentials.algorithm, credentials.integrity = PasswordAlgorithm.SHA256, Integrity.SHA256
    with Client(server.address, credentials) as client:
        client.allocate()


@pytest.mark.parametrize("seconds", [-1, -3600, -1_000_000_000])
def test_expired_credentials_draw_401(server: Server, seconds: int) -> None:
    with Client(server.address, time_limited(seconds)) as client:
        assert client.allocate_request().code == 401


@pytest.mark.parametrize(
    "username",
    ["dave", ":dave", "-1:dave", "0:dave", " 9999999999:dave", "0x7fffffff:dave", "99999999999999999999999999:dave"],
)
def test_username_without_a_sound_time_draws_401(server: Server, username: str, only_turnpike) -> None:
    with Client(server.address, credentials_for(username)) as client:
        assert client.allocate_request().code == 401


def test_password_of_another_secret_draws_401(server: Server) -> None:
    with Client(server.address, time_limited(60, secret="psycho")) as client:
        assert client.allocate_request().code == 401


def test_running_allocation_outlives_its_credentials(server: Server, only_turnpike) -> None:
    credentials = time_limited(4)
    expiry = int(credentials.username.split(":")[0])
    with Client(server.address, credentials) as client, Client(server.address, credentials) as late:
        client.allocate()
        while time.time() <= expiry + 1:
            assert client.refresh(600).code is None
            time.sleep(0.05)
        assert client.refresh(600).code is None
        assert client.permit(("127.0.0.2", 9)).code is None
        assert late.allocate_request().code == 401
