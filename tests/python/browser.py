"""Pages in a headless Chromium, as a person with a browser sees them."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import playwright.sync_api
import pytest
from playwright.sync_api import Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REQUIRED = "FEEDS_REQUIRE_BROWSER"
# --no-sandbox: as root, as in a container, it does not start with one.
_ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip


def find() -> str:
    """Return the path of a browser; without one, skip the test if that is allowed."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    if os.environ.get(REQUIRED):
        raise AssertionError(f"{REQUIRED} is set, but there is none of {NAMES}")
    pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")


@dataclass
class Browser:
    """A browser with one page at a time.

    Attributes:
        complaints: what the page logged: errors, warnings, violations of the policy.
        requests: every address that the page asked for.
    """

    chromium: playwright.sync_api.Browser
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, path: Path, width: int = 1280, dark: bool = False) -> Page:
        """Open a page from disk on a screen `width` CSS pixels wide, light or dark."""
        for context in self.chromium.contexts:
            context.close()
        context = self.chromium.new_context(
            viewport={"width": width, "height": 900},
            is_mobile=width < 600,
            color_scheme="dark" if dark else "light",
        )
        self.complaints.clear()
        self.requests.clear()
        page = context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(path.absolute().as_uri())
        return page


@contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser, and end it."""
    path = find()
    with playwright.sync_api.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield Browser(chromium)
        chromium.close()
