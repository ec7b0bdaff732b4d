"""Whether a file is due."""

from datetime import datetime, timedelta

from publish.settings import format_utc
from store.feeds import Feed
from store.ledger import Ledger

AHEAD = timedelta(hours=1)


def due(feed: Feed, ledger: Ledger, at: datetime) -> bool:
    """Return whether the cadence fell due between the last delivery and `at`."""
    return due_for(feed, ledger, at, None)


def due_for(feed: Feed, ledger: Ledger, at: datetime, split: str | None) -> bool:
    """Return the same for one split value; None is for the feed as a whole.

    A file whose last record is ahead of `at` is due: the run must report that.
    """
    last = ledger.last_settled(feed.name, feed.destination, split)
    if last is None or format_utc(feed.cadence.last_due(at)) > last["logical"]:
        return True
    return bool(record_ahead(feed, ledger, at, split))


def record_ahead(
    feed: Feed, ledger: Ledger, at: datetime, split: str | None
) -> str | None:
    """Return what is wrong if the last record is of a time that has not come yet.

    Such a record hides every due time until then. An hour is allowed.
    """
    last = ledger.last_settled(feed.name, feed.destination, split)
    if last is None or last["logical"] <= format_utc(at + AHEAD):
        return None
    return (
        f"the last run of {last['file']} was for {last['logical']}, later than "
        f"{format_utc(at)}: the clock was wrong then, or is wrong now"
    )
