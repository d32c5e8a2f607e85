"""The server's companion commands, and the secrets they need, for tests of administration."""

from __future__ import annotations

import json
import subprocess

from server import Server, Turnpike


def command(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    """A companion command of the server, which knows it by its state directory."""
    arguments = [str(Turnpike.binary()), *words, f"--state={server.directory}/state"]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60)


def document(server: Server, *words: str):
    """What a command prints with --json."""
    finished = command(server, *words, "--json")
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def allocations(server: Server) -> list[dict]:
    """What `turnpike allocations` lists."""
    listing = document(server, "allocations")
    assert listing["isComplete"] is True
    return listing["allocations"]


def state_file(server: Server, name: str) -> str:
    """A secret of the state directory."""
    return (server.directory / "state" / name).read_text().strip()
