"""Chromium through chromedriver: WebDriver's commands over HTTP."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from .browser import Browser, BrowserFailure

#: Where WebDriver's HTTP has each command: method and path below the session.
ROUTES = {
    "WebDriver:Navigate": ("POST", "url"),
    "WebDriver:ExecuteScript": ("POST", "execute/sync"),
    "WebDriver:FindElement": ("POST", "element"),
    "WebDriver:ElementClick": ("POST", "element/{id}/click"),
    "WebDriver:ElementClear": ("POST", "element/{id}/clear"),
    "WebDriver:ElementSendKeys": ("POST", "element/{id}/value"),
    "WebDriver:PerformActions": ("POST", "actions"),
    "WebDriver:SetWindowRect": ("POST", "window/rect"),
    "WebDriver:TakeScreenshot": ("GET", "screenshot"),
    "WebDriver:NewWindow": ("POST", "window/new"),
    "WebDriver:SwitchToWindow": ("POST", "window"),
    "WebDriver:CloseWindow": ("DELETE", "window"),
    "WebDriver:GetWindowHandle": ("GET", "window"),
    "Chromium:DevTools": ("POST", "goog/cdp/execute"),
    "Chromium:Log": ("POST", "se/log"),
}

#: Root has no sandbox, a container's /dev/shm is small, and nothing but the test may use the network.
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--auto-select-desktop-capture-source=Entire", "--disable-features=Translate,OptimizationHints,MediaRouter",
    "--window-size=1280,800", "--hide-scrollbars",
]  # fmt: skip


class Chromium(Browser):
    """A Chromium of its own chromedriver."""

    name = "chromium"

    def __init__(self, *flags: str, authority: Path | None = None):
        """`authority` is the PEM file of one more authority to trust, also for TURN over TLS."""
        self.flags = [*FLAGS, *flags]
        self.authority = authority
        self.directory = Path(tempfile.mkdtemp(prefix="chromium-"))
        self.driver: subprocess.Popen | None = None
        self.base = ""
        self.process_id = 0

    def start(self) -> None:
        log = self.directory / "driver.log"
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdin=subprocess.DEVNULL,
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
            env=os.environ | ({"HOME": self.home_with_authority()} if self.authority else {}),
        )
        found = self.wait_for(lambda: re.search(r"successfully on port (\d+)", log.read_text()), "chromedriver")
        self.base = f"http://127.0.0.1:{found[1]}/session"
        options = {"args": [*self.flags, f"--user-data-dir={self.directory}/profile"]}
        wanted = {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
            "acceptInsecureCerts": True,
            "timeouts": {"script": 60_000},
        }
        session = self.request("POST", "", {"capabilities": {"alwaysMatch": wanted}})
        self.base += "/" + session["sessionId"]
        self.process_id = session["capabilities"]["goog:processID"]

    def home_with_authority(self) -> str:
        """A home directory whose NSS store trusts the authority."""
        store = self.directory / ".pki/nssdb"
        store.mkdir(parents=True)
        certutil = ["certutil", "-d", f"sql:{store}"]
        for arguments in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "test", "-i", str(self.authority)]):
            subprocess.run([*certutil, *arguments], check=True, capture_output=True)
        return str(self.directory)

    def command(self, name: str, parameters: dict[str, Any] | None = None) -> Any:
        method, path = ROUTES[name]
        values = dict(parameters or {})
        if "{id}" in path:
            path = path.format(id=values.pop("id"))
        return self.request(method, "/" + path, values if method == "POST" else None)

    def request(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        """One command's answer; raises what chromedriver says is wrong."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            message = json.load(error)["value"]["message"]
            raise BrowserFailure(f"{self.name}: {path}: {message}") from None

    def complaints(self) -> list[str]:
        entries = self.command("Chromium:Log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def kill(self) -> None:
        os.kill(self.process_id, signal.SIGKILL)
        self.has_ended = True

    def quit(self) -> None:
        if "/session/" in self.base:
            try:
                self.request("DELETE", "", None)
            except (BrowserFailure, OSError):
                pass
        if self.driver:
            self.driver.terminate()
            self.driver.wait(10)
        shutil.rmtree(self.directory, ignore_errors=True)
