"""Holds: a person stops the deliveries of a feed, or of one of its files, for a time.

The ledger has `paused` (feed, file or null for all files of the feed, until, by,
because) and `resumed`. A hold ends by itself: a run for a logical time before `until`
sends nothing, a later run sends the file that fell due meanwhile.
"""

from datetime import datetime

from runtime.display import one_line
from store.ledger import Ledger, Record


def current(ledger: Ledger, feed: str, at: datetime) -> list[Record]:
    """Return the holds of a feed and of its files at a logical time (UTC)."""
    holds: dict[str | None, Record] = {}
    for record in _records(ledger, feed):
        if record["event"] == "paused":
            holds[record["file"]] = record
        else:
            holds.pop(record["file"], None)
    return [h for h in holds.values() if f"{at:%Y-%m-%dT%H:%M:%SZ}" < h["until"]]


def active(ledger: Ledger, feed: str, file: str | None, at: datetime) -> Record | None:
    """Return the hold that stops a file at a logical time (UTC), None without one.

    Args:
        ledger: has the holds.
        feed: name of the feed.
        file: label of the file; None asks for a hold of the whole feed.
        at: the logical time.
    """
    mine = [h for h in current(ledger, feed, at) if h["file"] in (None, file)]
    return max(mine, key=lambda hold: str(hold["until"]), default=None)


def last_end(ledger: Ledger, feed: str, file: str | None) -> str:
    """Return when the last hold of a file or its feed ends or ended; "" without one."""
    ends: dict[str | None, str] = {}
    for record in _records(ledger, feed):
        end = record["until"] if record["event"] == "paused" else record["at"]
        ends[record["file"]] = end
    return max((ends.get(name, "") for name in (None, file)), default="")


def sentence(hold: Record) -> str:
    """Return until when, by whom and why."""
    reason = one_line(hold["because"])
    return f"on hold until {hold['until']} by {hold['by']}: {reason}"


def _records(ledger: Ledger, feed: str) -> list[Record]:
    if not ledger.all("paused", feed=feed):
        return []
    return ledger.all("paused", "resumed", feed=feed)
