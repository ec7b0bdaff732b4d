"""Stores a file that a partner has, and records it as what the partner holds."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from publish import gate
from publish.adopt import check, read
from publish.operation import Operation
from publish.settings import format_utc
from runtime import duck
from runtime.environment import Limits
from runtime.exits import Refused
from runtime.files import atomic_write, sha256_of
from store import adopted, outbox, partner_state
from store.feeds import Feed
from store.ledger import Ledger, Record

_LISTED = 20


def adopt(
    operation: Operation,
    ledger: Ledger,
    feed: Feed,
    split: str | None,
    path: Path,
    form: read.Form,
    skip: bool,
    at: datetime,
    restored: bool = False,
) -> Record:
    """Read, store and record a file; without `skip`, only if it has no problem.

    Args:
        operation: who adopts it, and why.
        ledger: its lock is held.
        feed: whose file it is.
        split: the split value of the file.
        path: the file.
        form: what is declared of it.
        skip: adopt the rows that can be read.
        at: when the partner got it, UTC.
        restored: it is a delivery of ours that the ledger lost, so the partner keeps
            the rows of other keys.

    Returns:
        The record; without a `state` if it was not adopted.

    Raises:
        Refused: it cannot be read, or has no row that can be adopted.
    """
    place = operation.place
    with (
        outbox.work(place.data, f"adopt.{feed.name}") as work,
        duck.open_session(Limits.read(operation.variables), work) as connection,
    ):
        copy = work / "file"
        shutil.copyfile(path, copy)
        contents = read.load(connection, feed, copy, path, form, work)
        check.cast(connection, feed, contents.columns, split)
        good = check.good_rows(feed, contents.columns, split)
        count = duck.value(connection, f"select count(*) from ({good})")
        fields: dict[str, Any] = {
            "feed": feed.name,
            "file": gate.label(feed, split),
            "split": split,
            "destination": feed.destination,
            "name": path.name,
            "sha256": sha256_of(copy),
            "bytes": copy.stat().st_size,
            "rows": count,
            "logical": format_utc(at),
            "columns": [column.name for column in contents.columns],
            "missing": contents.missing,
            "unknown": contents.unknown,
            "form": contents.form,
            "problems": duck.value(
                connection, "select count(distinct _line) from problems"
            ),
            "by": operation.by,
            "because": operation.because,
            **({"restored": True} if restored else {}),
        }
        listed = {"listed": _problems(connection)}
        if not count:
            raise Refused(
                f"{path} has no row that can be adopted. Nothing was adopted. "
                + " ".join(listed["listed"][:1])
            )
        if operation.dry_run or (fields["problems"] and not skip):
            return {**fields, **listed}
        before = _rows_before(operation, ledger, feed, split, restored)
        digest = _write_state(connection, feed, good, at, place.delivered, before)
        with atomic_write(adopted.path_of(place.data, fields["sha256"])) as part:
            shutil.copyfile(copy, part)
        state = {"model": feed.state.model, "sha256": digest}
        return {**ledger.append("adopted", **fields, state=state), **listed}


def _rows_before(
    operation: Operation, ledger: Ledger, feed: Feed, split: str | None, restored: bool
) -> str:
    """Return a FROM clause item of what a partner had before; "" if that is over.

    Of a feed whose files replace each other, the last values of keys that the file
    does not have are kept as former. A reader of changes keeps the rows of other keys,
    but an adopted file has all rows that it has.
    """
    if feed.replaces_by and not restored:
        return ""
    paths = [
        state.path(operation.place.delivered)
        for state in partner_state.current(ledger, feed.state.model)
        if (state.destination, state.split) == (feed.destination, split or "")
    ]
    if not paths:
        return ""
    rows = partner_state.rows(paths)
    return rows if feed.replaces_by else partner_state.former(rows)


def _write_state(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    good: str,
    at: datetime,
    delivered: Path,
    before: str,
) -> str:
    rows = (
        f"(select *, {partner_state.moment(at)} as _delivered_at, false as _is_former "
        f"from ({good}))"
    )
    if before:
        rows = partner_state.replaced(before, rows, feed.replaces_by or feed.key)
    query = f"select * from {rows}"
    return partner_state.write(
        connection, query, delivered, feed.state.model, feed.sort
    )


def _problems(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        f"select _line, name, problem from problems order by all limit {_LISTED}"
    ).fetchall()
    return [" ".join(filter(None, (f"line {row[0]}:", *row[1:]))) for row in rows]
