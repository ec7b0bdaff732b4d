"""What `monitor health` asks of the warehouse, with the answers: answers.json.

dbt writes the file when a build ends (`store.dbt_answers`). So health needs no
DuckDB, which takes most of its time. The file belongs to one state of the warehouse
and has the exact SQL of each question. Any other question, or one of another
warehouse, is asked of the warehouse itself. The same holds if the file is missing,
damaged, or of another version of this format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from runtime import duck
from runtime.environment import Limits
from runtime.files import write_json
from store import builds
from store.feeds import Feed

if TYPE_CHECKING:
    import duckdb

SEED_ENTRIES = """
select seed, source_name as source, bool_or(is_forbidding) as is_forbidding,
    coalesce(list(entry order by entry) filter (is_matched), []) as matched,
    coalesce(list(entry order by entry) filter (not is_matched), []) as unmatched
from warehouse.main.seed_entries group by seed, source_name order by seed
"""
# The rows of each query, by its SQL; None if a table of it does not exist.
Answers = Mapping[str, list[duck.Row] | None]


class _File(msgspec.Struct):
    """The content of answers.json; a later form of it gets another `format`."""

    format: Literal[1]
    warehouse: dict[str, int]
    answers: dict[str, list[Mapping[str, Any]] | None]


_DECODE = msgspec.json.Decoder(_File).decode


def waiting(feed: Feed) -> str:
    """Return the query for the values of each column of `confirm` that wait.

    "" for a feed without an audit.
    """
    if feed.audit is None:
        return ""
    counts = [
        f"count({duck.name(column)}) filter (list_contains("
        f"string_split(reason_codes, '|'), {duck.text(code)})) as {duck.name(column)}"
        for column, code in feed.confirm.items()
    ]
    return f"select {', '.join(['count(*)', *counts])} from {feed.audit.sql}"


def periods(feed: Feed) -> str:
    """Return the query for the split values of a feed, with `since` and `until`.

    "" for a feed of one file. Without `open` in the declaration both are null.
    """
    if feed.split_by is None:
        return ""
    relation, since, until = feed.model.sql, "null", "null"
    if feed.open:
        relation = feed.open.relation.sql
        since, until = duck.name(feed.open.since), duck.name(feed.open.until)
    return (
        f"select distinct cast({duck.name(feed.split_by)} as varchar) as value, "
        f"strftime({since}, '%Y-%m-%dT%H:%M:%SZ') as since, "
        f"strftime({until}, '%Y-%m-%dT%H:%M:%SZ') as until from {relation}"
    )


def read(warehouse: Path) -> Answers:
    """Return the answers; none if they are of another state of the warehouse."""
    try:
        content = _DECODE(_path(warehouse).read_bytes())
    except (OSError, ValueError):
        return {}
    return content.answers if content.warehouse == _state(warehouse) else {}


def write(warehouse: Path, limits: Limits, feeds: Sequence[Feed]) -> None:
    """Ask all questions, and write the file.

    Args:
        warehouse: which no process has open for writing.
        limits: of DuckDB.
        feeds: those of the project.

    Raises:
        Stop, OSError, duckdb.Error: the warehouse cannot be read.
    """
    of_feeds = [query(feed) for query in (waiting, periods) for feed in feeds]
    queries = [builds.NEWEST, SEED_ENTRIES, *filter(None, of_feeds)]
    with duck.open_warehouse(warehouse, limits) as connection:
        answers = {query: ask(connection, query) for query in queries}
        # While it is open here, nobody changes it.
        if state := _state(warehouse):
            content = {"format": 1, "warehouse": state, "answers": answers}
            write_json(_path(warehouse), content)


def ask(connection: duckdb.DuckDBPyConnection, query: str) -> list[duck.Row] | None:
    """Return the rows of a query; None if a table of it does not exist."""
    try:
        return duck.rows(connection, query)
    except duck.missing_table():
        return None


def _path(warehouse: Path) -> Path:
    return warehouse.with_name("answers.json")


def _state(warehouse: Path) -> dict[str, int] | None:
    """Return what changes whenever the file changes; None while changes wait in a log.

    DuckDB writes small changes into `.wal` first.
    """
    try:
        if warehouse.with_name(f"{warehouse.name}.wal").exists():
            return None
        status = warehouse.stat()
    except OSError:
        return None
    return {
        "bytes": status.st_size,
        "inode": status.st_ino,
        "written": status.st_mtime_ns,
        "changed": status.st_ctime_ns,
    }
