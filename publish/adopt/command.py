"""`publish adopt`: the file that a partner has becomes what the partner holds."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from publish.adopt import read
from publish.adopt.record import adopt
from publish.operation import Operation, decision_options
from runtime.clock import Time
from runtime.command import report
from runtime.exits import Misuse, Refused
from runtime.log import start_logging
from store.feeds import Feed
from store.ledger import Ledger, Record


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
        split = label and label.removeprefix(f"{declared.name}.")
        _raise_if_known(ledger, declared, split, replace)
        form = read.Form(delimiter, quote, encoding)
        record = adopt(operation, ledger, declared, split, path, form, skip, moment)
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
    place = feed.state.model, feed.destination
    sharing = {r["feed"] for r in ledger.all("intent", "adopted")
               if (r["state"]["model"], r["destination"]) == place}  # fmt: skip
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
