"""What became of the source rows, from one pass over audit.csv, and rows to look at.

Where there are more rows than a page can carry, each reason gets an equal share of it,
and within a reason each combination of codes, so that every code that fired is seen
with a row. Which rows of those is decided by a hash: the same page each time.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from runtime.duck import sql_text
from runtime.environment import Limits
from store.package import Package

# What every audit has, whatever it is about.
DECISION = ("status", "output", "reason_code", "reason_codes")
_MOST = 6


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the preview.

    Attributes:
        label: its heading.
        names: the audit's columns; the first one that has a value is shown.
        figure: whether it is set as a number.
        key: whether it names the row.
        split: whether a split file is about one value of it.
        wide: whether it is prose.
    """

    label: str
    names: tuple[str, ...]
    figure: bool = False
    key: bool = False
    split: bool = False
    wide: bool = False


_KNOWN: tuple[tuple[Column, ...], ...] = (
    (
        Column("Part", ("supplier_sku", "item_name", "item_id"), key=True),
        Column("On hand", ("on_hand_raw", "qty_on_hand"), figure=True),
        Column("Type", ("part_type", "part_type_raw")),
        Column("Location", ("location_name", "location_code")),
        Column("Description", ("description", "description_raw"), wide=True),
    ),
    (
        Column("Order", ("order_id",), key=True),
        Column("Rows", ("rows",), figure=True),
        Column("Term", ("sis_term_id",), split=True),
        Column("Sections", ("sections",), figure=True),
        Column("Items", ("items",), figure=True),
        Column("Requests", ("requests",), figure=True),
        Column("Updated", ("order_updated",), wide=True),
    ),
)


def shown_first(names: Sequence[str]) -> tuple[Column, ...]:
    """Choose the columns of a preview by the names of the audit's columns."""
    there = set(names)
    for known in _KNOWN:
        if there.intersection(known[0].names) and there.intersection(known[1].names):
            return tuple(
                replace(each, names=tuple(name for name in each.names if name in there))
                for each in known
                if there.intersection(each.names)
            )
    others = [name for name in names if name not in DECISION][:_MOST]
    return tuple(
        Column(name, (name,), key=place == 0) for place, name in enumerate(others)
    )


MOST = 1_500  # rows of a preview
_WIDE = 160  # letters of a cell


@dataclass(frozen=True, slots=True)
class Preview:
    """Rows of an audit.

    Attributes:
        columns: what is shown of a row, beside its decision.
        rows: the cells of each row, then status, output, reason code and all codes.
        counts: (status, output, reason code) -> rows of this file's part of the audit.
        fired: code -> rows in which it fired, decisive or not.
        audit_rows: all rows of the audit; more than are counted where it is split.
        split: the value that a split file is about.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    counts: Mapping[tuple[str, str, str], int]
    fired: Mapping[str, int]
    audit_rows: int
    split: str | None

    @property
    def total(self) -> int:
        """How many rows this file was made from."""
        return sum(self.counts.values())

    @property
    def by_status(self) -> Mapping[tuple[str, str], int]:
        """(status, output) -> rows."""
        told: Counter[tuple[str, str]] = Counter()
        for (status, output, _), rows in self.counts.items():
            told[status, output] += rows
        return told


def of(
    package: Package, limits: Limits, scratch: Path, most: int = MOST
) -> Preview | None:
    """Read the preview of a package; None where it has no audit.

    Args:
        package: the package.
        limits: memory and threads for DuckDB.
        scratch: a folder that exists, to spill to.
        most: how many rows to choose at most.

    Raises:
        OSError, ValueError, LookupError, duckdb.Error: it cannot be read.
    """
    table = package.table("audit")
    if table is None:
        return None
    names = [field["name"] for field in table["schema"]["fields"]]
    columns = shown_first(names)
    value = package.run.get("split")
    by = next((column.names[0] for column in columns if column.split), None)
    only = f"where {_name(by)} = {sql_text(str(value))}" if by and value else ""
    config: dict[str, Any] = {
        "memory_limit": limits.memory,
        "threads": limits.threads,
        "temp_directory": str(scratch / "spill"),
    }
    with duckdb.connect(config=config) as connection:
        _read(connection, package, table, columns, only)
        groups = connection.execute(
            "select status, output, reason_code, reason_codes, sum(n)::bigint "
            "from combinations group by all"
        ).fetchall()
        rows = _rows(connection, groups, most)
    counts: Counter[tuple[str, str, str]] = Counter()
    fired: Counter[str] = Counter()
    for status, output, reason, codes, count in groups:
        counts[status, output, reason] += count
        for code in codes.split("|") if codes else [reason]:
            fired[code] += count
    if not only:
        _same(package, counts)
    whole = table.get("rows", counts.total())
    return Preview(columns, rows, counts, fired, whole, str(value) if only else None)


def _same(package: Package, counts: Mapping[tuple[str, str, str], int]) -> None:
    """Hold what was counted here against what the manifest says was."""
    here: Counter[tuple[str, str]] = Counter()
    for (status, _, reason), rows in counts.items():
        here[status, reason] += rows
    told = {
        (each["status"], each["reason"] or ""): each["rows"]
        for each in package.run.get("counts") or ()
    }
    if told and told != here:
        raise ValueError(
            f"{package.folder / 'audit.csv'} has other rows than its manifest counts. "
            "Run verify.py on the package."
        )


def _read(
    connection: duckdb.DuckDBPyConnection,
    package: Package,
    table: Mapping[str, Any],
    columns: Sequence[Column],
    only: str,
) -> None:
    """Make `combinations`: each with its count and up to MOST of its rows."""
    there = {field["name"] for field in table["schema"]["fields"]}
    cells = ", ".join(
        f"left(coalesce({', '.join(map(_name, column.names))}, ''), {_WIDE + 1})"
        for column in columns
    )
    decision = ", ".join(
        f"coalesce({_name(name)}, '') as {name}" if name in there else f"'' as {name}"
        for name in DECISION
    )
    connection.execute(
        f"create temp table combinations as with source as ("
        f"select {decision}, [{cells}] as cells from {package.read_csv(table)} "
        f"{only}) "
        f"select {', '.join(DECISION)}, count(*) as n, "
        f"arg_min(cells, hash(cells), {MOST}) as kept from source group by all"
    )


def _rows(
    connection: duckdb.DuckDBPyConnection,
    groups: Sequence[tuple[str, str, str, str, int]],
    most: int,
) -> tuple[tuple[str, ...], ...]:
    """Choose the rows to show, ordered as the audit is: by what names them."""
    reasons: Counter[str] = Counter()
    for _, _, reason, _, count in groups:
        reasons[reason] += count
    if not reasons:
        return ()
    allowed = ", ".join(
        f"({sql_text(reason)}, {rows})"
        for reason, rows in shares(reasons, most).items()
    )
    decision = ", ".join(DECISION)
    found = connection.execute(
        f"with each_row as (select {decision}, unnest(kept) as cells "
        f"from combinations), "
        f"turns as (select *, row_number() over (partition by {decision} "
        f"order by hash(cells), cells) as turn from each_row), "
        f"places as (select *, row_number() over (partition by reason_code "
        f"order by turn, hash(cells), cells) as place from turns) "
        f"select cells, {decision} from places join (values {allowed}) "
        f"as allowed(reason, rows) on reason = reason_code and place <= rows "
        f"order by cells, {decision}"
    ).fetchall()
    return tuple((*map(clean, cells), *decided) for cells, *decided in found)


def shares(reasons: Mapping[str, int], most: int) -> dict[str, int]:
    """Divide `most` rows among reasons: equally, and no reason more than it has.

    Every reason gets one row at least, so a page can have more than `most`.
    """
    left, told = most, {}
    few_first = sorted(reasons.items(), key=lambda each: (each[1], each[0]))
    for place, (reason, rows) in enumerate(few_first):
        told[reason] = min(rows, max(left // (len(few_first) - place), 1))
        left -= told[reason]
    return told


def clean(value: str) -> str:
    """Make a text from the data fit for one line: visible, and not endless."""
    shown = "".join(
        c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value
    )
    return shown if len(shown) <= _WIDE else shown[:_WIDE] + " ..."


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
