"""Count the values that wait for a person to confirm them."""

import duckdb

from monitor.context import Context
from monitor.findings import CheckResult, Finding
from runtime.duck import name, text
from store.feeds import Feed


def check(context: Context) -> CheckResult:
    """Count what waits by the last build, by feed and column."""
    if not context.place.warehouse.exists():
        return CheckResult()  # The check of the build reports it.
    with context.warehouse() as connection:
        waiting = {
            feed.name: counts
            for feed in context.feeds
            if feed.audit and (counts := _waiting(connection, feed, feed.audit.sql))
        }
    findings = [
        Finding("VALUES_WAIT", feed, f"values wait for a person: {_listed(counts)}")
        for feed, counts in waiting.items()
    ]
    return CheckResult({"waiting": waiting}, tuple(findings))


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} of {column}" for column, count in counts.items())


def _waiting(
    connection: duckdb.DuckDBPyConnection, feed: Feed, audit: str
) -> dict[str, int]:
    """Return how many values of each column of `confirm` wait, without zeros."""
    counts = [
        f"count({name(column)}) filter (list_contains("
        f"string_split(reason_codes, '|'), {text(code)}))"
        for column, code in feed.confirm.items()
    ]
    if not counts:
        return {}
    try:
        rows = connection.execute(f"select {', '.join(counts)} from {audit}").fetchall()
    except duckdb.CatalogException:
        return {}  # not built yet
    return {
        column: count
        for column, count in zip(feed.confirm, rows[0], strict=True)
        if count
    }
