"""Find the rows that a key names, in any spelling and of any kind."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
from msgspec import structs

from monitor.why.subjects import Key, Subject
from runtime.duck import Row, name, rows, tables, text
from runtime.exits import Misuse
from runtime.log import LOG

_NAMED = re.compile(r"(?P<kind>\w+):\s*(?P<id>\d+)")
_NEAREST = 5
_LIST = 50


@dataclass(frozen=True, slots=True)
class _Spelling:
    """A key as it was typed, and the other ways to spell it."""

    key: str

    @property
    def bare(self) -> str:
        """The letters and digits of the key, in capitals."""
        return re.sub(r"[^A-Z0-9]+", "", self.key.upper())

    @property
    def loose(self) -> str:
        """A pattern that matches it in any case, with any separators or none."""
        if not self.bare:
            return re.escape(self.key)
        between = "[^A-Za-z0-9]*"
        return f"{between}{between.join(self.bare)}{between}"

    def fill(self, condition: str) -> str:
        """Put the key into a condition; see `subjects.Key`."""
        return (
            condition.replace("$key", text(self.key))
            .replace("$bare", text(self.bare))
            .replace("$loose", text(f"(?is){self.loose}"))
            .replace("$among", text(f"(?is)(^|[|,;\n\r]){self.loose}([|,;\n\r]|$)"))
        )


@dataclass(frozen=True, slots=True)
class Match:
    """One row of an audit that a key names.

    Attributes:
        subject: whether it is a part or an order.
        by: the kinds of name by which the key matches, such as ("SKU",).
        row: the row of the audit.
    """

    subject: Subject
    by: tuple[str, ...]
    row: Row

    @property
    def id(self) -> int | None:
        """The id of the item or order."""
        value = self.row[self.subject.id]
        return None if value is None else int(value)


def fitted(
    connection: duckdb.DuckDBPyConnection, subjects: Sequence[Subject]
) -> list[Subject]:
    """Return the subjects whose audit was built, each with what was built.

    A column that an audit lacks is null, but the name that people use is then that of
    the file. No key is looked up in another column that the audit lacks, or in a table
    that was not built: tables that something else than dbt wrote may be only those that
    `publish` needs.
    """
    built = tables(connection)
    return [
        _without_absent(_fitted(connection, each), built)
        for each in subjects
        if each.audit in built
    ]


def _without_absent(subject: Subject, built: frozenset[str]) -> Subject:
    keys = tuple(key for key in subject.keys if {*key.tables} <= built)
    details = subject.details if subject.details in built else None
    if (keys, details) != (subject.keys, subject.details):
        needed = {table for key in subject.keys for table in key.tables}
        needed |= {subject.details} if subject.details else set()
        missing = " and ".join(sorted(needed - built))
        because = f"the last build did not make {missing}"
        LOG.warning("less is shown", subject=subject.name, because=because)
    return structs.replace(subject, keys=keys, details=details)


def _fitted(connection: duckdb.DuckDBPyConnection, subject: Subject) -> Subject:
    described = rows(connection, f"describe {subject.audit}")
    columns = {row["column_name"] for row in described}
    lacking = [column for column in subject.columns if column not in columns]
    if not lacking:
        return subject
    named = subject.file_key[-1]
    sources = {subject.label: named} if named in columns else {}
    added = [
        f"{name(sources[each]) if each in sources else 'null::varchar'} as {name(each)}"
        for each in lacking
    ]
    padded = structs.replace(
        subject, audit=f"(select *, {', '.join(added)} from {subject.audit})"
    )
    return structs.replace(
        padded,
        keys=tuple(key for key in subject.keys if _binds(connection, padded, key)),
        likely=tuple(each for each in subject.likely if each in columns | {*sources}),
    )


def _binds(connection: duckdb.DuckDBPyConnection, subject: Subject, key: Key) -> bool:
    """Return whether an audit has the columns that a key is looked up in."""
    condition = _Spelling("x").fill(key.condition)
    try:
        connection.execute(f"select {condition} from {subject.audit} limit 0")
    except duckdb.BinderException:
        return False
    return True


def matches(
    connection: duckdb.DuckDBPyConnection, subjects: Sequence[Subject], key: str
) -> list[Match]:
    """Return the rows that a key names, at most 50 of each of some `fitted` subjects.

    `part:5` and `order:5` name one by its id alone.

    Raises:
        Misuse: the key is blank.
    """
    if not key.strip():
        raise Misuse("KEY is blank. Give a SKU, a part number, an order id ...")
    subjects, key = _narrowed(subjects, key.strip())
    return [
        match
        for subject in subjects
        if subject.keys
        for match in _matches(connection, subject, _Spelling(key))
    ]


def _matches(
    connection: duckdb.DuckDBPyConnection, subject: Subject, spelling: _Spelling
) -> list[Match]:
    conditions = [f"({spelling.fill(key.condition)})" for key in subject.keys]
    by = ", ".join(f"coalesce({condition}, false)" for condition in conditions)
    # First the ids, then whole rows: the search reads four columns, not 50.
    named, id_ = " or ".join(conditions), name(subject.id)
    ids = connection.execute(
        f"select distinct {id_} from {subject.audit} where {named} limit {_LIST}"
    ).fetchall()
    known = ", ".join(str(each) for (each,) in ids if each is not None) or "null"
    unknown = f" or {id_} is null" if (None,) in ids else ""
    query = (
        f"select *, [{by}] as _by from {subject.audit}"
        f" where ({id_} in ({known}){unknown}) and ({named})"
        f" order by {', '.join(map(name, (subject.id, *subject.place)))} limit {_LIST}"
    )
    matches = []
    for record in rows(connection, query):
        row = dict(record)
        holds = row.pop("_by")
        names = [
            key.name for key, true in zip(subject.keys, holds, strict=True) if true
        ]
        matches.append(Match(subject, tuple(dict.fromkeys(names)), row))
    return matches


def nearest(
    connection: duckdb.DuckDBPyConnection, subjects: Sequence[Subject], key: str
) -> list[str]:
    """Return the known keys whose spelling is closest to one that names nothing."""
    subjects, key = _narrowed(subjects, key.strip())
    # The best of each column first: sorting all together takes ten times as long.
    likeness = f"jaro_winkler_similarity(upper(known), upper({text(key)}))"
    candidates = " union all ".join(
        f"(select known, {likeness} as likeness from"
        f" (select cast({name(column)} as varchar) as known from {subject.audit})"
        " where known is not null"
        f" order by likeness desc, known limit {_LIST})"
        for subject in subjects
        for column in subject.likely
    )
    if not candidates:
        return []
    best = rows(
        connection,
        f"select distinct known, likeness from ({candidates})"
        f" order by likeness desc, known limit {_NEAREST}",
    )
    return [row["known"] for row in best if row["likeness"] > 0.6]


def _narrowed(subjects: Sequence[Subject], key: str) -> tuple[Sequence[Subject], str]:
    """Return the subjects that a key can name, and the key: `part:5` is a part's id."""
    named = _NAMED.fullmatch(key)
    about = [each for each in subjects if named and each.name == named["kind"]]
    if not named or not about:
        return subjects, key
    return [
        structs.replace(
            each,
            keys=(Key(f"{each.name} id", f"{each.id} = try_cast($key as bigint)"),),
            likely=(each.id,),
        )
        for each in about
    ], named["id"]
