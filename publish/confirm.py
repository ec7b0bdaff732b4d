"""Confirmation by a person of values that wait in review, with a reason.

An exposure declares in `confirm` the columns whose new values wait for a person, such
as a price that moved far from what the partner last had, and the reason code of their
rows. A confirmation allows one value in one column of one key. It ends when the source
shows another value.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import duckdb

from publish.operation import Operation, decision_options
from runtime import duck
from runtime.command import report
from runtime.duck import name, names, text
from runtime.environment import DataDirectory, Limits
from runtime.exits import Misuse, Refused, Stop
from runtime.log import LOG, start_logging
from store import confirmations, mart
from store.confirmations import Confirmation, Entry
from store.feeds import Feed
from store.ledger import Ledger

_MOST = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One value to confirm; `label` names the line in messages."""

    key: Mapping[str, str]
    column: str
    value: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks to confirm.

    Attributes:
        given: the key columns of every line. A line is about each row that has these.
        lines: at least one.
    """

    given: tuple[str, ...]
    lines: Sequence[Line]


def of_options(feed: Feed, key: Sequence[str], column: str, value: str) -> Request:
    """Return the request of `--key`, `--column` and `--value`.

    Args:
        feed: the declaration.
        key: column=value for some key columns, or a value for each in their order.
        column: whose value is confirmed.
        value: the value.

    Raises:
        Misuse: the key is neither of the two.
    """
    split = [each.partition("=") for each in key]
    pairs = {head: tail for head, equals, tail in split if equals and head in feed.key}
    if not pairs and len(key) == len(feed.key):
        pairs = dict(zip(feed.key, key, strict=True))
    if len(pairs) < len(key) or not pairs:
        expected = " ".join(f"--key {each}=VALUE" for each in feed.key)
        raise Misuse(f"expected {expected}, found {' '.join(key) or 'no --key'}")
    return Request(tuple(pairs), [Line(pairs, column, value)])


def of_file(feed: Feed, path: Path) -> Request:
    """Return the request of a CSV file with key columns, `column` and `value`.

    Other columns are ignored.

    Raises:
        Misuse: it is no such file.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            header = reader.fieldnames or ()
            given = tuple(each for each in feed.key if each in header)
            if not given or not {"column", "value"} <= {*header}:
                raise Misuse(
                    f"{path}: expected a header with {', '.join(feed.key)}, column and "
                    f"value, found {', '.join(header) or 'none'}"
                )
            lines = []
            for record in reader:
                label = f"line {reader.line_num}"
                if None in record or None in record.values():
                    raise Misuse(f"{path}, {label}: expected {len(header)} fields")
                key = {each: record[each] for each in given}
                lines.append(Line(key, record["column"], record["value"], label))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Misuse(f"{path}: expected CSV in UTF-8, found: {error}") from None
    if not lines:
        raise Misuse(f"{path}: expected a line below the header, found none")
    return Request(given, lines)


@click.command()
@click.argument("feed")
@click.option(
    "--key",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="A column of the row's key; again for each, or their values in order.",
)
@click.option("--column", metavar="NAME", help="The column whose value is right.")
@click.option("--value", metavar="TEXT", help="The value, as the source shows it.")
@click.option(
    "--from",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A CSV file of many: key columns, column, value.",
)
@click.option("--list", "listed", is_flag=True, help="Print what waits, as such CSV.")
@decision_options(required=False)
def confirm(
    feed: str,
    key: tuple[str, ...],
    column: str | None,
    value: str | None,
    path: Path | None,
    listed: bool,
    because: str | None,
    dry_run: bool,
    as_json: bool,
    log_format: str,
    quiet: bool,
) -> None:
    """Confirm values of FEED that wait in review, such as a price that moved far.

    The next `publish build` lets them out. A key column that is not given may have any
    value. A confirmation ends when the source shows another value.
    """
    start_logging(log_format, quiet)
    parts = [bool(key), column is not None, value is not None]
    if [any(parts), path is not None, listed].count(True) != 1 or len({*parts}) > 1:
        raise Misuse(
            "expected --key, --column and --value together, or --from, or --list"
        )
    operation = Operation.read("a list" if listed else because or "", dry_run or listed)
    declared = operation.feed(feed)
    if listed:
        _list(operation, declared, as_json)
        return
    if path is not None:
        request = of_file(declared, path)
    else:
        request = of_options(declared, key, str(column), str(value))
    limits = Limits.read(operation.variables)
    with (
        operation.ledger() as ledger,
        mart.find(operation.place).open(limits) as connection,
    ):
        entries = _entries(connection, declared, request)
        if not dry_run:
            confirmations.record(
                connection, ledger, operation.place.delivered, "confirmed", feed,
                entries, by=operation.by, because=operation.because,
            )  # fmt: skip
    report(
        {"status": "done", "dry_run": dry_run, "file": feed, "entries": entries},
        _to_text(declared, entries, dry_run),
        as_json,
    )


def _entries(
    connection: duckdb.DuckDBPyConnection, feed: Feed, request: Request
) -> list[Entry]:
    _load(connection, request.given, request.lines)
    types = {column.name: column.type for column in feed.columns}
    casts = " ".join(
        f"when {text(each)} "
        f"then cast(try_cast(lines.value as {types[each]}) as varchar)"
        for each in feed.confirm
    )
    connection.execute(
        "create temp table judged as select shown.*, lines.number, "
        f"case lines.column_name {casts} end as wanted, "
        "coalesce(shown.waits and shown.value = wanted, false) as is_right "
        f"from lines left join ({_shown(feed)}) as shown on {_same(request.given)}"
    )
    wrong = duck.rows(
        connection,
        "select number, any_value(wanted) as wanted, count(value) as present, "
        "list(distinct value) filter (waits) as waiting from judged "
        "group by number having not bool_or(is_right) order by number",
    )
    if wrong:
        raise Refused(_refusal(feed, request, wrong))
    right = connection.execute(
        f"select distinct {names(feed.key)}, column_name, value from judged "
        "where is_right order by all"
    ).fetchall()
    return [
        {
            "key": dict(zip(feed.key, key, strict=True)),
            "column": column,
            "value": value,
        }
        for *key, column, value in right
    ]


def _refusal(feed: Feed, request: Request, wrong: Sequence[duck.Row]) -> str:
    sentences = []
    for row in wrong[:_MOST]:
        line = request.lines[row["number"]]
        label = f"{line.label}: " if line.label else ""
        sentences.append(f"{label}{_reason(feed, line, row)}.")
    if len(wrong) > _MOST:
        sentences.append(f"And {len(wrong) - _MOST:,} more lines.")
    return " ".join([*sentences, "Nothing was confirmed."])


def _reason(feed: Feed, line: Line, row: duck.Row) -> str:
    column = line.column
    key = ", ".join(f"{each} {value!r}" for each, value in line.key.items())
    if column not in feed.confirm:
        return f"expected a column of {', '.join(feed.confirm)}, found {column!r}"
    if row["wanted"] is None:
        return f"expected a value of {column}, found {line.value!r}"
    if not row["present"]:
        return f"expected a row of the last build with {key}, found none"
    if not row["waiting"]:
        code = feed.confirm[column]
        return f"{column} of {key} does not wait: the last build gives it no {code}"
    values = " and ".join(map(str, sorted(row["waiting"])[:3]))
    return f"expected the {column} that the source shows for {key}, {values}, found " \
        f"{line.value!r}"  # fmt: skip


def _list(operation: Operation, feed: Feed, as_json: bool) -> None:
    """Print the values that wait by the last build, in columns that `of_file` reads.

    `last_value` and `last_delivered_at` have a value if the audit has the columns
    `last_<column>` and `last_delivered_at`.
    """
    last = ("last_value", "last_delivered_at")
    limits = Limits.read(operation.variables)
    with mart.find(operation.place).open(limits) as connection:
        rows = duck.rows(
            connection,
            f"select {names(feed.key)}, column_name as \"column\", value, "
            f"{names(last)} from ({_shown(feed, _columns(connection, feed))}) "
            "where waits order by all",
        )  # fmt: skip
    out = io.StringIO()
    header = (*feed.key, "column", "value", *last)
    writer = csv.DictWriter(out, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    report({"status": "done", "waiting": rows}, out.getvalue().rstrip("\n"), as_json)


def _to_text(feed: Feed, entries: Sequence[Entry], dry_run: bool) -> str:
    """Write what was confirmed, or would be, and what to do next."""
    verb = "Would confirm" if dry_run else "Confirmed"
    count = "1 value" if len(entries) == 1 else f"{len(entries):,} values"
    lines = [f"{verb} {count} of {feed.name}:"]
    for entry in entries[:_MOST]:
        key = ", ".join(f"{each} {value}" for each, value in entry["key"].items())
        lines.append(f"  {entry['column']} {entry['value']} of {key}")
    if len(entries) > _MOST:
        lines.append(f"  and {len(entries) - _MOST:,} more")
    if not dry_run:
        lines.append(f"`publish build`, then `publish {feed.name}` lets them out.")
    return "\n".join(lines)


def end_outdated(
    place: DataDirectory, limits: Limits, ledger: Ledger, feed: Feed
) -> None:
    """End the confirmations of a feed for which the built audit has another value.

    A key that the audit lacks, or that has no value, ends nothing. An error is logged:
    the next run tries again.

    Args:
        place: the data directory.
        limits: for DuckDB.
        ledger: its lock is held.
        feed: the declaration.
    """
    known = confirmations.counting(ledger, feed.name) if feed.confirm else []
    if not known:
        return
    try:
        with mart.find(place).open(limits) as connection:
            if outdated := _outdated(connection, feed, known):
                confirmations.record(
                    connection, ledger, place.delivered, "voided", feed.name, outdated,
                    because="the source shows another value",
                )  # fmt: skip
                LOG.info("confirmations ended", feed=feed.name, count=len(outdated))
    except Stop as stop:
        LOG.warning("no check of confirmations", feed=feed.name, because=stop)


def _outdated(
    connection: duckdb.DuckDBPyConnection, feed: Feed, known: Sequence[Confirmation]
) -> list[Entry]:
    _load(connection, feed.key, known)
    rows = connection.execute(
        f"select lines.number from lines join ({_shown(feed)}) as shown "
        f"on {_same(feed.key)} where shown.value is not null group by all "
        "having not bool_or(shown.value = lines.value) order by all"
    ).fetchall()
    return [known[number].entry for (number,) in rows]


def _load(
    connection: duckdb.DuckDBPyConnection,
    key: Sequence[str],
    lines: Sequence[Line | Confirmation],
) -> None:
    """Make the table `lines`: a number from 0, the key, column_name and value."""
    values = [
        {"number": number, **each.key, "column_name": each.column, "value": each.value}
        for number, each in enumerate(lines)
    ]
    texts = dict.fromkeys((*key, "column_name", "value"), "VARCHAR")
    shape = json.dumps([{"number": "BIGINT", **texts}])
    connection.execute(
        "create temp table lines as select unnest(from_json("
        f"{text(json.dumps(values))}, {text(shape)}), recursive := true)"
    )


def _shown(feed: Feed, columns: frozenset[str] = frozenset()) -> str:
    """Return a query of the values of the built audit in the columns of `confirm`.

    Args:
        feed: the declaration.
        columns: of the audit, for what the partner last had.
    """
    if feed.audit is None or not feed.confirm:
        raise Misuse(
            f"expected a file whose exposure has the field `confirm`; found {feed.name}"
        )
    key = ", ".join(f"cast({n} as varchar) as {n}" for n in map(name, feed.key))
    types = {column.name: column.type for column in feed.columns}

    def last(column: str) -> str:
        return f"cast({name(column)} as varchar)" if column in columns else "null"

    return " union all ".join(
        f"select {key}, {text(column)} as column_name, "
        f"cast(cast({name(column)} as {types[column]}) as varchar) as value, "
        f"list_contains(string_split(reason_codes, '|'), {text(code)}) as waits, "
        f"{last(f'last_{column}')} as last_value, "
        f"{last('last_delivered_at')} as last_delivered_at from {feed.audit.sql}"
        for column, code in feed.confirm.items()
    )


def _columns(connection: duckdb.DuckDBPyConnection, feed: Feed) -> frozenset[str]:
    audit = feed.audit.sql if feed.audit else "(select null)"
    rows = connection.execute(f"describe from {audit}").fetchall()
    return frozenset(row[0] for row in rows)


def _same(key: Sequence[str]) -> str:
    columns = map(name, (*key, "column_name"))
    return " and ".join(f"lines.{column} = shown.{column}" for column in columns)
