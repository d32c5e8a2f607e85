"""The REST API does what its OpenAPI document says: schemathesis makes the requests, valid ones and others."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema_rs
import pytest
from control_site import Site
from hostile.client import Client, Credentials
from server import Server

ADMIN_TOKEN = "the-token-of-these-tests"
ROOM_KEY = "the-key-of-these-tests"

#: Generous: it takes some 20 s.
LIMIT_SECONDS = 300


@pytest.fixture(scope="module")
def site(only_turnpike_module: None, start_server) -> Iterator[Site]:
    """A server with tokens that the tests know."""
    server = start_server({"control/admin_token": ADMIN_TOKEN, "rooms/token_key": ROOM_KEY})
    yield Site(server)
    assert server.process.poll() is None, f"the server ended\n{server.log_tail()}"
    server.stop()


@pytest.fixture(scope="module")
def only_turnpike_module(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--server") != "turnpike":
        pytest.skip("coturn has no rooms")


def room_token(server: Server, room: str, *options: str) -> str:
    """What `turnpike room-token` prints."""
    command = [str(server.binary()), "room-token", room, "--set", f"rooms/token_key={ROOM_KEY}", *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_everything_the_document_says_is_true(site: Site, pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """Every check of schemathesis over every operation, in all its phases, as the admin."""
    seed = pytestconfig.getoption("--seed") or random.randrange(2**32)
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", site.origin + "/api/openapi.json"),
        *("--header", f"Authorization: Bearer {ADMIN_TOKEN}"),
        # Joining makes a room, also one that was deleted before: what is used after its end may be there again.
        *("--checks", "all", "--exclude-checks", "use_after_free"),
        *("--phases", "examples,coverage,fuzzing,stateful"),
        *("--max-examples", "60", "--seed", str(seed), "--continue-on-failure", "--no-color"),
        *("--request-timeout", "10", "--generation-database", "none"),
    ]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    print(f"seed {seed}\n{run.stdout}\n{run.stderr}")
    assert run.returncode == 0
    # What it says when it could not test at all must not pass for success.
    assert "Tested: 7" in run.stdout, "not every operation was tested"


def test_a_room_token_from_the_command_line_opens_its_room_alone(own_server) -> None:
    """With `rooms/tokens_required` a token is needed, and it is for one room and for some time."""
    server = own_server({"rooms/tokens_required": "1", "rooms/token_key": ROOM_KEY})
    site = Site(server)
    token = room_token(server, "r1")
    assert site.post("/api/v1/rooms/r1/participants").status == 401
    assert site.post("/join/r1").status != 200
    assert site.post("/api/v1/rooms/r2/participants", Authorization=f"Bearer {token}").status == 401
    joined = site.post("/api/v1/rooms/r1/participants", Authorization=f"Bearer {token}")
    assert joined.status == 201
    assert site.joined("r1", f"?token={token}")["is_initiator"] == "false"
    brief = room_token(server, "r1", "--ttl", "1s")
    expiry = int(brief.split(".")[0])
    assert abs(expiry - int(token.split(".")[0]) + 3599) <= 60


def test_who_joined_can_relay_with_the_credentials_it_was_given(site: Site) -> None:
    """The relay accepts what the API hands out, and nobody without a claim is handed anything."""
    joined = site.post(f"/api/v1/rooms/{site.room()}/participants").json()
    [entry] = joined["iceServers"]
    turn = f"turn:127.0.0.1:{site.server.port}?transport="
    assert entry["urls"][0] == turn + "udp"
    assert [url.rsplit("=")[-1] for url in entry["urls"]] == ["udp", "tcp"]
    expiry, user = entry["username"].split(":")
    assert user == f"{joined['room']}.{joined['id']}"
    with Client(site.server.address, Credentials(entry["username"], entry["credential"])) as client:
        client.allocate()
    fresh = site.get(joined["iceServersUrl"].removeprefix(site.origin))
    assert fresh.json()["iceServers"][0]["username"].split(":")[1] == user
    again = site.get(f"/api/v1/ice-servers?room={joined['room']}&client={joined['id']}")
    assert again.status == 200
    # Schemathesis cannot know whom to ask for, so that the schema is checked here.
    components = site.get("/api/openapi.json").json()["components"]
    jsonschema_rs.validate({"$ref": "#/components/schemas/IceConfiguration", "components": components}, again.json())
    assert site.get("/v1alpha/iceconfig").status == 401
    assert site.get("/api/v1/ice-servers?room=r&client=c").status == 401


def test_an_address_behind_a_proxy_is_slowed_down_and_others_are_not(site: Site) -> None:
    """The limit on requests holds for each address that a proxy of this machine names."""
    statuses = [site.get("/api/v1/rooms/r", X_Forwarded_For="203.0.113.1").status for _ in range(150)]
    assert statuses[0] == 404
    assert statuses.count(429) >= 10
    assert site.get("/api/v1/rooms/r", X_Forwarded_For="203.0.113.2").status == 404
    assert site.get("/api/v1/rooms/r").status == 404


def test_paths_of_the_api_that_are_none_are_not_rooms_of_collider(site: Site) -> None:
    """`/api/x` has the shape of `/room/client`, which Collider answers 200."""
    for method in ("GET", "POST", "DELETE"):
        for path in ("/api/x", "/api/v1", "/api/v1/x", "/api/v1/rooms/r/x", "/api/v1/rooms/r/participants/p/x"):
            assert site.ask(method, path, b"{}").status == 404, f"{method} {path}"
    refused = site.ask("PUT", "/api/v1/rooms", b"{}")
    assert refused.status == 405
    assert set(refused.header("Allow").split(", ")) >= {"GET", "POST"}
