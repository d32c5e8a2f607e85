"""Firefox through Marionette: the protocol below geckodriver, JSON over TCP.

A packet is its length, a colon, and `[0, id, command, parameters]`; the answer `[1, id, error, value]`.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from .browser import Browser, BrowserFailure

#: Fake devices without a question, any port for Marionette, and no traffic but the test's.
PREFERENCES = {
    "marionette.port": 0,
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.gmp-manager.updateEnabled": False,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.telemetry.enabled": False,
}

#: What Firefox keeps of errors and of refusals by the content security policy, then forgets.
COMPLAINTS = """
    const messages = Services.console.getMessageArray().filter((each) => each instanceof Ci.nsIScriptError);
    Services.console.reset();
    return messages
        .filter((each) => /^(https?:|self)/.test(each.sourceName) || /CSP|content javascript/.test(each.category))
        .filter((each) => !(each.flags & Ci.nsIScriptError.infoFlag))
        .map((each) => `${each.sourceName}:${each.lineNumber} [${each.category}] ${each.errorMessage}`);
"""


class Firefox(Browser):
    """A Firefox with a fresh profile."""

    name = "firefox"

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="firefox-"))
        self.process: subprocess.Popen | None = None
        self.socket: socket.socket | None = None
        self.received = b""
        self.last_id = 0

    def start(self) -> None:
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
        (self.directory / "user.js").write_text("\n".join(lines))
        self.process = subprocess.Popen(
            ["firefox-esr", "--headless", "--no-remote", "--marionette", "--remote-allow-system-access",
             "--profile", str(self.directory), "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=(self.directory / "log").open("wb"),
            stderr=subprocess.STDOUT,
            env=self.environment(),
        )  # fmt: skip
        self.socket = self.wait_for(self.connection, "Marionette", 60)
        self.socket.settimeout(120)
        self.packet()
        self.command("WebDriver:NewSession", {"acceptInsecureCerts": True, "timeouts": {"script": 60_000}})
        self.resize(1280, 800)

    def environment(self) -> dict[str, str]:
        """A home of its own, so that nothing of the user's is touched."""
        return os.environ | {"HOME": str(self.directory), "MOZ_HEADLESS_WIDTH": "1280", "MOZ_HEADLESS_HEIGHT": "800"}

    def connection(self) -> socket.socket | None:
        """A connection to Marionette, once Firefox has told its port."""
        file = self.directory / "MarionetteActivePort"
        port = file.read_text().strip() if file.exists() else ""
        if not port:
            return None
        try:
            return socket.create_connection(("127.0.0.1", int(port)), timeout=5)
        except OSError:
            return None

    def command(self, name: str, parameters: dict[str, Any] | None = None) -> Any:
        self.last_id += 1
        text = json.dumps([0, self.last_id, name, parameters or {}]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, value = self.packet()
        if error:
            raise BrowserFailure(f"{self.name}: {name}: {error['error']}: {error['message']}")
        return value["value"] if isinstance(value, dict) and set(value) == {"value"} else value

    def packet(self) -> Any:
        """The next packet."""
        while b":" not in self.received:
            self.receive()
        length, self.received = self.received.split(b":", 1)
        while len(self.received) < int(length):
            self.receive()
        text, self.received = self.received[: int(length)], self.received[int(length) :]
        return json.loads(text)

    def receive(self) -> None:
        """More bytes."""
        data = self.socket.recv(65536)
        if not data:
            raise BrowserFailure(f"{self.name} ended")
        self.received += data

    def complaints(self) -> list[str]:
        if not self.socket:
            return []
        self.command("Marionette:SetContext", {"value": "chrome"})
        try:
            return self.run(COMPLAINTS)
        finally:
            self.command("Marionette:SetContext", {"value": "content"})

    def quit(self) -> None:
        if self.socket:
            try:
                self.command("Marionette:Quit", {"flags": ["eForceQuit"]})
            except (BrowserFailure, OSError):
                pass
            self.socket.close()
        if self.process:
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
