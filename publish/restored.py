"""`publish restored`: compare the partners with the ledger of a copy put back."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from publish.operation import Operation, decision_options
from publish.transport import Connection, Destination, connect
from publish.transport.digests import Sent
from runtime.command import report, start_logging
from runtime.exits import Misuse, Refused
from store import copies, feeds
from store.feeds import Feed, artifacts
from store.ledger import Ledger, Record

_WORDS = {
    "timestamp": r"\d{8}T\d{6}Z",
    "date": r"\d{4}-\d\d-\d\d",
    "split": r"(?P<split>.+)",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The files of one feed that the ledger does not know.

    Attributes:
        feed: the feed.
        names: the files by split value ("" for a feed of one file).
        there: how many files of the feed are in the partner's folder.
    """

    feed: Feed
    names: Mapping[str, Sequence[str]]
    there: int


@click.command("restored")
@click.option(
    "--received", "received", multiple=True, metavar="NAME",
    help="A file that the partner says it has taken since the copy; repeatable.",
)  # fmt: skip
@decision_options("Who answered; for the ledger.", required=False)
def command(
    received: tuple[str, ...],
    because: str | None,
    dry_run: bool,
    as_json: bool,
    log_format: str,
    quiet: bool,
) -> None:
    """Compare what partners have with the ledger of a copy that was put back.

    Without --because it lists the files of each partner's folder that the ledger does
    not know, and records nothing. A partner that removes what it has read must be
    asked: name each file that it took by --received.

    With --because it records them, and `publish` sends again. Of a delta, a full file
    must go first, because the ledger does not know the rows of the missing ones.

    Exit codes: 0 recorded, 1 a person must compare and answer.
    """
    start_logging(log_format, quiet)
    operation = Operation.read(because if because is not None else "-", dry_run)
    data = operation.place.data
    copy = copies.marker(data)
    if copy is None:
        raise Refused(
            f"{data} was not put back from a copy: it has no {copies.MARKER}."
        )
    project = feeds.declared(artifacts.read(Path.cwd(), operation.variables))
    if project.errors:
        raise project.refusal()
    with operation.ledger() as ledger:
        used = [f for f in project.feeds if ledger.all("intent", feed=f.name)]
        named = _by_feed(used, operation.place.environment, received)
        comparisons = [
            _compare(operation, ledger, feed, named[feed.name]) for feed in used
        ]
        if because is not None and not dry_run:
            for comparison in comparisons:
                _record(operation, ledger, comparison, copy)
            (data / copies.MARKER).unlink()
    code = 1 if because is None else 0
    result = {
        "status": "refused" if code else "done",
        "exit_code": code,
        "dry_run": dry_run,
        "copy_at": copy["at"],
        "feeds": [
            {"feed": each.feed.name, "there": each.there, "unknown": each.names}
            for each in comparisons
        ],
    }
    report(result, _to_text(comparisons, copy, because), as_json)
    sys.exit(code)


def _by_feed(
    used: Sequence[Feed], environment: str, received: Sequence[str]
) -> dict[str, list[str]]:
    """Return which of the names a person gave belong to which feed.

    Raises:
        Misuse: a name belongs to none.
    """
    named: dict[str, list[str]] = {feed.name: [] for feed in used}
    for name in received:
        owners = [f for f in used if _pattern(f, environment).fullmatch(name)]
        if not owners:
            patterns = ", ".join(feed.file for feed in used)
            raise Misuse(
                f"--received: expected a name such as {patterns}, found {name!r}"
            )
        named[owners[0].name].append(name)
    return named


def _pattern(feed: Feed, environment: str) -> re.Pattern[str]:
    """Return what matches the names of a feed's files; the group `split` if it has one.

    Two feeds of one destination have no name in common (`store.feeds.collisions`).
    """
    words = {**_WORDS, "environment": re.escape(environment)}
    parts = re.split(r"\{(\w+)\}", feed.file)
    texts = [
        words[part] if index % 2 else re.escape(part)
        for index, part in enumerate(parts)
    ]
    return re.compile("".join(texts))


def _compare(
    operation: Operation, ledger: Ledger, feed: Feed, received: Sequence[str]
) -> Comparison:
    """Look into a partner's folder; return the files that the ledger does not know.

    Raises:
        Refused, Temporary: it cannot be looked at.
    """
    pattern = _pattern(feed, operation.place.environment)
    known = {
        item["name"]: item
        for record in ledger.all("intent", feed=feed.name)
        if record["destination"] == feed.destination
        for item in record["items"]
    }
    destination = Destination.read(operation.variables, feed.destination)
    folder = feed.folder_in(operation.place.environment)
    with closing(connect(destination, folder)) as connection:
        there = [n for n in connection.list() if pattern.fullmatch(n)]
        unknown = [n for n in there if not _is_known(connection, n, known.get(n))]
    names: dict[str, list[str]] = {}
    for name in sorted({*unknown, *received}):
        match = pattern.fullmatch(name)
        split = match["split"] if match and feed.split_by else ""
        names.setdefault(split, []).append(name)
    return Comparison(feed, names, len(there))


def _is_known(connection: Connection, name: str, item: Record | None) -> bool:
    """Say whether a file has the size, and the hash if offered, of the last intent."""
    if item is None or connection.size(name) != item["bytes"]:
        return False
    digest = connection.hash(name)
    # None: by another algorithm than the ledger's, so that the size must be enough.
    return digest is None or Sent(item["bytes"], item["sha256"]).agrees(digest) in (
        True,
        None,
    )


def _record(
    operation: Operation,
    ledger: Ledger,
    comparison: Comparison,
    copy: Mapping[str, Any],
) -> None:
    feed = comparison.feed
    ledger.append(
        "restored",
        feed=feed.name,
        destination=feed.destination,
        model=feed.state.model,
        names=comparison.names,
        copy_at=copy["at"],
        by=operation.by,
        because=operation.because,
    )


def _to_text(
    comparisons: Sequence[Comparison], copy: Mapping[str, Any], because: str | None
) -> str:
    lines = [f"The data directory was put back from a copy of {copy['at']}."]
    for comparison in comparisons:
        lines += _feed_lines(comparison)
    if because is None:
        lines.append(
            "Nothing was recorded. Ask each partner which files of ours it has taken "
            'since then. Then run `publish restored --because "..."`, with '
            "`--received NAME` for each file that is not listed here."
        )
    return "\n".join(lines)


def _feed_lines(comparison: Comparison) -> Iterator[str]:
    feed, names = comparison.feed, comparison.names
    every = [name for some in names.values() for name in some]
    yield (
        f"{feed.name}: {comparison.there:,} files are at {feed.destination}, "
        f"{len(every):,} are not in the ledger"
    )
    yield from (f"  {name}" for name in every)
    if every and feed.state != feed.model:
        yield (
            f"  The full file of {feed.state.model} must be sent before the next delta."
        )
