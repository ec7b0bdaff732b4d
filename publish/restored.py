"""`publish restored`: bring the ledger of a copy and the partners together."""

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from publish import compression
from publish.adopt.read import Form
from publish.adopt.record import adopt
from publish.operation import Operation, decision_options
from publish.partner_files import PartnerFile, look, pattern
from publish.transport import Destination, connect
from runtime.command import report
from runtime.exits import Misuse, Refused
from runtime.files import parse_time
from runtime.log import LOG, start_logging
from store import copies, feeds, outbox
from store.feeds import Feed, artifacts
from store.ledger import Ledger


@dataclass(slots=True)
class Comparison:
    """The files of one feed that the ledger does not know.

    Attributes:
        feed: the feed.
        lost: deliveries of ours that the ledger does not know.
        older: names whose time is before the last file of the ledger; not recorded.
        read: the names of `lost` whose rows are recorded, from the partner's files.
    """

    feed: Feed
    lost: Sequence[PartnerFile]
    older: Sequence[str]
    read: list[str] = field(default_factory=list)

    @property
    def names(self) -> dict[str, list[str]]:
        """The names of `lost`, by split value ("" for a feed of one file)."""
        names: dict[str, list[str]] = {}
        for file in self.lost:
            names.setdefault(file.split, []).append(file.name)
        return names

    @property
    def unread(self) -> list[str]:
        """The split values of which rows are missing; "" for a feed of one file."""
        return sorted({file.split for file in self.lost if file.name not in self.read})


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

    With --because it records them, and `publish` sends again. It reads the files that
    are still in the folder, so that the ledger knows their rows. If a file of changes
    cannot be read, a full file must go first.

    Exit codes: 0 recorded, or the ledger knows all files; 1 a person must answer.
    """
    start_logging(log_format, quiet)
    operation = Operation.read(because if because is not None else "-", dry_run)
    data = operation.place.data
    copy = copies.marker(data)
    project = feeds.declared(artifacts.read(Path.cwd(), operation.variables))
    if project.errors:
        raise project.refusal()
    with operation.ledger() as ledger:
        used = [f for f in project.feeds if ledger.all("intent", feed=f.name)]
        named = _by_feed(used, operation.place.environment, received, copy)
        comparisons = [
            _compare(operation, ledger, feed, named[feed.name]) for feed in used
        ]
        is_more = copy is not None or any(each.lost for each in comparisons)
        if is_more and because is not None:
            _record(operation, ledger, comparisons, copy)
    code = 1 if is_more and because is None else 0
    result = {
        "status": "refused" if code else "done",
        "exit_code": code,
        "dry_run": dry_run,
        "copy_at": copy["at"] if copy else None,
        "feeds": [
            {
                "feed": each.feed.name,
                "unknown": each.names,
                "older": each.older,
                "read": each.read,
            }
            for each in comparisons
        ],
    }
    text = _to_text(data, comparisons, copy, operation, because)
    report(result, text, as_json)
    sys.exit(code)


def _by_feed(
    used: Sequence[Feed],
    environment: str,
    received: Sequence[str],
    copy: Mapping[str, Any] | None,
) -> dict[str, list[str]]:
    """Return by feed the names that a person gave, and those that were noticed.

    Raises:
        Misuse: a name belongs to none.
    """
    noticed = (copy or {}).get("noticed", {})
    named = {feed.name: list(noticed.get(feed.name, ())) for feed in used}
    for name in received:
        owners = [f for f in used if pattern(f, environment).fullmatch(name)]
        if not owners:
            patterns = ", ".join(feed.travel.file(feed.file) for feed in used)
            raise Misuse(
                f"--received: expected a name such as {patterns}, found {name!r}"
            )
        named[owners[0].name].append(name)
    return named


def _compare(
    operation: Operation, ledger: Ledger, feed: Feed, names: Sequence[str]
) -> Comparison:
    """Look into a partner's folder.

    Raises:
        Refused, Temporary: it cannot be looked at.
    """
    environment = operation.place.environment
    files = look(operation.variables, environment, ledger, feed, names)
    lost = [file for file in files if file.is_newer]
    return Comparison(feed, lost, [file.name for file in files if not file.is_newer])


def _record(
    operation: Operation,
    ledger: Ledger,
    comparisons: Sequence[Comparison],
    copy: Mapping[str, Any] | None,
) -> None:
    """Record what partners have, and the rows of the files that can be read."""
    places: dict[tuple[str, str, str], list[tuple[Comparison, PartnerFile]]] = {}
    for each in comparisons:
        for file in each.lost:
            place = (each.feed.state.model, each.feed.destination, file.split)
            places.setdefault(place, []).append((each, file))
    for files in places.values():
        needed = _needed(files)
        if needed and all(_read(operation, ledger, *pair) for pair in needed):
            for each, file in files:
                each.read.append(file.name)
    if operation.dry_run:
        return
    for each in comparisons:
        ledger.append(
            "restored",
            feed=each.feed.name,
            destination=each.feed.destination,
            model=each.feed.state.model,
            names=each.names,
            read=each.read,
            copy_at=copy["at"] if copy else None,
            by=operation.by,
            because=operation.because,
        )
    (operation.place.data / copies.MARKER).unlink(missing_ok=True)


def _needed(
    files: Sequence[tuple[Comparison, PartnerFile]],
) -> list[tuple[Comparison, PartnerFile]]:
    """Return the lost files of one partner state whose rows are read, oldest first.

    These are the last file with all rows and those of changes after it. None if one of
    them is not there.
    """

    def is_whole(each: Comparison) -> bool:
        return each.feed.is_whole

    ordered = sorted(
        files,
        key=lambda pair: (
            pair[1].logical,
            is_whole(pair[0]),
            pair[1].number,
            pair[1].name,
        ),
    )
    start = max((n for n, pair in enumerate(ordered) if is_whole(pair[0])), default=0)
    needed = ordered[start:]
    return needed if all(file.is_there for _, file in needed) else []


def _read(
    operation: Operation, ledger: Ledger, comparison: Comparison, file: PartnerFile
) -> bool:
    """Read a file at the partner and record its rows; say whether that succeeded."""
    feed, place = comparison.feed, operation.place
    if feed.delta:
        LOG.warning("rows not known", name=file.name, because="it has changes alone")
        return False
    if feed.travel.encryption or feed.travel.workbook:
        why = "only the partner can read it" if feed.travel.encryption else "a workbook"
        LOG.warning("rows not known", name=file.name, because=why)
        return False
    destination = Destination.read(operation.variables, feed.destination)
    folder = feed.folder_in(place.environment)
    at = parse_time(file.logical) if file.logical else datetime.now(UTC)
    try:
        with outbox.work(place.data / "adopted", f"restored.{feed.name}") as work:
            path = work / file.name
            with closing(connect(destination, folder)) as connection:
                size = connection.size(file.name) or 0
                with path.open("wb") as copy:
                    for block in connection.read(file.name):
                        copy.write(block)
                        if copy.tell() > size:
                            break
            if path.stat().st_size != size:
                raise Refused(f"{file.name} was written while it was read")
            if feed.travel.compression:
                packed, path = path, work / feed.travel.original(file.name)
                with (
                    compression.content(feed.travel.compression, packed) as inside,
                    path.open("wb") as unpacked,
                ):
                    shutil.copyfileobj(inside, unpacked)
            split = file.split or None
            record = adopt(
                operation, ledger, feed, split, path, Form(), False, at, restored=True
            )
    except Refused as error:
        LOG.warning("rows not known", name=file.name, because=error)
        return False
    if record["problems"]:
        LOG.warning("rows not known", name=file.name, because=record["listed"][0])
    return not record["problems"]


def _to_text(
    data: Path,
    comparisons: Sequence[Comparison],
    copy: Mapping[str, Any] | None,
    operation: Operation,
    because: str | None,
) -> str:
    if copy is None and not any(each.lost for each in comparisons):
        return "The ledger knows all files of all partners. Nothing was recorded."
    lines = [copies.sentence(data, copy) + "."] if copy else []
    declared = [each.feed for each in comparisons]
    for comparison in comparisons:
        lines += _feed_lines(comparison, because is not None, declared)
    if because is None:
        lines.append(
            "Nothing was recorded. Ask each partner which files of ours it has taken "
            'since then. Then run `publish restored --because "..."`, with '
            "`--received NAME` for each file that is not listed here."
        )
    elif operation.dry_run:
        lines.append("This was a dry run: nothing was recorded.")
    return "\n".join(lines)


def _feed_lines(
    comparison: Comparison, answered: bool, declared: Sequence[Feed]
) -> Iterator[str]:
    feed, lost = comparison.feed, comparison.lost
    yield f"{feed.name}: files that are not in the ledger: {len(lost):,}"
    for file in lost:
        rows = ""
        if answered:
            known = file.name in comparison.read
            rows = ": its rows are known" if known else ": its rows are not known"
        yield f"  {file.name}{'' if file.is_there else ' (taken)'}{rows}"
    if comparison.older:
        yield (
            f"  {len(comparison.older):,} others are older than the last file of the "
            f"ledger, such as {comparison.older[0]}; they change nothing"
        )
    if answered and comparison.unread and feed.delta:
        yield (
            f"  Ask for the rows that {feed.destination} has now, and name them by "
            f"`publish adopt {feed.name} FILE`: until then nothing is sent."
        )
    elif answered and comparison.unread and not feed.is_whole:
        full = [f.name for f in declared if f.is_whole and f.state == feed.state]
        splits = ", ".join(filter(None, comparison.unread))
        yield (
            f"  Run `publish {(full or ['the full file'])[0]}`: it must be delivered "
            f"before the next file of {feed.name}{f' ({splits})' if splits else ''}."
        )
