"""`publish feedback`: record the report by which a partner rejects rows."""

import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import duckdb

from publish.operation import Operation, decision_options
from runtime import duck
from runtime.command import report
from runtime.environment import Limits
from runtime.exits import Misuse, Refused
from runtime.files import atomic_write, sha256_of
from runtime.log import start_logging
from store import feedback, outbox
from store.feeds import Feed
from store.ledger import Ledger, Record
from store.package import Package

# Deliveries of the feed that are searched for the keys of a report.
_DELIVERIES = 50
# What the ledger keeps of a report; the report itself is stored whole.
_CODES, _KEYS = 50, 10


@click.command("feedback")
@click.argument("feed")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--run", "run", metavar="RUN", help="The run that it is about.")
@decision_options("Where it came from.")
def command(
    feed: str,
    path: Path,
    run: str | None,
    because: str,
    dry_run: bool,
    as_json: bool,
    log_format: str,
    quiet: bool,
) -> None:
    """Record FILE, a partner's report of rejected rows of FEED.

    The exposure declares its columns (`feedback`). Each row belongs to the newest
    delivered run whose file has its key. The pages of these runs, `monitor why` and
    `monitor health` show it.

    Exit codes: 0 recorded, or recorded before; 1 recorded, but no file has some of the
    keys, or nothing recorded, because no file has any; 2 wrong declaration.
    """
    start_logging(log_format, quiet)
    operation = Operation.read(because, dry_run)
    declared = operation.feed(feed)
    if declared.feedback is None:
        raise Misuse(
            f"exposure {feed}: expected the field feedback, which declares the columns "
            "of the report, found none. docs/exposures.schema.json explains it."
        )
    if not path.is_file():
        raise Misuse(f"expected a report, found no file {path}")
    with operation.ledger() as ledger:
        records = _record(operation, ledger, declared, path, run)
    code = 1 if any(record["unknown"] for record in records) else 0
    status = "unknown keys" if code else "done"
    result = {"status": status, "exit_code": code, "dry_run": dry_run}
    text = "\n".join(_to_text(record, dry_run) for record in records)
    report({**result, "records": records}, text, as_json)
    sys.exit(code)


def _record(
    operation: Operation, ledger: Ledger, feed: Feed, path: Path, run: str | None
) -> list[Record]:
    """Match and record a report; return the record of each run, the newest run first.

    Earlier records of the same report are returned in place of new ones.
    """
    digest = sha256_of(path)
    packages = _delivered(operation, ledger, feed, run)
    known: list[Record] = [
        {**before, "again": True}
        for before in ledger.all("feedback", feed=feed.name)
        if before["report"] == digest
        and bool(before.get("run")) is bool(run)
        and (run is None or before["run_id"] == packages[0].run_id)
    ]
    # A process that ended in between recorded some of the runs.
    if known and len(known) >= known[0].get("runs", 1):
        return known
    fields = {
        "feed": feed.name,
        "name": path.name,
        "report": digest,
        "bytes": path.stat().st_size,
        "columns": dict(feed.feedback or {}),
        "by": operation.by,
        "because": operation.because,
        **({"run": run} if run else {}),
    }
    stored = feedback.path_of(operation.place.data, digest)
    with tempfile.TemporaryDirectory() as folder:
        runs = _match(
            Limits.read(operation.variables), path, feed, packages, Path(folder), run
        )
        if operation.dry_run:
            return [{**fields, **each} for each in runs]
        with atomic_write(stored) as copy:
            shutil.copyfile(path, copy)
            if sha256_of(copy) != digest:
                raise Refused(f"{path} was written while it was read. Run this again.")
        for each in runs:
            if part := each.get("part"):
                target = feedback.path_of(operation.place.data, part)
                with atomic_write(target) as copy:
                    shutil.copyfile(Path(folder) / part, copy)
    recorded = {record["run_id"]: record for record in known}
    return [
        recorded.get(each["run_id"])
        or ledger.append("feedback", **fields, **each, runs=len(runs))
        for each in runs
    ]


def _delivered(
    operation: Operation, ledger: Ledger, feed: Feed, run: str | None
) -> list[Package]:
    """Return the delivered packages of a feed that have their files, newest first."""
    place = operation.place.outbox
    if run:
        package = outbox.find(place, run)
        records = ledger.all("delivered", feed=feed.name)
        runs = {(record["file"], record["run_id"]) for record in records}
        if (package.file, package.run_id) not in runs:
            raise Misuse(
                f"--run: expected a delivered run of {feed.name}, found {package.name}"
            )
        package.check()
        return [package]
    records = ledger.all("delivered", feed=feed.name)[-_DELIVERIES:]
    packages = [Package.from_record(place, record) for record in reversed(records)]
    whole = [p for p in packages if p.folder.is_dir() and not p.pruned]
    if not whole:
        raise Refused(f"expected a delivered file of {feed.name}, found none.")
    return whole


def _match(
    limits: Limits,
    path: Path,
    feed: Feed,
    packages: Sequence[Package],
    folder: Path,
    named: str | None,
) -> list[dict[str, Any]]:
    """Match each key of a report with the run that last sent it; count rows by code.

    Args:
        limits: of DuckDB.
        path: the report.
        feed: its declaration has the columns.
        packages: delivered runs, the newest first.
        folder: gets the rows of each run, if there are several (`part`: the digest).
        named: the run that a person named; it gets the keys that it does not have too.

    Returns:
        Fields of the record of each run, the newest run first. The last one has the
        rows whose keys no file has.
    """
    columns = feed.feedback or {}
    key = duck.names(tuple(columns["key"].values()))
    with duck.open_session(limits, folder) as connection:
        try:
            connection.execute(
                "create temp table report as "
                "select row_number() over () as _row, null::integer as _run, * "
                f"from {feedback.rows_of(path, columns)}"
            )
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise Refused(f"{path} cannot be read as the exposure declares it: "
                          f"{reason}. Nothing was recorded.") from None  # fmt: skip
        every = f"(select distinct {key} from report)"
        keys = duck.value(connection, f"select count(*) from {every}")
        if not keys:
            raise Refused(f"{path} has no rows. Nothing was recorded.")
        unknown = _assign_runs(connection, key, packages, folder)
        if unknown == keys and not named:
            raise Refused(
                f"none of the {keys:,} keys of {path} is in the newest {len(packages)} "
                f"delivered files of {feed.name}, such as "
                f"{_unknown(connection, key)[0]}. Nothing was recorded. If it is about "
                "an older run, name it by --run."
            )
        runs = connection.execute(
            "select distinct _run from report where _run is not null order by 1"
        ).fetchall()
        numbers = [number for (number,) in runs] or [0]
        names = _unknown(connection, key)
        connection.execute(
            "update report set _run = ? where _run is null", numbers[-1:]
        )
        records = [
            {
                "file": packages[number].file,
                "run_id": packages[number].run_id,
                **_counts(connection, number),
                "unknown": unknown if number == numbers[-1] else 0,
                "unknown_keys": names if number == numbers[-1] else [],
            }
            for number in numbers
        ]
        if len(numbers) > 1:
            for number, record in zip(numbers, records, strict=True):
                part = _write_part(connection, columns, number, folder)
                record["part"] = part
        return records


def _assign_runs(
    connection: duckdb.DuckDBPyConnection,
    key: str,
    packages: Sequence[Package],
    folder: Path,
) -> int:
    """Set `_run` of each row to the newest file with its key; count the other keys.

    Args:
        connection: has `report`.
        key: its columns.
        packages: `_run` is an index into them.
        folder: a folder with room for a copy of a file.
    """
    left = f"(select distinct {key} from report where _run is null)"
    for number, package in enumerate(packages):
        with package.cells(folder) as rows:
            connection.execute(
                f"update report set _run = {number} where _run is null "
                f"and ({key}) in (select ({key}) from {rows})"
            )
        if not duck.value(connection, f"select count(*) from {left}"):
            break
    return int(duck.value(connection, f"select count(*) from {left}"))


def _counts(
    connection: duckdb.DuckDBPyConnection,
    number: int,
) -> dict[str, Any]:
    mine = f"report where _run = {number}"
    codes = connection.execute(
        f"select coalesce(_code, ''), count(*) from {mine} group by all "
        f"order by 2 desc, 1 limit {_CODES}"
    ).fetchall()
    rows = duck.value(connection, f"select count(*) from {mine}")
    return {"rows": rows, "codes": dict(codes)}


def _write_part(
    connection: duckdb.DuckDBPyConnection,
    columns: Mapping[str, Any],
    number: int,
    folder: Path,
) -> str:
    """Write the rows of a run, with the columns of the report; return their SHA-256."""
    named = {column: ours for column, ours in columns["key"].items()}
    named[columns["code"]] = "_code"
    if text := columns.get("text"):
        named[text] = "_text"
    cells = ", ".join(
        f"{duck.name(ours)} as {duck.name(column)}" for column, ours in named.items()
    )
    draft = folder / "part"
    connection.execute(
        f"copy (select {cells} from report "
        f"where _run = {number} order by _row) to {duck.text(str(draft))} "
        f"(format csv, header, delimiter {duck.text(columns.get('delimiter', ','))})"
    )
    digest = sha256_of(draft)
    draft.rename(folder / digest)
    return digest


def _unknown(connection: duckdb.DuckDBPyConnection, key: str) -> list[str]:
    """Write the first of the keys that no file has."""
    query = (
        f"select distinct {key} from report where _run is null "
        f"order by all limit {_KEYS}"
    )
    rows = duck.rows(connection, query)
    return [", ".join(f"{name} {value}" for name, value in row.items()) for row in rows]


def _to_text(record: Record, dry_run: bool) -> str:
    verb = "would be" if dry_run else "is"
    known = f", recorded before by {record['by']} at {record['at']}" if (
        record.get("again")) else ""  # fmt: skip
    counts = sorted(record["codes"].items(), key=lambda each: (-each[1], each[0]))
    codes = ", ".join(f"{code or '(no code)'} {n:,}" for code, n in counts)
    lines = [
        f"{record['name']} {verb} recorded for {record['file']}/{record['run_id']}"
        f"{known}: {record['rows']:,} rejected rows ({codes})"
    ]
    lines += [f"  not in that file: {each}" for each in record["unknown_keys"]]
    if (more := record["unknown"] - len(record["unknown_keys"])) > 0:
        lines.append(f"  and {more:,} more")
    if record["unknown"]:
        lines.append("  Ask the partner which file these rows are from.")
    return "\n".join(lines)
