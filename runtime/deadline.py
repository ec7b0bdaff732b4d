"""A block that may take only so long: for clean-up while somebody waits for our end."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def at_most(seconds: float, late: Callable[[str], Exception]) -> Iterator[None]:
    """End the block after so many seconds; main thread only.

    Args:
        seconds: how long it may take.
        late: makes what is raised in the block then, from a sentence.
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
