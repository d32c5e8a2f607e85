"""Real browsers, headless, each with a profile of its own and fake devices: no more than the tests of pages need."""

from .browser import Browser, BrowserFailure
from .chromium import Chromium
from .firefox import Firefox

__all__ = ["Browser", "BrowserFailure", "Chromium", "Firefox"]
