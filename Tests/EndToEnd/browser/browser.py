"""What a test does with a browser, whichever it is: the commands of WebDriver (W3C), over whatever carries them."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: The name under which WebDriver speaks of an element.
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
#: Keys that have no character of their own.
KEYS = {"Enter": "\ue007", "Tab": "\ue004", "Escape": "\ue00c", "Space": " "}


class BrowserFailure(AssertionError):
    """A browser did not start, refused a command, or did not show what it must in time."""


class Browser:
    """A running browser with one tab; a subclass carries commands to it."""

    name = "browser"
    #: True once it was killed.
    has_ended = False

    def start(self) -> None:
        """Starts it."""
        raise NotImplementedError

    def command(self, name: str, parameters: dict[str, Any] | None = None) -> Any:
        """Carries out a command, named as in Marionette (`WebDriver:Navigate`)."""
        raise NotImplementedError

    def complaints(self) -> list[str]:
        """Errors of the console since the last call: scripts, refused resources, the content security policy."""
        raise NotImplementedError

    def quit(self) -> None:
        """Ends it, with all that it started."""
        raise NotImplementedError

    def kill(self) -> None:
        """Ends it as a crash or a power cut does: no page gets to say anything."""
        raise NotImplementedError

    def __enter__(self) -> Browser:
        try:
            self.start()
        except BaseException:
            self.quit()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.quit()

    def open(self, url: str) -> None:
        """Goes to a page and waits until it is loaded."""
        self.command("WebDriver:Navigate", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of a JavaScript function's body; a promise is waited for."""
        return self.command("WebDriver:ExecuteScript", {"script": script, "args": list(arguments)})

    def find(self, selector: str) -> str:
        """The first element of a CSS selector."""
        found = self.command("WebDriver:FindElement", {"using": "css selector", "value": selector})
        return found[ELEMENT]

    def click(self, selector: str) -> None:
        """Clicks on an element as a mouse does: it must be visible and nothing may lie over it."""
        self.command("WebDriver:ElementClick", {"id": self.find(selector)})

    def type(self, selector: str, text: str) -> None:
        """Puts a text into a field, instead of what it holds."""
        element = self.find(selector)
        self.command("WebDriver:ElementClear", {"id": element})
        self.command("WebDriver:ElementSendKeys", {"id": element, "text": text})

    def press(self, *keys: str) -> None:
        """Presses and releases keys, one after the other, wherever the focus is."""
        strokes = [KEYS.get(key, key) for key in keys]
        steps = [{"type": kind, "value": key} for key in strokes for kind in ("keyDown", "keyUp")]
        source = {"type": "key", "id": "keyboard", "actions": steps}
        self.command("WebDriver:PerformActions", {"actions": [source]})

    def text(self, selector: str) -> str:
        """The text of an element, shown or not."""
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def is_shown(self, selector: str) -> bool:
        """Whether an element takes up room and is visible."""
        found = "document.querySelector(arguments[0])"
        return self.run(f"return {found}?.checkVisibility({{visibilityProperty: true}}) ?? false", selector)

    def wait_until(self, script: str, *arguments: Any, seconds: float = 60) -> Any:
        """The value of a function's body once it is neither false nor null."""
        return self.wait_for(lambda: self.run(script, *arguments), script, seconds)

    def wait_for(self, condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
        """The value of a condition once it holds."""
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            if time.monotonic() > deadline:
                raise BrowserFailure(f"{self.name}: not in {seconds} s: {what}\n" + "\n".join(self.complaints()))
            time.sleep(0.05)
        return value

    def resize(self, width: int, height: int) -> None:
        """Gives the page's window a size."""
        self.command("WebDriver:SetWindowRect", {"width": width, "height": height})

    def screenshot(self, path: Path) -> None:
        """Writes what the page shows as PNG."""
        png = self.command("WebDriver:TakeScreenshot", {"full": False})
        path.write_bytes(base64.b64decode(png))
