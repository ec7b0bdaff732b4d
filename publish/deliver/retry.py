"""Attempts until a file is delivered, refused, or no more tries are allowed."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
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

from publish.deliver.attempt import Attempt
from publish.deliver.reconcile import reconcile, unknown_outcome
from publish.deliver.upload import remove_parts, upload
from publish.transport.errors import ServerUnavailable, retry_of
from runtime.clock import Stopwatch, time_limit
from runtime.command import raise_if_interrupted
from runtime.environment import Environment
from runtime.exits import Refused, Stop, Temporary
from runtime.log import LOG
from store.ledger import Record

T = TypeVar("T")
# An orchestrator that sent SIGTERM kills after 20 to 30 seconds.
_CLEAN_UP_SECONDS = 12


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long a delivery to one destination is tried.

    Attributes:
        retries: DEST_<NAME>_RETRIES (3): tries after the first one.
        seconds: DEST_<NAME>_RETRY_SECONDS (900): no try begins later than this after
            the first one began.
        pause: DEST_<NAME>_RETRY_PAUSE (2): seconds before the second try; doubled
            each time, up to two minutes, plus a random part of up to `pause`. An error
            may ask for more.
    """

    retries: int = 0
    seconds: float = 900
    pause: float = 2

    @classmethod
    def read(cls, variables: Environment, destination: str) -> "RetryPolicy":
        """Read the variables of a destination."""
        prefix = f"DEST_{destination.upper()}"
        return cls(
            variables.count(f"{prefix}_RETRIES", 3, 0, 100),
            variables.number(f"{prefix}_RETRY_SECONDS", 900, 0, 86400),
            variables.number(f"{prefix}_RETRY_PAUSE", 2, 0, 600),
        )

    def run(self, action: Callable[[], T]) -> T:
        """Call an action until it succeeds or is refused, or no try is left.

        A signal ends a pause at once.

        Raises:
            Temporary: no try is left; says how many there were.
            Refused, Interrupted: at once, from `action`.
        """
        began, tries = time.monotonic(), 0

        def may_succeed(error: BaseException) -> bool:
            retry = retry_of(error) if isinstance(error, Stop) else "no_retry"
            return retry == "retry_often" or (retry == "retry_once" and tries <= 1)

        usual = wait_exponential(self.pause, 120) + wait_random(0, self.pause)

        def seconds_to_wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            least = error.pause if isinstance(error, ServerUnavailable) else 0
            return max(usual(state), least)

        def log_failure(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            pause = state.upcoming_sleep
            LOG.warning("try failed", tries=tries, pause=pause, because=error)
            # A library may have swallowed a signal: no long pause after it.
            raise_if_interrupted()

        try:
            for attempt in Retrying(
                retry=retry_if_exception(may_succeed),
                stop=stop_any(
                    stop_after_attempt(self.retries + 1),
                    stop_before_delay(self.seconds),
                ),
                wait=seconds_to_wait,
                before_sleep=log_failure,
                reraise=True,
            ):
                with attempt:
                    tries += 1
                    return action()
        except Temporary as error:
            if tries == 1:
                raise
            seconds = time.monotonic() - began
            raise Temporary(
                f"{error} Tried {tries} times in {seconds:.0f} s."
            ) from None
        raise AssertionError  # tenacity returns or raises


def deliver_with_retries(first: Attempt, policy: RetryPolicy) -> Record:
    """Deliver what an attempt says; return the ledger's record of the delivery.

    Raises:
        Refused, Temporary: it was not delivered, or that is unknown; the message and
            the ledger say which.
    """
    failed: list[dict[str, str]] = []

    def try_once() -> Record:
        attempt = first.numbered(len(failed) + 1)
        try:
            # Nothing is sent while the outcome of an earlier try is open.
            return _reconcile_earlier(first) or _try(attempt, failed)
        except Stop as error:
            failed.append({"attempt": attempt.id, "why": str(error)})
            raise

    return policy.run(try_once)


def _reconcile_earlier(first: Attempt) -> Record | None:
    """End earlier tries that are still open; return the delivery, if one was."""
    for intent in first.ledger.open_intents(first.intent["feed"]):
        if intent["first"] == first.id:
            record = reconcile(replace(first, intent=intent))
            if record["event"] == "unknown":
                raise unknown_outcome(record)
            if record["event"] == "delivered":
                return record
    return None


def _try(attempt: Attempt, failed: list[dict[str, str]]) -> Record:
    attempt.begin()
    watch = Stopwatch(attempt.intent.get("seconds"))
    try:
        receipt = upload(attempt)
    except (Refused, Temporary) as error:
        return _after_error(attempt, error)
    except BaseException:
        # A signal leaves no time to reconcile; the next run does.
        _clean_up(attempt)
        raise
    if failed:
        receipt["tries"] = failed
    watch.lap("deliver")
    return attempt.end("delivered", receipt=receipt, seconds=watch.seconds)


def _after_error(attempt: Attempt, error: Refused | Temporary) -> Record:
    """Find out what an error left behind; return the delivery, or raise.

    A lost reply may hide a file that has arrived.
    """
    if not attempt.connected:
        attempt.end("failed", why=str(error))
        raise error
    record = reconcile(attempt, error)
    if record["event"] == "delivered":
        return record
    raise unknown_outcome(record) if record["event"] == "unknown" else error


def _clean_up(attempt: Attempt) -> None:
    """Remove our parts in a hurry; what is not done in time, the next run does."""
    if attempt.placing:
        return
    with suppress(Stop, OSError), time_limit(_CLEAN_UP_SECONDS, Temporary):
        if attempt.connected:
            with attempt.connection() as connection:
                remove_parts(connection, attempt)
        attempt.end("failed", why="ended before its rename began")
