"""Two browsers call each other through the pages, and every byte goes through our relay."""

from __future__ import annotations

import hashlib

import pytest
from administration import allocations, command
from browser import Browser, Chromium, Firefox
from browser.calls import ADDRESS, Calls, assert_pictures_move, connect, join, report, statistics, wait_for_state
from browser.fixtures import Launch

PAIRS = [(Chromium, Chromium), (Chromium, Firefox), (Firefox, Chromium)]
#: Enough to fill several packets and to need more than ASCII.
LINES = [f"{number}: " + "wörter & <tags> 🚦 " * 60 for number in range(40)]


@pytest.mark.parametrize("kinds", PAIRS, ids=lambda kinds: "-".join(kind.name for kind in kinds))
def test_a_call_goes_through_the_relay_only(calls: Calls, launch: Launch, kinds: tuple[type[Browser], ...]):
    caller, callee = (launch(kind) for kind in kinds)
    enter_from_landing_page(caller, calls)
    link = caller.run("return document.querySelector('#link').value")
    assert "it=relay" in link and "tt=udp" in link
    join(callee, link)
    for browser in (caller, callee):
        wait_for_state(browser, "connected")

    assert_pictures_move(caller, callee)
    for browser in (caller, callee):
        assert_relayed(browser)
        report("relay only, UDP", browser)
    assert_texts_arrive(caller, callee)
    assert_texts_arrive(callee, caller)
    assert calls.server.counters()["datagrams_to_peers"] > 100


def test_a_call_without_wishes_goes_direct_on_one_machine(calls: Calls, launch: Launch):
    caller, callee = launch(Chromium), launch(Chromium)
    connect(caller, callee, calls.url(calls.new_room()))
    assert_pictures_move(caller, callee)
    # The relay may have been quicker at first.
    caller.wait_for(lambda: statistics(caller)["route"] == "direct", "a direct route")
    report("direct", caller)


def test_a_page_on_localhost_uses_the_relay_too(calls: Calls, launch: Launch):
    caller, callee = launch(Chromium), launch(Chromium)
    connect(caller, callee, f"http://localhost:{calls.server.control_port}{calls.new_room()}?it=relay")
    assert_pictures_move(caller, callee)
    for browser in (caller, callee):
        assert_relayed(browser)


def test_a_call_that_loses_its_relayed_addresses_restarts_ice(calls: Calls, launch: Launch):
    caller, callee = launch(Chromium), launch(Chromium)
    room = calls.new_room()
    connect(caller, callee, calls.url(f"{room}?it=relay"))
    assert_pictures_move(caller, callee)
    for browser in (caller, callee):
        browser.run("window.firstPeer = turnpike.session.peer")
    of_room = [one for one in allocations(calls.server) if room.removeprefix("/r/") in one["user"]]
    assert {one["relayed"] for one in of_room} >= {relayed_address(browser) for browser in (caller, callee)}
    for one in of_room:
        assert command(calls.server, "allocations", "kick", one["id"]).returncode == 0
    wait_for_state(caller, "reconnecting")
    for browser in (caller, callee):
        wait_for_state(browser, "connected")
        assert browser.run("return turnpike.session.peer === firstPeer"), "the call began anew"
    assert_pictures_move(caller, callee)
    assert relayed_address(caller) not in {one["relayed"] for one in of_room}


def relayed_address(browser: Browser) -> str:
    """The local end of the chosen pair."""
    local = statistics(browser)["local"]
    return f"{local['address']}:{local['port']}"


def enter_from_landing_page(browser: Browser, calls: Calls) -> None:
    """Chooses a room and the relay on the landing page, as a person would."""
    browser.open(calls.url("/"))
    browser.type("#room", calls.new_room().removeprefix("/r/"))
    browser.click("summary")
    for field, value in (("route", "relay"), ("transport", "udp")):
        browser.run("document.getElementById(arguments[0]).value = arguments[1]", field, value)
    browser.click("#join")
    # A room entered from here asks no question.
    wait_for_state(browser, "waiting")


def assert_relayed(browser: Browser) -> None:
    """Both ends of the chosen pair are relayed addresses of ours, reached over UDP."""
    figures = statistics(browser)
    local, remote = figures["local"], figures["remote"]
    assert figures["route"] == "relay"
    assert (local["type"], local["address"]) == ("relay", ADDRESS)
    assert remote["address"] == ADDRESS
    # Firefox keeps "peer-reflexive" for a relayed address that it heard from before it was told of it.
    assert remote["type"] == "relay" or (browser.name == "firefox" and remote["type"] == "prflx")
    assert all(int(end["port"]) >= 49152 for end in (local, remote))
    assert local.get("relayProtocol") == "udp"
    assert set(figures["candidates"]["local"]) == {"relay"}


def assert_texts_arrive(sender: Browser, receiver: Browser) -> None:
    """What one says over the data channel, the other gets byte for byte and in order."""
    wanted = hashlib.sha256("".join(LINES).encode()).hexdigest()
    receiver.run("""
        window.heard = [];
        turnpike.text.addEventListener("chat", ({detail}) => heard.push(detail));
    """)
    sender.run("for (const line of arguments[0]) turnpike.text.say(line)", LINES)
    receiver.wait_until("return heard.length === arguments[0]", len(LINES))
    heard = receiver.run("return heard.join('')")
    assert hashlib.sha256(heard.encode()).hexdigest() == wanted
