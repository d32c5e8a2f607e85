"""A server that browsers can call through, and what a test looks at on both sides of a call."""

from __future__ import annotations

import datetime
import ipaddress
import itertools
import json
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from server import Server

from .browser import Browser

#: The address `run` gives the second interface of its network namespace.
ADDRESS = "192.168.83.2"
ROOM_NUMBERS = itertools.count(1)
#: How long a call may take on a busy machine; it takes well under a second on an idle one.
CONNECT_SECONDS = 45


def certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for the address, and its key, as PEM files: pages without https get no camera."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "turnpike test")])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))]), critical=False)
    )
    chain, secret = directory / "chain.pem", directory / "key.pem"
    chain.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    return chain, secret


def settings(directory: Path, udp_port: int, https_port: int) -> dict[str, str]:
    """A relay and pages on the address, both reached only there by browsers."""
    chain, secret = certificate(directory)
    return {
        "listen/udp": f"127.0.0.1:{udp_port} [::1]:{udp_port} {ADDRESS}:{udp_port}",
        "relay/address": ADDRESS,
        "peers/allow": f"{ADDRESS}/32",
        "control/https": f"{ADDRESS}:{https_port}",
        "tls/certificate": str(chain),
        "tls/private_key": str(secret),
    }


@dataclass
class Calls:
    """The pages of a running server."""

    server: Server
    https_port: int

    def url(self, path: str) -> str:
        """The address of a page."""
        return f"https://{ADDRESS}:{self.https_port}{path}"

    def new_room(self) -> str:
        """The path of a room nobody was in."""
        return f"/r/test-room-{next(ROOM_NUMBERS)}"


def join(browser: Browser, url: str) -> None:
    """Opens a room's page and answers its question."""
    browser.open(url)
    browser.click("#join")


def wait_for_state(browser: Browser, state: str, seconds: float = CONNECT_SECONDS) -> None:
    """Returns once the page's call is in a state."""
    browser.wait_until("return window.turnpike?.session.state === arguments[0]", state, seconds=seconds)


def connect(first: Browser, second: Browser, url: str) -> None:
    """Lets two browsers meet in a room."""
    join(first, url)
    wait_for_state(first, "waiting")
    join(second, url)
    for browser in (first, second):
        wait_for_state(browser, "connected")


def statistics(browser: Browser) -> dict:
    """The figures of the page's call."""
    return browser.run("return turnpike.statistics()")


def frames(browser: Browser) -> int:
    """How many frames of the other side's video were decoded."""
    received = statistics(browser)["video"].get("received") or {}
    return received.get("frames") or 0


def assert_pictures_move(*browsers: Browser) -> None:
    """Each browser decodes more and more frames."""
    for browser in browsers:
        before = browser.wait_for(lambda: frames(browser), "a decoded frame")
        browser.wait_for(lambda: frames(browser) > before + 10, f"more than {before} frames")


def assert_talking(*browsers: Browser, seconds: float = CONNECT_SECONDS) -> None:
    """All are in the call, by this time, and see each other."""
    for browser in browsers:
        wait_for_state(browser, "connected", seconds)
    assert_pictures_move(*browsers)


def measure(browser: Browser) -> dict:
    """The figures of two seconds of a call, for people."""
    return browser.run("""
        return (async () => {
            const { Statistics } = await import("/assets/statistics.js");
            const statistics = new Statistics(turnpike.session.peer.connection);
            await statistics.sample();
            await new Promise((resolve) => setTimeout(resolve, 2000));
            return { ...(await statistics.sample()), setupMs: turnpike.session.setupMs };
        })();
    """)


def report(name: str, browser: Browser) -> None:
    """Prints what a person would want to know of a call."""
    figures = measure(browser)
    video = figures["video"]["received"]
    print(json.dumps({
        "call": name, "browser": browser.name, "route": figures["route"],
        "local": figures["local"]["type"], "remote": figures["remote"]["type"],
        "setup_ms": round(figures["setupMs"]), "round_trip_ms": round(figures.get("roundTripMs") or 0, 1),
        "received_kbits": round(figures["receivedBitrate"] / 1000), "sent_kbits": round(figures["sentBitrate"] / 1000),
        "video": video["codec"], "size": video["size"], "frames": video["frames"],
        "frames_per_s": video["framesPerSecond"], "loss_percent": video.get("lossPercent"),
    }, ensure_ascii=False))  # fmt: skip
