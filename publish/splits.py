"""Which files a feed has at a logical time: one, or one for each open split value."""

from collections.abc import Sequence
from datetime import datetime

import duckdb

from publish.bench import name, text
from publish.feeds import Feed, Open
from publish.ledger import Ledger
from publish.settings import stamp


def of(
    connection: duckdb.DuckDBPyConnection, feed: Feed, ledger: Ledger, at: datetime
) -> Sequence[str | None]:
    """Return the split values that get a file, sorted; [None] for a feed of one file.

    Args:
        connection: from `publish.bench`.
        feed: the file's declaration.
        ledger: knows which value had its final file.
        at: the logical time, UTC.
    """
    if feed.split_by is None:
        return [None]
    if feed.open is None:
        return _values(connection, feed.split_by, feed.model.sql, "true")
    moment = f"timestamp {text(f'{at:%Y-%m-%d %H:%M:%S}')}"
    since, until = name(feed.open.since), name(feed.open.until)
    now = f"{since} <= {moment} and {moment} < {until}"
    chosen = {*_values(connection, feed.split_by, feed.open.relation.sql, now)}
    if feed.open.final:
        chosen |= _closing(connection, feed, feed.open, ledger, moment)
    return sorted(chosen)


def _values(
    connection: duckdb.DuckDBPyConnection, column: str, relation: str, where: str
) -> list[str]:
    rows = connection.execute(
        f"select distinct cast({name(column)} as varchar) from {relation} "
        f"where {where} order by 1"
    ).fetchall()
    return [row[0] for row in rows]


def _closing(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    period: Open,
    ledger: Ledger,
    moment: str,
) -> set[str]:
    """Values that have closed since their last file: they get a final one."""
    closed = connection.execute(
        f"select cast({name(str(feed.split_by))} as varchar), {name(period.until)} "
        f"from {period.relation.sql} where {name(period.until)} <= {moment}"
    ).fetchall()
    final = set()
    for value, until in closed:
        # Deltas count too: the term may have opened and closed between two fulls.
        last = ledger.last_state(feed.state.model, feed.destination, value)
        if last is not None and last["logical"] < stamp(until):
            final.add(value)
    return final
