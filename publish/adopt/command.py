"""`publish adopt`: the file that a partner has becomes what the partner holds."""

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import duckdb

from publish import gate
from publish.adopt import check, read
from publish.operation import Operation, decision_options
from publish.settings import format_utc
from runtime import duck
from runtime.clock import Time
from runtime.command import report, start_logging
from runtime.environment import Limits
from runtime.exits import Misuse, Refused
from runtime.files import atomic_write, sha256_of
from store import adopted, outbox, partner_state
from store.feeds import Feed
from store.ledger import Ledger, Record

_LISTED = 20


@click.command("adopt")
@click.argument("feed")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--split", metavar="VALUE", help="Which file of a split feed it is.")
@click.option("--delimiter", metavar="CHARACTER", help="Between the fields of FILE.")
@click.option("--quote", metavar="CHARACTER", help="Around a field of FILE.")
@click.option("--encoding", metavar="NAME", help="Of FILE, such as cp1252.")
@click.option(
    "--skip-unreadable", "skip", is_flag=True,
    help="Adopt without the rows that cannot be read; of a repeated key, the last row "
    "counts.",
)  # fmt: skip
@click.option(
    "--replace", is_flag=True, help="Adopt although we delivered or adopted a file."
)
@click.option("--at", type=Time(), help="When it was the partner's.  [default: now]")
@decision_options("Where it came from.")
def command(
    feed: str,
    path: Path,
    split: str | None,
    delimiter: str | None,
    quote: str | None,
    encoding: str | None,
    skip: bool,
    replace: bool,
    at: datetime | None,
    because: str,
    dry_run: bool,
    as_json: bool,
    log_format: str,
    quiet: bool,
) -> None:
    """Take FILE, which the partner has from elsewhere, as what it has of FEED.

    FILE is CSV; its first line has the names of the columns. Checks compare the next
    file with it, and a delta sends what differs. Of a feed of changes, FILE has all
    rows that the partner has.
    """
    start_logging(log_format, quiet)
    operation = Operation.read(because, dry_run)
    declared = operation.feed(feed)
    if not path.is_file():
        raise Misuse(f"expected a file to adopt, found none at {path}")
    for option, character in (("--delimiter", delimiter), ("--quote", quote)):
        if character is not None and len(character) != 1:
            raise Misuse(f"{option}: expected one character, found {character!r}")
    if bool(split) != bool(declared.split_by):
        raise Misuse(
            f"{feed} has one file for each {declared.split_by}: name it by --split"
            if declared.split_by
            else f"{feed} has one file: leave --split out"
        )
    moment = at or datetime.now(UTC)
    with operation.ledger() as ledger:
        label = operation.label(declared, split, ledger)
        split = label and label.removeprefix(f"{feed}.")
        _raise_if_known(ledger, declared, split, replace)
        record = _adopt(
            operation, ledger, declared, split, path,
            read.Form(delimiter, quote, encoding), skip, moment,
        )  # fmt: skip
    code = 1 if record["problems"] and not skip else 0
    status = "refused" if code else "done"
    result = {"status": status, "exit_code": code, "dry_run": dry_run, **record}
    report(result, _to_text(record, code, dry_run), as_json)
    sys.exit(code)


def _raise_if_known(
    ledger: Ledger, feed: Feed, split: str | None, replace: bool
) -> None:
    """Check that nothing else says what the partner has.

    Raises:
        Refused: a delivery is open or unknown, or there was one, or an adoption.
    """
    sharing = {r["feed"] for r in ledger.all("intent", "adopted")
               if r["state"]["model"] == feed.state.model}  # fmt: skip
    for name in sorted({feed.name, *sharing}):
        if ledger.open_intents(name) or ledger.unknown(name):
            raise Refused(
                f"a delivery of {name} has no known end. Run `publish {name}`, which "
                "settles it, before you adopt a file."
            )
    last = ledger.last_file(feed.state.model, feed.destination, split)
    if last and not replace:
        raise Refused(
            f"{last['name']} was {last['event']} at {last['at']}, so what "
            f"{feed.destination} has is known. --replace adopts another file."
        )


def _adopt(
    operation: Operation,
    ledger: Ledger,
    feed: Feed,
    split: str | None,
    path: Path,
    form: read.Form,
    skip: bool,
    at: datetime,
) -> Record:
    """Read, store and record a file; without `skip`, only if it has no problem."""
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
        }
        listed = {"listed": _problems(connection)}
        if not count:
            raise Refused(
                f"{path} has no row that can be adopted. Nothing was adopted. "
                + " ".join(listed["listed"][:1])
            )
        if operation.dry_run or (fields["problems"] and not skip):
            return {**fields, **listed}
        digest = _write_state(connection, feed, good, at, place.delivered)
        with atomic_write(adopted.path_of(place.data, fields["sha256"])) as part:
            shutil.copyfile(copy, part)
        state = {"model": feed.state.model, "sha256": digest}
        return {**ledger.append("adopted", **fields, state=state), **listed}


def _write_state(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    good: str,
    at: datetime,
    delivered: Path,
) -> str:
    moment = f"timestamp {duck.text(f'{at:%Y-%m-%d %H:%M:%S}')}"
    order = ", ".join(f"{name} nulls first" for name in map(duck.name, feed.sort))
    return partner_state.write(
        connection,
        f"select * from (select *, {moment} as _delivered_at, false as _is_former "
        f"from ({good})) as rows order by {order}, hash(rows)",
        delivered, feed.state.model,
    )  # fmt: skip


def _problems(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        f"select _line, name, problem from problems order by all limit {_LISTED}"
    ).fetchall()
    return [" ".join(filter(None, (f"line {row[0]}:", *row[1:]))) for row in rows]


def _to_text(record: Record, code: int, dry_run: bool) -> str:
    verb = "would be" if dry_run else "is"
    lines = [
        f"{record['name']} {verb} adopted as {record['file']}: {record['rows']:,} rows"
        if not code
        else f"{record['name']}: {record['problems']:,} rows cannot be read. Nothing "
        f"was adopted. --skip-unreadable adopts the other {record['rows']:,}."
    ]
    for what in ("missing", "unknown"):
        if record[what]:
            lines.append(f"  {what} columns: {', '.join(record[what])}")
    if record["problems"] and not code:
        lines.append(f"  left out: {record['problems']:,} rows")
    lines += [f"  {problem}" for problem in record["listed"]]
    return "\n".join(lines)
