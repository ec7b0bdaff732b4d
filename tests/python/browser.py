"""A headless Chromium, spoken to through a pipe: what a person with a browser sees."""

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REQUIRED = "FEEDS_REQUIRE_BROWSER"
_LONG = 60.0  # seconds that any answer may take on a busy machine


def found() -> str:
    """The browser; a test without one is skipped, where that is allowed."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    if os.environ.get(REQUIRED):
        raise AssertionError(f"{REQUIRED} is set, but there is none of {NAMES}")
    pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")


# A browser reads from 3 and writes to 4.
_START = """
import os, sys
for place, given in enumerate(sys.argv[1:3]):
    os.dup2(int(given), 100 + place)
for place in (0, 1):
    os.dup2(100 + place, 3 + place)
    os.close(100 + place)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One page in one browser.

    Attributes:
        complaints: what it logged: errors, warnings, violations of the policy.
        requests: every address it asked for.
    """

    def __init__(self, into: int, out: int) -> None:
        self._into, self._out, self._rest = into, out, b""
        self._last, self._session = 0, ""
        self._answers: dict[int, dict[str, Any]] = {}
        self._events: list[str] = []
        self.complaints: list[str] = []
        self.requests: list[str] = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        told = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = told["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")

    def open(self, path: Path) -> None:
        """Open a page from disk, and wait until it is loaded."""
        self._events.clear()
        self._ask("Page.navigate", url=path.absolute().as_uri())
        self._until(lambda: "Page.loadEventFired" in self._events)

    def look(self, width: int, dark: bool = False, paper: bool = False) -> None:
        """Be a screen of this width in CSS pixels, light or dark, or be paper."""
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=900, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {
            "name": "prefers-color-scheme",
            "value": "dark" if dark else "light",
        }
        media = "print" if paper else ""
        self._ask("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def ask(self, script: str) -> Any:
        """Return what a JavaScript expression gives, as JSON."""
        told = self._ask(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self._ask("Input.insertText", text=text)

    def press(self, key: str, code: int) -> None:
        """Press and release a key, such as Tab, 9."""
        for kind in ("keyDown", "keyUp"):
            self._ask(
                "Input.dispatchKeyEvent",
                type=kind, key=key, code=key, windowsVirtualKeyCode=code,
                **({"text": "\r"} if key == "Enter" and kind == "keyDown" else {}),
            )  # fmt: skip

    def photograph(self, path: Path, whole: bool = True) -> None:
        """Write a PNG of the page."""
        told = self._ask("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(told["data"]))

    def _ask(self, method: str, **words: Any) -> dict[str, Any]:
        self._last += 1
        said = {"id": self._last, "method": method, "params": words}
        if self._session:
            said["sessionId"] = self._session
        os.write(self._into, json.dumps(said).encode() + b"\0")
        self._until(lambda: self._last in self._answers)
        answer = self._answers.pop(self._last)
        assert "error" not in answer, f"{method}: {answer['error']}"
        result: dict[str, Any] = answer["result"]
        return result

    def _until(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + _LONG
        while not done():
            left = end - time.monotonic()
            assert left > 0, "the browser does not answer"
            if select.select([self._out], [], [], left)[0]:
                self._hear(os.read(self._out, 1 << 20))

    def _hear(self, some: bytes) -> None:
        assert some, "the browser has gone"
        *told, self._rest = (self._rest + some).split(b"\0")
        for each in map(json.loads, told):
            if "id" in each:
                self._answers[each["id"]] = each
            else:
                self._events.append(each["method"])
                self._note(each["method"], each["params"])

    def _note(self, event: str, told: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif event == "Log.entryAdded":
            self.complaints.append(told["entry"]["text"])
        elif event in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.complaints.append(json.dumps(told))


@contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser, and end it."""
    program = found()
    heard, into = os.pipe()
    out, said = os.pipe()
    # --no-sandbox: as root, as in a container, it does not start with one.
    words = [
        program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-dev-shm-usage", "--remote-debugging-pipe", "--disable-extensions",
        "--disable-background-networking", "--disable-component-update",
    ]  # fmt: skip
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        started = subprocess.Popen(
            [sys.executable, "-c", _START, str(heard), str(said), *words,
             f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(heard, said), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        os.close(heard)
        os.close(said)
        try:
            yield Browser(into, out)
        finally:
            os.close(into)
            os.close(out)
            # Its pipe has ended, so it ends too.
            with suppress(subprocess.TimeoutExpired):
                started.wait(20)
            if started.poll() is None:
                started.kill()
                started.wait()
