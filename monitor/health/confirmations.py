"""Count the values that wait for a person to confirm them."""

from monitor.context import Context
from monitor.findings import CheckResult, Finding
from store import answers
from store.feeds import Feed


def check(context: Context) -> CheckResult:
    """Count what waits by the last build, by feed and column."""
    if not context.mart.exists:
        return CheckResult()  # The check of the build reports it.
    waiting = {
        feed.name: counts
        for feed in context.feeds
        # All destinations of an exposure have the same audit.
        if feed.name == feed.exposure and (counts := _waiting(context, feed))
    }
    findings = [
        Finding("VALUES_WAIT", feed, f"values wait for a person: {_listed(counts)}")
        for feed, counts in waiting.items()
    ]
    return CheckResult({"waiting": waiting}, tuple(findings))


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} of {column}" for column, count in counts.items())


def _waiting(context: Context, feed: Feed) -> dict[str, int]:
    """Return how many values of each column of `confirm` wait, without zeros."""
    if not (query := answers.waiting(feed)):
        return {}
    # Without rows the audit is not built yet.
    for row in context.ask(query) or ():
        return {column: row[column] for column in feed.confirm if row[column]}
    return {}
