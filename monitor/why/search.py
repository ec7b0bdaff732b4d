"""Which rows a key names, as people have it: in any spelling, of any kind."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

import duckdb

from monitor.why.subjects import Key, Subject
from runtime.duck import Row, rows, sql_text, tables
from runtime.exits import Misuse

_NAMED = re.compile(r"(?P<kind>part|order):\s*(?P<id>\d+)")
_NEAREST = 5
_LIST = 50


@dataclass(frozen=True, slots=True)
class _Given:
    """A key as it was typed, and how it may be spelled."""

    key: str

    @property
    def bare(self) -> str:
        """Its letters and digits, in capitals."""
        return re.sub(r"[^A-Z0-9]+", "", self.key.upper())

    @property
    def loose(self) -> str:
        """A pattern for it in any case, with any separators or none."""
        if not self.bare:
            return re.escape(self.key)
        between = "[^A-Za-z0-9]*"
        return f"{between}{between.join(self.bare)}{between}"

    def fill(self, condition: str) -> str:
        """Put the key into a condition; see `subjects.Key`."""
        return (
            condition.replace("$key", sql_text(self.key))
            .replace("$bare", sql_text(self.bare))
            .replace("$loose", sql_text(f"(?is){self.loose}"))
            .replace("$among", sql_text(f"(?is)(^|[|,;\n\r]){self.loose}([|,;\n\r]|$)"))
        )


@dataclass(frozen=True, slots=True)
class Match:
    """One row of an audit that a key names.

    Attributes:
        subject: what it is.
        by: the kinds of key that name it, such as ("SKU",).
        row: the audit's row.
    """

    subject: Subject
    by: tuple[str, ...]
    row: Row

    @property
    def id(self) -> int | None:
        """The id of the item or order."""
        found = self.row[self.subject.id]
        return None if found is None else int(found)


def matches(
    connection: duckdb.DuckDBPyConnection, subjects: Sequence[Subject], key: str
) -> list[Match]:
    """Return the rows that a key names, at most 50 of each subject.

    `part:5` and `order:5` name one by its id alone.

    Raises:
        Misuse: the key is blank.
    """
    if not key.strip():
        raise Misuse("KEY is blank. Give a SKU, a part number, an order id ...")
    subjects, key = _meant(subjects, key.strip())
    built, given, beside = tables(connection), _Given(key), Parallel(connection)

    def look(subject: Subject) -> Callable[[duckdb.DuckDBPyConnection], list[Match]]:
        return lambda cursor: _of(cursor, subject, given)

    begun = [beside.begin(look(each)) for each in subjects if each.audit in built]
    return [match for found in begun for match in found.result()]


def _of(
    connection: duckdb.DuckDBPyConnection, subject: Subject, given: _Given
) -> list[Match]:
    asked = [f"({given.fill(key.condition)})" for key in subject.keys]
    # First which rows, then all of them and by what: it reads four columns, not 50.
    query = (
        f"select *, [{', '.join(f'coalesce({each}, false)' for each in asked)}] as _by"
        f" from {subject.audit} where rowid in"
        f" (select rowid from {subject.audit} where {' or '.join(asked)} limit {_LIST})"
        f" order by {', '.join((subject.id, *subject.place))}"
    )
    made = []
    for found in rows(connection, query):
        row = dict(found)
        by = dict.fromkeys(
            key.name
            for key, holds in zip(subject.keys, row.pop("_by"), strict=True)
            if holds
        )
        made.append(Match(subject, tuple(by), row))
    return made


def nearest(
    connection: duckdb.DuckDBPyConnection, subjects: Sequence[Subject], key: str
) -> list[str]:
    """Return the keys that are spelled most like one that names nothing."""
    subjects, key = _meant(subjects, key.strip())
    built = tables(connection)
    # The best of each column first: to bring all together would take ten times as long.
    likeness = f"jaro_winkler_similarity(upper(known), upper({sql_text(key)}))"
    candidates = " union all ".join(
        f"(select known, {likeness} as likeness from (select cast({column} as varchar)"
        f" as known from {subject.audit}) where known is not null"
        f" order by likeness desc, known limit {_LIST})"
        for subject in subjects
        if subject.audit in built
        for column in subject.likely
    )
    if not candidates:
        return []
    found = rows(
        connection,
        f"select distinct known, likeness from ({candidates})"
        f" order by likeness desc, known limit {_NEAREST}",
    )
    return [row["known"] for row in found if row["likeness"] > 0.6]


def _meant(subjects: Sequence[Subject], key: str) -> tuple[Sequence[Subject], str]:
    """Return what a key is about and the key: `part:5` is the id of a part."""
    named = _NAMED.fullmatch(key)
    if named is None:
        return subjects, key
    return [
        replace(
            each,
            keys=(Key(f"{each.name} id", f"{each.id} = try_cast($key as bigint)"),),
            likely=(each.id,),
        )
        for each in subjects
        if each.name == named["kind"]
    ], named["id"]


T = TypeVar("T")


@dataclass(slots=True)
class Parallel:
    """Runs looks at the warehouse, each through a connection of its own.

    Attributes:
        connection: the warehouse.
    """

    connection: duckdb.DuckDBPyConnection
    _pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=2)
    )

    def begin(self, look: Callable[[duckdb.DuckDBPyConnection], T]) -> "Future[T]":
        """Begin a look; its answer, or its error, is in what is returned."""
        return self._pool.submit(self._look, look)

    def _look(self, look: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        with self.connection.cursor() as cursor:
            # A setting is of one connection.
            cursor.execute("set TimeZone = 'UTC'")
            return look(cursor)
