"""What a person does with the pages: names, keys, devices, a phone, dark and light."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import Browser, Chromium, Firefox
from browser.calls import Calls, connect, join, wait_for_state
from browser.fixtures import Launch

PAGES = ["/", "/params.html", "/live", "/r/some-room"]
PROBLEM = "document.querySelector('#room-problem').textContent"

#: Text whose contrast with what is behind it is below 4.5 (WCAG 2.2, 1.4.3), as a list of what it says.
FAINT_TEXTS = """
    const rgb = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const luminance = (colour) => {
        const [r, g, b] = rgb(colour).map((value) => value / 255)
            .map((value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (element) => {
        for (let each = element; each; each = each.parentElement) {
            const colour = getComputedStyle(each).backgroundColor;
            if ((rgb(colour)[3] ?? 1) > 0.9) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    return [...document.querySelectorAll("body *")]
        .filter((element) => element.checkVisibility({visibilityProperty: true}))
        .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
        .map((element) => {
            const pair = [getComputedStyle(element).color, ground(element)].map(luminance);
            const [light, dark] = pair.sort((a, b) => b - a);
            return [(light + 0.05) / (dark + 0.05), element.textContent.trim()];
        })
        .filter(([contrast]) => contrast < 4.5);
"""

#: Controls without a name for those who cannot see them.
NAMELESS = """
    return [...document.querySelectorAll("button, a, input, select, video, dialog, aside")]
        .filter((element) => !element.labels?.length && !element.textContent.trim())
        .filter((element) => !element.hasAttribute("aria-label") && !element.hasAttribute("aria-labelledby"))
        .map((element) => element.outerHTML);
"""


def test_the_landing_page_refuses_bad_names_and_remembers_good_ones(calls: Calls, launch: Launch):
    browser = launch(Chromium)
    browser.open(calls.url("/"))
    suggested = browser.run("return document.querySelector('#room').value")
    assert suggested.isdigit() and len(suggested) == 9
    for name, problem in (("abcd", "5 characters"), ("room/../x", "Only letters"), ("fünf-zeichen", "Only letters")):
        browser.type("#room", name)
        assert problem in browser.run(f"return {PROBLEM}")
        assert browser.run("return document.querySelector('#join').disabled")
    for name in ("first-room", "second-room"):
        browser.type("#room", name)
        browser.press("Enter")
        wait_for_state(browser, "waiting")
        assert browser.run("return location.pathname") == f"/r/{name}"
        browser.open(calls.url("/"))
    rooms = browser.run("return [...document.querySelectorAll('#recent-rooms a')].map((link) => link.textContent)")
    assert rooms == ["second-room", "first-room"]
    browser.click("#forget")
    assert not browser.is_shown("#recent")


@pytest.mark.parametrize("kind", [Chromium, Firefox], ids=lambda kind: kind.name)
def test_a_call_can_be_led_with_the_keyboard(calls: Calls, launch: Launch, kind: type[Browser]):
    browser = launch(kind)
    browser.open(calls.url(calls.new_room()))
    browser.press("Enter")
    wait_for_state(browser, "waiting")
    for key, source in (("m", "microphone"), ("Space", "microphone"), ("c", "camera")):
        was_on = browser.run("return turnpike.media.state[arguments[0]]", source)
        browser.press(key)
        browser.wait_until("return turnpike.media.state[arguments[0]] !== arguments[1]", source, was_on)
        pressed = browser.run("return document.getElementById(arguments[0]).ariaPressed", source)
        assert pressed == str(not was_on).lower()
    browser.press("i")
    assert browser.is_shown("#info")
    browser.press("t")
    assert browser.is_shown("#chat") and not browser.is_shown("#info")
    # In a field a key is a letter.
    browser.press("q", "m")
    assert browser.run("return document.querySelector('#chat-text').value") == "qm"
    browser.press("Escape")
    assert browser.run("return document.activeElement.id") == "chat-toggle"
    browser.press("q")
    wait_for_state(browser, "left")
    assert browser.run("return document.activeElement.id") == "rejoin"
    browser.press("Enter")
    wait_for_state(browser, "waiting")


def test_a_call_without_a_camera_is_joined_with_the_voice(calls: Calls, launch: Launch):
    first, second = launch(Chromium), launch(Chromium)
    url = calls.url(calls.new_room())
    first.open(url)
    first.click("#with-camera")
    first.click("#join")
    wait_for_state(first, "waiting")
    join(second, url)
    for browser in (first, second):
        wait_for_state(browser, "connected")
    assert first.run("return turnpike.media.state") == {"microphone": True, "camera": False, "screen": False}
    second.wait_until("return document.querySelector('#portrait-text').checkVisibility()")
    # The camera comes later, without another offer.
    first.click("#camera")
    second.wait_until("return document.querySelector('#remote').checkVisibility()")
    second.wait_until("return turnpike.statistics().then(({video}) => video.received?.frames > 10)")


def test_a_shared_screen_takes_the_cameras_place(calls: Calls, launch: Launch):
    first, second = launch(Chromium), launch(Chromium)
    connect(first, second, calls.url(calls.new_room()))
    first.click("#screen")
    first.wait_until("return turnpike.media.state.screen")
    sent = "return turnpike.session.peer.connection.getSenders().find(({track}) => track?.kind === 'video').track.id"
    assert first.run(sent) == first.run("return turnpike.media.screen.id")
    first.click("#screen")
    first.wait_until("return !turnpike.media.state.screen")
    assert first.run(sent) == first.run("return turnpike.media.camera.id")


def test_pages_fit_a_narrow_phone_and_can_be_read(calls: Calls, launch: Launch):
    browser = launch(Chromium)
    for path in PAGES:
        for scheme in ("light", "dark"):
            emulate(browser, 320, 640, scheme)
            browser.open(calls.url(path))
            assert browser.run("return document.documentElement.scrollWidth") <= 320, path
            assert browser.run(FAINT_TEXTS) == [], f"{path}, {scheme}"
            assert browser.run(NAMELESS) == [], path


def test_the_watch_for_complaints_sees_them(calls: Calls):
    for kind in (Chromium, Firefox):
        with kind() as browser:
            browser.open(calls.url("/"))
            assert browser.complaints() == []
            browser.run("document.body.setAttribute('style', 'color: red')")
            browser.run("setTimeout(() => { throw new Error('as expected') })")
            seen: list[str] = []
            browser.wait_for(lambda: seen.extend(browser.complaints()) or len(seen) >= 2, f"complaints beside {seen}")
            assert any("as expected" in line for line in seen)
            assert any("style-src" in line for line in seen)


def test_pictures_of_every_page(calls: Calls, launch: Launch, pytestconfig: pytest.Config, tmp_path: Path):
    folder = pytestconfig.getoption("--screenshots") or tmp_path
    folder.mkdir(exist_ok=True)
    first, second = launch(Chromium), launch(Chromium)
    emulate(first, 1100, 700, "light")
    for path, name in (("/", "landing"), ("/params.html", "parameters"), ("/r/friday-meeting", "ask")):
        first.open(calls.url(path))
        first.screenshot(folder / f"{name}.png")
    connect(first, second, calls.url("/r/friday-meeting?it=relay"))
    emulate(second, 390, 780, "dark")
    second.press("t")
    second.type("#chat-text", "Can you hear me?")
    second.press("Enter")
    first.wait_until("return document.querySelectorAll('#messages li').length === 1")
    first.run("turnpike.text.say('Loud and clear.')")
    first.press("i")
    first.wait_until("return document.querySelector('#figures').textContent.includes('frames/s')")
    first.screenshot(folder / "call.png")
    second.screenshot(folder / "call-phone.png")
    third = launch(Chromium)
    emulate(third, 1100, 700, "light")
    third.open(calls.url("/r/friday-meeting"))
    third.screenshot(folder / "full.png")
    second.click("#hang-up")
    wait_for_state(first, "waiting")
    first.press("i")
    first.screenshot(folder / "waiting.png")
    for picture in folder.glob("*.png"):
        assert 5_000 < picture.stat().st_size < 200_000, picture


def emulate(browser: Browser, width: int, height: int, scheme: str) -> None:
    """A window of a size, in a light or dark system."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    for command, parameters in (
        ("Emulation.setDeviceMetricsOverride", metrics),
        ("Emulation.setEmulatedMedia", {"features": features}),
    ):
        browser.command("Chromium:DevTools", {"cmd": command, "params": parameters})
