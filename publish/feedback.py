"""`publish feedback`: record the report by which a partner rejects rows."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import duckdb

from publish.operation import Operation, decision_options
from runtime import duck
from runtime.command import report, start_logging
from runtime.environment import Limits
from runtime.exits import Misuse, Refused
from runtime.files import atomic_write, sha256_of
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

    The exposure declares its columns (`feedback`). The report belongs to the newest
    delivered run whose file has all its keys, else to that with the most of them. The
    page of that run, `monitor why` and `monitor health` show it.

    Exit codes: 0 recorded, or recorded before; 1 recorded, but the file has not all
    the keys, or nothing recorded, because no delivered file has any; 2 wrong
    declaration.
    """
    start_logging(log_format, quiet)
    operation = Operation.read(because, dry_run)
    declared = operation.feed(feed)
    if declared.feedback is None:
        raise Misuse(
            f"exposure {feed}: expected the field feedback, which declares the columns "
            "of the report, found none. `make schema` explains it."
        )
    if not path.is_file():
        raise Misuse(f"expected a report, found no file {path}")
    with operation.ledger() as ledger:
        record = _record(operation, ledger, declared, path, run)
    text = _to_text(record, dry_run)
    code = 1 if record["unknown"] else 0
    status = "unknown keys" if code else "done"
    result = {"status": status, "exit_code": code, "dry_run": dry_run, **record}
    report(result, text, as_json)
    sys.exit(code)


def _record(
    operation: Operation, ledger: Ledger, feed: Feed, path: Path, run: str | None
) -> Record:
    """Match and record a report; return its record, the earlier one if it has one."""
    digest = sha256_of(path)
    packages = _delivered(operation, ledger, feed, run)
    run_id = packages[0].run_id if run else None
    for before in ledger.all("feedback", feed=feed.name):
        if before["report"] == digest and run_id in (None, before["run_id"]):
            return {**before, "again": True}
    fields = {
        "feed": feed.name,
        "name": path.name,
        "report": digest,
        "bytes": path.stat().st_size,
        "columns": dict(feed.feedback or {}),
        "by": operation.by,
        "because": operation.because,
        **_match(Limits.read(operation.variables), path, feed, packages, bool(run)),
    }
    if operation.dry_run:
        return fields
    stored = feedback.path_of(operation.place.data, digest)
    with atomic_write(stored) as part:
        shutil.copyfile(path, part)
        if sha256_of(part) != digest:
            raise Refused(f"{path} was written while it was read. Run this again.")
    return ledger.append("feedback", **fields)


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
    limits: Limits, path: Path, feed: Feed, packages: Sequence[Package], named: bool
) -> dict[str, Any]:
    """Choose the run that a report is about; count its codes and unknown keys."""
    columns = feed.feedback or {}
    key = duck.names(tuple(columns["key"].values()))
    with (
        tempfile.TemporaryDirectory() as folder,
        duck.open_session(limits, Path(folder)) as connection,
    ):
        try:
            connection.execute(
                "create temp table report as select * "
                f"from {feedback.rows_of(path, columns)}"
            )
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise Refused(f"{path} cannot be read as the exposure declares it: "
                          f"{reason}. Nothing was recorded.") from None  # fmt: skip
        connection.execute(
            f"create temp table keys as select distinct {key} from report"
        )
        keys = duck.value(connection, "select count(*) from keys")
        if not keys:
            raise Refused(f"{path} has no rows. Nothing was recorded.")
        having = list(_having(connection, key, keys, packages))
        count, package = max(having, key=lambda pair: pair[0])
        if not count and not named:
            raise Refused(
                f"none of the {keys:,} keys of {path} is in the newest {len(packages)} "
                f"delivered files of {feed.name}, such as {_unknown(connection)[0]}. "
                "Nothing was recorded. If it is about an older run, name it by --run."
            )
        _keep_unknown(connection, key, package)
        codes = connection.execute(
            "select coalesce(_code, ''), count(*) from report group by all "
            f"order by 2 desc, 1 limit {_CODES}"
        ).fetchall()
        return {
            "file": package.file,
            "run_id": package.run_id,
            "rows": duck.value(connection, "select count(*) from report"),
            "codes": dict(codes),
            "unknown": keys - count,
            "unknown_keys": _unknown(connection),
        }


def _having(
    connection: duckdb.DuckDBPyConnection,
    key: str,
    keys: int,
    packages: Sequence[Package],
) -> Iterator[tuple[int, Package]]:
    """Yield how many keys each file has, up to the first that has all."""
    for package in packages:
        rows = package.read_csv(package.resource)
        query = f"select count(*) from keys semi join {rows} using ({key})"
        count = duck.value(connection, query)
        yield count, package
        if count == keys:
            return


def _keep_unknown(
    connection: duckdb.DuckDBPyConnection, key: str, package: Package
) -> None:
    """Leave the keys in `keys` that a file does not have."""
    rows = package.read_csv(package.resource)
    connection.execute(
        f"create or replace temp table keys as "
        f"select * from keys anti join {rows} using ({key})"
    )


def _unknown(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Write the first of the keys that are left."""
    rows = duck.rows(connection, f"select * from keys order by all limit {_KEYS}")
    return [", ".join(f"{name} {value}" for name, value in row.items()) for row in rows]


def _to_text(record: Record, dry_run: bool) -> str:
    verb = "would be" if dry_run else "is"
    known = f", recorded before by {record['by']} at {record['at']}" if (
        record.get("again")) else ""  # fmt: skip
    codes = ", ".join(
        f"{code or '(no code)'} {n:,}" for code, n in record["codes"].items()
    )
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
