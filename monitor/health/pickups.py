"""Check that partners remove the files that they have read, as agreed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby

from monitor.context import CLOCK, Context, duration_text
from monitor.findings import CheckResult, Finding, listed
from runtime.files import parse_time
from store.feeds import Feed
from store.ledger import name_at_partner


def check(context: Context) -> CheckResult:
    """Report each destination with files that should have been removed."""
    late = sorted(
        (feed.destination, deadline, name)
        for feed in context.feeds
        for deadline, name in _late(context, feed)
    )
    findings = []
    for destination, group in groupby(late, key=lambda each: each[0]):
        _, deadlines, names = zip(*group, strict=True)
        since = min(deadlines)
        ago = duration_text(context.at - since)
        files = "1 file" if len(names) == 1 else f"{len(names)} files"
        message = (
            f"{destination}: the partner should have removed {files} that were still "
            f"there at the last check: {listed(names)}. The first was due {ago} ago"
        )
        findings.append(
            Finding("NOT_PICKED_UP", destination, message, f"{since:{CLOCK}}")
        )
    return CheckResult(findings=tuple(findings))


def _late(context: Context, feed: Feed) -> Iterator[tuple[datetime, str]]:
    """Yield deadline and name of each file that `publish` saw after its deadline."""
    if not (agreed := feed.pickup):
        return
    ledger = context.intact_ledger
    states = {r["attempt"]: r["state"] for r in ledger.all("observed", feed=feed.name)}
    newest = {name_at_partner(r): r for r in ledger.all("delivered", feed=feed.name)}
    for name, record in newest.items():
        sent = parse_time(record["at"])
        deadline = sent + timedelta(hours=agreed["within_hours"])
        if context.at > deadline and states.get(record["attempt"]) == "lies there":
            yield deadline, name
