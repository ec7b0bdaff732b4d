"""`publish hold` and `publish release`: a person stops deliveries for a time."""

from datetime import UTC, datetime

import click

from publish.operation import Operation, decision_options
from publish.settings import format_utc
from runtime.clock import Time
from runtime.command import report
from runtime.exits import Misuse, Refused
from runtime.log import start_logging
from store import holds
from store.feeds import Feed
from store.ledger import Ledger


@click.command()
@click.argument("feed")
@click.argument("file", required=False)
@click.option(
    "--until", required=True, metavar="DAY", type=Time(),
    help="The first day on which files are sent again; it begins at 00:00 UTC. Or an "
    "ISO time.",
)  # fmt: skip
@decision_options()
def hold(
    feed: str,
    file: str | None,
    until: datetime,
    because: str,
    dry_run: bool,
    as_json: bool,
    log_format: str,
    quiet: bool,
) -> None:
    """Send nothing of FEED, or of its FILE, until DAY.

    FILE is the name or the split value of one file of a split feed. The hold ends by
    itself: the first due run after it sends the file that was due meanwhile. A second
    hold replaces the first.
    """
    start_logging(log_format, quiet)
    operation = Operation.read(because, dry_run)
    if until <= datetime.now(UTC):
        raise Misuse(
            f"--until: expected a time in the future (UTC), found {format_utc(until)}"
        )
    with operation.ledger() as ledger:
        chosen = [
            (each.name, operation.label(each, file, ledger))
            for each in operation.feeds_of(feed)
        ]
        records = []
        for name, label in chosen:
            fields = {
                "feed": name,
                "file": label,
                "until": format_utc(until),
                "by": operation.by,
                "because": operation.because,
            }
            records.append(fields if dry_run else ledger.append("paused", **fields))
    names = ", ".join(label or name for name, label in chosen)
    verb = "would be" if dry_run else "is"
    text = (
        f"{names} {verb} {holds.sentence(records[0])}. Runs for an earlier time "
        "send nothing of it; the first due run after that sends what was due."
    )
    result = {"status": "done", "dry_run": dry_run, **records[0]}
    if records[1:]:
        result["also"] = records[1:]
    report(result, text, as_json)


@click.command()
@click.argument("feed")
@click.argument("file", required=False)
@decision_options()
def release(
    feed: str,
    file: str | None,
    because: str,
    dry_run: bool,
    as_json: bool,
    log_format: str,
    quiet: bool,
) -> None:
    """End the hold of FEED and of all its files, or that of one FILE, before its time.

    The next run sends the file. With --due it sends it if it was due meanwhile.
    """
    start_logging(log_format, quiet)
    operation = Operation.read(because, dry_run)
    with operation.ledger() as ledger:
        chosen = [
            (each.name, name)
            for each in operation.feeds_of(feed)
            for name in _holding(operation, ledger, each, file)
        ]
        if not chosen:
            raise Refused(f"{file or feed} is not on hold. `publish status` shows it.")
        fields = {"by": operation.by, "because": operation.because}
        records = [
            {"feed": each, **fields, "file": name}
            if dry_run
            else ledger.append("resumed", feed=each, **fields, file=name)
            for each, name in chosen
        ]
    names = ", ".join(name or each for each, name in chosen)
    verb = "would be" if dry_run else "is"
    text = f"{names} {verb} released by {fields['by']}; the hold ends."
    result = {"status": "done", "dry_run": dry_run, "released": records}
    report(result, text, as_json)


def _holding(
    operation: Operation, ledger: Ledger, feed: Feed, file: str | None
) -> list[str | None]:
    """Return what is on hold of a feed, or of one file of it; None is the whole feed.

    Raises:
        Refused: a file is only on hold because its feed is.
    """
    current = holds.current(ledger, feed.name, datetime.now(UTC))
    holding = {hold["file"]: hold for hold in current}
    if file is None:
        return list(holding)
    label = operation.label(feed, file, ledger)
    if label not in holding and None in holding:
        raise Refused(
            f"{label} has no hold of its own: the whole feed is "
            f"{holds.sentence(holding[None])}. Run `publish release {feed.name}`."
        )
    return [name for name in holding if name == label]
