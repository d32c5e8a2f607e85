"""Third-party authorization (RFC 7635): coturn's client with tokens that it seals itself.

`turnutils_uclient -J` is client and authorization server in one: for each Allocate and Refresh it makes a token under
one of three keys that are built into it, chosen at random, so that a refresh mostly comes with another kid.
"""

from __future__ import annotations

import re
import subprocess

import pytest
from conftest import StartServer
from server import Server, free_port

#: The keys of coturn 4.6.1's client; it takes as many leading bytes of them as the algorithm has.
KEYS = {
    "auth/oauth_keys/north": "A256GCM MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "auth/oauth_keys/union": "A128GCM 0x31323334353637383930313233343536",
    "auth/oauth_keys/oldempire": "A256GCM MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=",
    "auth/server_name": "blackdow.carleon.gov",
    # It signs with 16 of the 20 bytes of its session keys.
    "auth/oauth_short_keys": "1",
}


def start(own_server: StartServer, keys: dict[str, str]) -> Server:
    """A server with keys, over UDP and TCP at the same port."""
    port = free_port()
    return own_server(keys | {"listen/tcp": f"127.0.0.1:{port}"}, port=port)


def run(server: Server, *flags: str) -> subprocess.CompletedProcess:
    """Six clients that send a hundred messages each to one another."""
    common = ("-m", "6", "-n", "100", "-z", "5", "-y", "-c", "-p", str(server.port), "-L", "127.0.0.1")
    return subprocess.run(
        ["turnutils_uclient", "-J", *common, *flags, "127.0.0.1"], capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("flags", [(), ("-s",), ("-t",)], ids=["channels", "send", "tcp"])
def test_tokens_of_all_three_keys_relay(own_server: StartServer, only_turnpike, flags: tuple[str, ...]) -> None:
    """All messages come back, whichever keys the tokens of Allocate and Refresh were sealed with."""
    server = start(own_server, KEYS)
    finished = run(server, *flags)
    output = finished.stdout + finished.stderr
    tail = "\n".join(output.splitlines()[-25:])
    assert finished.returncode == 0, tail
    totals = re.findall(r"tot_send_msgs=(\d+), tot_recv_msgs=(\d+)", output)
    assert totals and totals[-1] == ("600", "600"), tail


def test_a_token_under_a_key_that_is_not_ours_is_refused(own_server: StartServer, only_turnpike) -> None:
    """With other keys of the same names nobody allocates."""
    wrong = {path: re.sub("MD|MT|0x31", lambda match: match[0][:-1] + "4", value) if "keys/" in path else value for path, value in KEYS.items()}
    server = start(own_server, wrong)
    finished = run(server)
    assert finished.returncode != 0
    assert server.counters()["allocations"] == 0
