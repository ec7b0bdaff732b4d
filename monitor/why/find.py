"""Which rows a key names, as people have it: in any spelling, of any kind."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb

from monitor.warehouse import Row, rows, tables, text
from monitor.why.subjects import Key, Subject
from runtime.exits import Misuse

_NAMED = re.compile(r"(?P<kind>part|order):\s*(?P<id>\d+)")
_NEAREST = 5
_LIST = 50


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
        Misuse: the key holds no letter and no digit.
    """
    if named := _NAMED.fullmatch(key.strip()):
        subjects, key = _by_id(subjects, named["kind"]), named["id"]
    given = {"$key": key.strip(), "$loose": _loose(key), "$bare": _bare(key)}
    built = tables(connection)
    return [
        match
        for subject in subjects
        if subject.audit in built
        for match in _of(connection, subject, given)
    ]


def _of(
    connection: duckdb.DuckDBPyConnection, subject: Subject, given: dict[str, str]
) -> list[Match]:
    asked = [
        f"coalesce({_filled(key.condition, given)}, false)" for key in subject.keys
    ]
    # The conditions once more: a list of all that hold would be made for every row.
    query = (
        f"select *, [{', '.join(asked)}] as _by from {subject.searched} "
        f"where {' or '.join(asked)} "
        f"order by {', '.join((subject.id, *subject.place))} limit {_LIST}"
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
    built = tables(connection)
    if named := _NAMED.fullmatch(key.strip()):
        subjects, key = _by_id(subjects, named["kind"]), named["id"]
    candidates = " union all ".join(
        f"select cast({column} as varchar) as known from {subject.searched} "
        f"where {column} is not null"
        for subject in subjects
        if subject.searched in built
        for column in (subject.likely if named is None else (subject.id,))
    )
    if not candidates:
        return []
    found = rows(
        connection,
        "select known, max(jaro_winkler_similarity(upper(known),"
        f" upper({text(key)}))) as likeness"
        f" from ({candidates}) group by known"
        f" order by likeness desc, known limit {_NEAREST}",
    )
    return [row["known"] for row in found if row["likeness"] > 0.6]


def _filled(condition: str, given: dict[str, str]) -> str:
    return re.sub(
        "|".join(map(re.escape, given)), lambda found: text(given[found[0]]), condition
    )


def _by_id(subjects: Sequence[Subject], kind: str) -> list[Subject]:
    return [
        replace(
            each,
            keys=(Key(f"{kind} id", f"{each.id} = try_cast($key as bigint)"),),
        )
        for each in subjects
        if each.name == kind
    ]


def _bare(key: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "", key.upper())


def _loose(key: str) -> str:
    """Return a pattern for the key in any case, with any separators or none.

    A key of other letters than A to Z is matched as it stands.
    """
    between = "[^A-Za-z0-9]*"
    bare = _bare(key)
    if bare:
        return f"(?is){between}{between.join(bare)}{between}"
    if not key.strip():
        raise Misuse("KEY is blank. Give a SKU, a part number, an order id ...")
    return re.escape(key.strip())
