"""The live page: figures of a call while it goes on, from this machine and, with the token, from another."""

from __future__ import annotations

import re

from browser import Chromium
from browser.calls import Calls, connect
from browser.fixtures import Launch
from server import Server

CHARTED = ("Datagrams", "Relayed", "Allocations", "Dropped", "CPU")

#: The totals at the top, as {title: text}.
TOTALS = """
    return Object.fromEntries([...document.querySelectorAll("#totals div")]
        .map((each) => [each.querySelector("dt").textContent, each.querySelector("dd").textContent]));
"""

TITLES = """
    return [...document.querySelectorAll(".chart figcaption span:first-child")].map((each) => each.textContent);
"""


def test_the_live_page_shows_a_call(calls: Calls, launch: Launch, pytestconfig):
    watcher, first, second = launch(Chromium), launch(Chromium), launch(Chromium)
    watcher.open(f"http://127.0.0.1:{calls.server.control_port}/live")
    watcher.wait_until("return document.querySelector('#link-state').textContent === 'Live'")
    assert watcher.run(TOTALS)["Allocations"] == "0"

    connect(first, second, calls.url(calls.new_room() + "?it=relay"))
    totals = watcher.wait_for(lambda: shown_call(watcher), "figures of the call")
    print(totals)
    titles = watcher.run(TITLES)
    assert titles == list(CHARTED)
    lines = "return document.querySelectorAll('.chart polyline').length"
    assert watcher.run(lines) == len(CHARTED) * int(calls.server.settings["threads/count"])
    assert watcher.text("#threads th") == "Relay 0"
    if folder := pytestconfig.getoption("--screenshots"):
        watcher.wait_until("return document.querySelector('polyline').points.numberOfItems > 15")
        watcher.screenshot(folder / "live.png")


def test_another_machine_needs_the_token(calls: Calls, launch: Launch):
    browser = launch(Chromium)
    browser.open(calls.url("/live"))
    assert browser.is_shown("#token-form") and not browser.is_shown("#figures")
    browser.type("#token", "not-the-token")
    browser.press("Enter")
    browser.wait_until("return document.querySelector('#token-problem').textContent === 'This token is not accepted.'")
    assert all("401" in line for line in browser.complaints())
    browser.type("#token", admin_token(calls.server))
    browser.press("Enter")
    browser.wait_until("return document.querySelector('#link-state').textContent === 'Live'")
    assert browser.is_shown("#figures") and not browser.is_shown("#token-form")


def shown_call(watcher: Chromium) -> dict[str, str] | None:
    """The totals, once they are those of a call."""
    totals = watcher.run(TOTALS)
    datagrams = int(re.sub(r"\D", "", totals["Datagrams"]))
    is_call = totals["Participants"] == "2" and int(totals["Allocations"]) >= 2 and datagrams > 50
    return totals if is_call and "bit/s" in totals["Relayed"] else None


def admin_token(server: Server) -> str:
    """The token that the first start left in the state directory."""
    return (server.directory / "state" / "admin_token").read_text().strip()
