"""Why a file is passed over: not due, or not to be made today."""

from dataclasses import dataclass
from datetime import datetime

from publish import gate, overview
from publish.feeds import Feed
from publish.gate import extracts
from publish.ledger import Ledger
from publish.settings import Settings, stamp
from publish.sources import Source
from runtime.exits import Misuse


@dataclass(frozen=True, slots=True)
class Passed:
    """One file that was not made: it is not due, superseded, or cannot be made.

    Attributes:
        label: names the file, as `gate.Rendered.label` does.
        status: "not due", "waiting", "superseded" or "refused".
        says: why, as a sentence.
        code: exit code.
    """

    label: str
    status: str
    says: str
    code: int = 0


def over(
    settings: Settings,
    ledger: Ledger,
    feed: Feed,
    split: str | None,
    built: datetime | None,
) -> Passed | None:
    """Say why a file need not, or cannot, be made; None if it must.

    Args:
        settings: of the command.
        ledger: knows what went out.
        feed: the file's declaration.
        split: the split value, if the feed is split.
        built: when dbt wrote the warehouse, UTC without a zone; None if unknown.
    """
    label = gate.label(feed, split)
    at = settings.at
    if settings.due and not overview.due_for(feed, ledger, at, split):
        period = stamp(feed.cadence.last_due(at))
        return Passed(label, "not due", f"settled since {period} already")
    try:
        feed.file_name(at, settings.place.environment, split)
    except Misuse as error:
        # One bad value must not keep the files of the others from leaving.
        return Passed(label, "refused", str(error), 1)
    last = ledger.last_state(feed.state.model, feed.destination, split)
    by_day = "{date}" in feed.file and "{timestamp}" not in feed.file
    if last and by_day and last["logical"][:10] > f"{at:%Y-%m-%d}":
        return Passed(
            label,
            "refused",
            f"{last['name']} went out, and readers take files in the order of "
            f"their days: one of {at:%Y-%m-%d} would say what is newer under an "
            "older day. Leave --at out, or give a later one.",
            1,
        )
    if feed.state == feed.model:
        return None
    if last and by_day and last["logical"][:10] == f"{at:%Y-%m-%d}":
        # It would take the name of one that may not have been fetched yet, and a
        # reader could not tell which of the day's files is the newer one.
        return Passed(
            label,
            "waiting",
            f"{last['name']} went out today; what has changed since follows in "
            "the file of another day",
        )
    if last and built and stamp(built) <= last["at"]:
        # A difference to what was held before the last delivery is no news.
        return Passed(
            label,
            "superseded",
            f"dbt built before {last['name']} was delivered; `dbt build` shows "
            "what has changed since",
        )
    return None


def none_open(settings: Settings, feed: Feed, landed: list[Source]) -> list[Passed]:
    """Doubt that no value of a split is open if nobody asked the source lately."""
    hours = feed.guards.get("max_source_age")
    if not feed.open or not hours:
        return []
    at = settings.at
    fresh = extracts.fresh(
        landed, feed.cadence.last_due(at) if settings.due else at, hours
    )
    return [] if fresh.passed else [Passed(feed.name, "refused", fresh.says, 1)]
