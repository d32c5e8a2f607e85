"""Seats of a room as browsers see them: full, freed, taken again; and calls that outlive what breaks."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from browser import Browser, Chromium
from browser.calls import Calls, assert_pictures_move, assert_talking, connect, settings, wait_for_state
from browser.fixtures import Launch
from conftest import StartServer
from server import free_port


def test_a_third_visitor_sees_that_the_room_is_full_until_a_tab_is_closed(calls: Calls, launch: Launch):
    first, second, third = launch(Chromium), launch(Chromium), launch(Chromium)
    url = calls.url(calls.new_room())
    connect(first, second, url)
    third.open(url)
    assert third.text("h1") == "Sorry, this room is full."

    close_tab(second)
    wait_for_state(first, "waiting")
    third.click("#retry")
    third.click("#join")
    assert_talking(first, third)


def test_who_hangs_up_can_rejoin(calls: Calls, launch: Launch):
    first, second = launch(Chromium), launch(Chromium)
    connect(first, second, calls.url(calls.new_room()))
    for leaver, stayer in ((second, first), (first, second)):
        leaver.click("#hang-up")
        assert leaver.text("#left-title") == "You have left the call."
        wait_for_state(stayer, "waiting")
        assert stayer.text("#notice") == "The other side hung up."
        leaver.click("#rejoin")
        assert_talking(first, second)


def test_a_reloaded_page_is_a_new_visitor(calls: Calls, launch: Launch):
    first, second = launch(Chromium), launch(Chromium)
    url = calls.url(calls.new_room())
    connect(first, second, url)
    second.open(url)
    # Until the old page has given its seat back, the room is full.
    second.wait_until("return document.querySelector('#join') !== null")
    second.click("#join")
    assert_talking(first, second)


def test_a_crashed_browser_loses_its_seat_after_the_grace(calls: Calls, launch: Launch):
    first, second, third = launch(Chromium), launch(Chromium), launch(Chromium)
    url = calls.url(calls.new_room())
    connect(first, second, url)
    second.kill()
    third.wait_for(lambda: third.open(url) or third.is_shown("#join"), "a free seat")
    third.click("#join")
    assert_talking(first, third)


def test_a_lost_socket_is_opened_again_within_the_grace(calls: Calls, launch: Launch):
    first, second = launch(Chromium), launch(Chromium)
    connect(first, second, calls.url(calls.new_room()))
    seats = [browser.run("return turnpike.session.seatId") for browser in (first, second)]
    cut = subprocess.run(["ss", "-K", "-t", "dport", "=", f":{calls.https_port}"], capture_output=True, text=True)
    if "ESTAB" not in cut.stdout:
        pytest.skip("this kernel cuts no connections")
    for browser in (first, second):
        browser.wait_until("return turnpike.session.isSignalling")
    second.click("#hang-up")
    # The bye comes over the new sockets: both still had their seats.
    wait_for_state(first, "waiting")
    assert seats[0] == first.run("return turnpike.session.seatId")
    forgive_lost_connections(first, second)


def test_a_call_comes_back_after_a_restart_of_the_server(
    call_address: str, own_server: StartServer, launch: Launch, tmp_path: Path
):
    https_port, udp_port = free_port(), free_port()
    wanted = settings(tmp_path, udp_port, https_port)
    calls = Calls(own_server(wanted, port=udp_port), https_port)
    first, second = launch(Chromium), launch(Chromium)
    connect(first, second, calls.url(calls.new_room() + "?it=relay"))
    seats = [browser.run("return turnpike.session.seatId") for browser in (first, second)]
    calls.server.stop()
    own_server(wanted, port=udp_port)
    for browser, seat in zip((first, second), seats, strict=True):
        browser.wait_until("return ![undefined, arguments[0]].includes(turnpike.session.seatId)", seat, seconds=60)
        wait_for_state(browser, "connected", 60)
    assert_pictures_move(first, second)
    forgive_lost_connections(first, second)


def forgive_lost_connections(*browsers: Browser) -> None:
    """Takes those complaints away that a lost connection explains."""
    for browser in browsers:
        explained = re.compile(r"WebSocket|net::ERR_|status of (401|5..)")
        assert [line for line in browser.complaints() if not explained.search(line)] == []


def close_tab(browser: Chromium) -> None:
    """Closes the tab of a call; the browser goes on with another."""
    tab = browser.command("WebDriver:GetWindowHandle")
    other = browser.command("WebDriver:NewWindow", {"type": "tab"})["handle"]
    browser.command("WebDriver:SwitchToWindow", {"handle": tab})
    browser.command("WebDriver:CloseWindow")
    browser.command("WebDriver:SwitchToWindow", {"handle": other})
