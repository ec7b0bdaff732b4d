"""The preview: counts of the source rows and a sample of them, read from audit.csv.

A page shows at most `MOST` rows. Each reason gets an equal share of them, and so does
each combination of codes within a reason. So the sample has a row for every code that
fired. A hash chooses the rows, so that the page is the same each time.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from runtime import duck
from store.package import Package

# The columns that every audit has.
DECISION = ("status", "output", "reason_code", "reason_codes")
_MOST = 6


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the preview.

    Attributes:
        label: its heading.
        names: the audit's columns; the first one with a value is shown.
        figure: whether it is a number.
        key: whether it names the row.
        split: whether a split file is for one value of it.
        wide: whether it is a longer text.
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
    """Return the columns of a preview for the columns of an audit."""
    available = set(names)
    for known in _KNOWN:
        if available.intersection(known[0].names) and available.intersection(
            known[1].names
        ):
            return tuple(
                replace(
                    each, names=tuple(name for name in each.names if name in available)
                )
                for each in known
                if available.intersection(each.names)
            )
    others = [name for name in names if name not in DECISION][:_MOST]
    return tuple(
        Column(name, (name,), key=place == 0) for place, name in enumerate(others)
    )


MOST = 1_500  # rows of a preview
_WIDE = 160  # letters of a cell


@dataclass(frozen=True, slots=True)
class Preview:
    """Counts and a sample of an audit.

    Attributes:
        columns: the columns of a row, without the decision.
        rows: the cells of each row, then status, output, reason code and all codes.
        counts: (status, output, reason code) -> rows of this file in the audit.
        fired: code -> rows in which it fired, whether it decided or not.
        audit_rows: all rows of the audit; for a split file more than `counts`.
        split: the value of a split file.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    counts: Mapping[tuple[str, str, str], int]
    fired: Mapping[str, int]
    audit_rows: int
    split: str | None

    @property
    def total(self) -> int:
        """The number of rows that this file was made from."""
        return sum(self.counts.values())

    @property
    def by_status(self) -> Mapping[tuple[str, str], int]:
        """(status, output) -> rows."""
        counts: Counter[tuple[str, str]] = Counter()
        for (status, output, _), rows in self.counts.items():
            counts[status, output] += rows
        return counts


def read(
    connection: duckdb.DuckDBPyConnection, package: Package, most: int = MOST
) -> Preview | None:
    """Read the preview of a package; None if it has no audit.

    Args:
        connection: a session of DuckDB.
        package: the package.
        most: the greatest number of rows in the sample.

    Raises:
        OSError, ValueError, LookupError, duckdb.Error: the audit cannot be read.
    """
    table = package.table("audit")
    if table is None:
        return None
    names = [field["name"] for field in table["schema"]["fields"]]
    columns = shown_first(names)
    value = package.run.get("split")
    by = next((column.names[0] for column in columns if column.split), None)
    only = f"where {duck.name(by)} = {duck.text(str(value))}" if by and value else ""
    _combinations(connection, package, table, columns, only)
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
        _compare(package, counts)
    whole = table.get("rows", counts.total())
    return Preview(columns, rows, counts, fired, whole, str(value) if only else None)


def _compare(package: Package, counts: Mapping[tuple[str, str, str], int]) -> None:
    """Compare the counts with those of the manifest."""
    counted: Counter[tuple[str, str]] = Counter()
    for (status, _, reason), rows in counts.items():
        counted[status, reason] += rows
    declared = {
        (each["status"], each["reason"] or ""): each["rows"]
        for each in package.run.get("counts") or ()
    }
    if declared and declared != counted:
        raise ValueError(
            f"{package.folder / 'audit.csv'} does not have the rows that the manifest "
            "counts. Run verify.py on the package."
        )


def _combinations(
    connection: duckdb.DuckDBPyConnection,
    package: Package,
    table: Mapping[str, Any],
    columns: Sequence[Column],
    only: str,
) -> None:
    """Create `combinations`: decisions with their count and up to MOST rows each."""
    available = {field["name"] for field in table["schema"]["fields"]}
    cells = ", ".join(
        f"left(coalesce({', '.join(map(duck.name, column.names))}, ''), {_WIDE + 1})"
        for column in columns
    )
    decision = ", ".join(
        f"coalesce({duck.name(name)}, '') as {name}"
        if name in available
        else f"'' as {name}"
        for name in DECISION
    )
    connection.execute(
        f"create temp table combinations as with source as ("
        f"select {decision}, [{cells}] as cells from {package.read_csv(table)} "
        f"{only}) "
        f"select {', '.join(DECISION)}, count(*) as n, "
        f"arg_min(cells, hash(cells), {MOST}) as sample from source group by all"
    )


def _rows(
    connection: duckdb.DuckDBPyConnection,
    groups: Sequence[tuple[str, str, str, str, int]],
    most: int,
) -> tuple[tuple[str, ...], ...]:
    """Return the sample: cells, then the decision; ordered by the cells."""
    reasons: Counter[str] = Counter()
    for _, _, reason, _, count in groups:
        reasons[reason] += count
    if not reasons:
        return ()
    allowed = ", ".join(
        f"({duck.text(reason)}, {rows})"
        for reason, rows in shares(reasons, most).items()
    )
    names = ", ".join(DECISION)
    rows = connection.execute(
        f"with each_row as (select {names}, unnest(sample) as cells "
        f"from combinations), "
        f"turns as (select *, row_number() over (partition by {names} "
        f"order by hash(cells), cells) as turn from each_row), "
        f"places as (select *, row_number() over (partition by reason_code "
        f"order by turn, hash(cells), cells) as place from turns) "
        f"select cells, {names} from places join (values {allowed}) "
        f"as allowed(reason, rows) on reason = reason_code and place <= rows "
        f"order by cells, {names}"
    ).fetchall()
    return tuple((*map(clean, cells), *decision) for cells, *decision in rows)


def shares(reasons: Mapping[str, int], most: int) -> dict[str, int]:
    """Divide `most` rows equally among the reasons; no reason gets more than it has.

    Every reason gets at least one row, so the sum can be greater than `most`.
    """
    left, result = most, {}
    few_first = sorted(reasons.items(), key=lambda each: (each[1], each[0]))
    for place, (reason, rows) in enumerate(few_first):
        result[reason] = min(rows, max(left // (len(few_first) - place), 1))
        left -= result[reason]
    return result


def clean(value: str) -> str:
    """Make a text of the data printable, on one line and at most 160 letters long."""
    shown = "".join(
        c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value
    )
    return shown if len(shown) <= _WIDE else shown[:_WIDE] + " ..."
