"""Fixtures of calls: a server, and browsers that must end without a complaint in their consoles."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest
from server import free_port

from .browser import Browser
from .calls import ADDRESS, Calls, settings

Launch = Callable[[type[Browser]], Browser]


@pytest.fixture(scope="session")
def call_address(pytestconfig: pytest.Config) -> str:
    """An address of this machine that browsers use for calls."""
    if pytestconfig.getoption("--server") != "turnpike":
        pytest.skip("a relay alone has no pages")
    found = subprocess.run(["ip", "-4", "addr"], capture_output=True, text=True)
    if ADDRESS not in found.stdout:
        pytest.skip("needs an address beside loopback: start with Tests/EndToEnd/run")
    return ADDRESS


@pytest.fixture(scope="module")
def calls(call_address: str, start_server: Callable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calls]:
    """One server with pages and a relay for a file of tests."""
    https_port, udp_port = free_port(), free_port()
    wanted = settings(tmp_path_factory.mktemp("certificate"), udp_port, https_port)
    running = start_server(wanted, port=udp_port)
    yield Calls(running, https_port)
    running.stop()


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Starts browsers for one test; none may have complained of a script, a resource or a policy."""
    running: list[Browser] = []

    def start(kind: type[Browser]) -> Browser:
        browser = kind()
        running.append(browser)
        browser.start()
        return browser

    yield start
    complaints = []
    for browser in running:
        try:
            if not browser.has_ended:
                complaints += [f"{browser.name}: {line}" for line in browser.complaints()]
        finally:
            browser.quit()
    assert not complaints, "\n".join(complaints)
