"""Times: the type of `--at`, a time limit and a stopwatch."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import click


class Time(click.ParamType[datetime]):
    """An ISO time; without an offset it is UTC."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return an aware time in UTC, to the second."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not an ISO time such as 2026-01-15T06:00:00Z")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC).replace(microsecond=0)


@contextmanager
def time_limit(seconds: float, late: Callable[[str], Exception]) -> Iterator[None]:
    """End the block after so many seconds; main thread only.

    Args:
        seconds: how long it may take.
        late: makes the exception that is raised in the block, from a sentence.
    """

    def ring(number: int, frame: FrameType | None) -> None:
        raise late(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Deadline:
    """The end of a conversation with another machine, however little it sends."""

    def __init__(self, seconds: float) -> None:
        """Begin now."""
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self, most: float) -> float:
        """Return the seconds that are left, at most `most`.

        Raises:
            TimeoutError: none is left.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"not done within {self._seconds:g} s")
        return min(left, most)


class Stopwatch:
    """Seconds by step, each from the end of the one before it."""

    def __init__(self, before: Mapping[str, float] | None = None) -> None:
        """Start; steps that were timed before are kept."""
        self.seconds: dict[str, float] = dict(before or {})
        self._last = time.monotonic()

    def lap(self, step: str) -> float:
        """End a step; return its seconds, rounded as they are recorded."""
        now = time.monotonic()
        self.seconds[step] = round(now - self._last, 3)
        self._last = now
        return self.seconds[step]
