"""How often, and how long, a delivery that may yet succeed is tried again."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_any,
    stop_before_delay,
    wait_exponential,
    wait_random,
)

from publish.transport.errors import retry_of
from runtime.command import LOG, raise_if_interrupted
from runtime.environment import Environment
from runtime.exits import Stop, Temporary

T = TypeVar("T")
# Where the code says "later" and the words say "never", one more try is enough.
_SELDOM = 1


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Of one destination.

    Attributes:
        retries: DEST_<NAME>_RETRIES (3): tries after the first one.
        seconds: DEST_<NAME>_RETRY_SECONDS (900): no try begins later than this after
            the first one began.
        pause: DEST_<NAME>_RETRY_PAUSE (2): seconds before the second try; doubled
            each time, up to two minutes, plus up to as much again by chance.
    """

    retries: int = 0
    seconds: float = 900
    pause: float = 2

    @classmethod
    def of(cls, variables: Environment, destination: str) -> "RetryPolicy":
        """Read the variables of a destination."""
        prefix = f"DEST_{destination.upper()}"
        return cls(
            variables.count(f"{prefix}_RETRIES", 3, 0, 100),
            variables.number(f"{prefix}_RETRY_SECONDS", 900, 0, 86400),
            variables.number(f"{prefix}_RETRY_PAUSE", 2, 0, 600),
        )

    def run(self, action: Callable[[], T]) -> T:
        """Do something until it succeeds, is refused, or patience is spent.

        A signal ends a pause at once.

        Raises:
            Temporary: spent; says after how many tries.
            Refused, Interrupted: at once, from `action`.
        """
        began, tries = time.monotonic(), 0

        def worth(error: BaseException) -> bool:
            retry = retry_of(error) if isinstance(error, Stop) else "never"
            return retry == "soon" or (retry == "seldom" and tries <= _SELDOM)

        def tell(state: RetryCallState) -> None:
            why = state.outcome.exception() if state.outcome else None
            LOG.warning(f"try={tries} pause={state.upcoming_sleep:.1f} failed: {why}")
            # A library may have swallowed a signal: no long pause after it.
            raise_if_interrupted()

        try:
            for attempt in Retrying(
                retry=retry_if_exception(worth),
                stop=stop_any(
                    stop_after_attempt(self.retries + 1),
                    stop_before_delay(self.seconds),
                ),
                wait=wait_exponential(self.pause, 120) + wait_random(0, self.pause),
                before_sleep=tell,
                reraise=True,
            ):
                with attempt:
                    tries += 1
                    return action()
        except Temporary as spent:
            if tries == 1:
                raise
            seconds = time.monotonic() - began
            raise Temporary(
                f"{spent} Tried {tries} times in {seconds:.0f} s."
            ) from None
        raise AssertionError  # tenacity returns or raises
