"""Shows what the rules of this folder would change for partners; sends nothing.

A data directory of its own links to what was landed and to what partners have. dbt
builds there with the code in this folder, and `publish` makes the files there as in a
dry run. Nothing of the real data directory is replaced.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from publish.build import selectors
from publish.prepare import PreparedFile, prepare
from publish.preview.reasons import Moved, moved_reasons
from publish.replay.build import run_dbt
from publish.selection import NotMade, choose
from publish.settings import Settings
from runtime.environment import DataDirectory, Environment
from runtime.exits import Refused
from runtime.files import relink
from store import mart, sources
from store.feeds import Feed, artifacts, exposure_of
from store.ledger import Ledger, Record
from store.package import Package

# A preview runs no unit tests: they prove the code, not what it does to the rows.
_OF_UNIT_TESTS = "DBT_NODES"
_COPIED = ("ledger.jsonl", "ledger.head")


@dataclass(frozen=True, slots=True)
class FilePreview:
    """What becomes of one file.

    Attributes:
        file: its label, such as onpart_inventory.
        destination: who receives it.
        status: ready, held, unchanged or skipped; another word if `publish` would make
            no file now, such as superseded.
        message: why it would make none; else "".
        against: the last delivery, with name, at and rows; None before the first.
        changes: `run.changes` of the manifest; None if no file was made.
        key: the columns that name a row.
        held_by: the checks that would hold it, as JSON.
        package: of the preview; None if no file was made.
    """

    file: str
    destination: str
    status: str
    message: str
    against: Mapping[str, Any] | None
    changes: Mapping[str, Any] | None
    key: tuple[str, ...]
    held_by: tuple[Mapping[str, Any], ...]
    package: Path | None

    @property
    def changed(self) -> bool:
        """Whether the partner would notice anything."""
        kinds = ("added", "removed", "changed")
        return self.changes is not None and any(self.changes[kind] for kind in kinds)


@dataclass(frozen=True, slots=True)
class FeedPreview:
    """What becomes of one feed.

    Attributes:
        feed: its name.
        files: each file, sorted by its label.
        reasons: rows of the audit whose decision differs from that of the last
            delivery, the most first; None if the feed has no audit to compare.
        extracts: for each source, the run of the last delivery and that of the preview.
    """

    feed: str
    files: tuple[FilePreview, ...]
    reasons: tuple[Moved, ...] | None
    extracts: Mapping[str, tuple[str | None, str]]

    @property
    def changed(self) -> bool:
        """Whether a file or a decision differs."""
        return bool(self.reasons) or any(file.changed for file in self.files)

    @property
    def other_extracts(self) -> dict[str, tuple[str, str]]:
        """The sources that were read again since the last delivery."""
        return {
            source: (before, now)
            for source, (before, now) in self.extracts.items()
            if before and before != now
        }


def preview(
    settings: Settings,
    names: Sequence[str],
    variables: Mapping[str, Any],
    work: Path,
    *,
    same_extract: bool = False,
) -> list[FeedPreview]:
    """Build what is below the files beside the warehouse, and compare them.

    Args:
        settings: of the command; `place` is only read.
        names: of the exposures; none for all.
        variables: values of dbt's variables that differ from those of the project.
        work: an empty folder.
        same_extract: read what the last delivery was made of, not what was landed last.

    Raises:
        Misuse: a name is not declared, or a declaration is wrong.
        Refused: nothing was landed, dbt cannot build, or what the last delivery was
            made of is gone.
    """
    place = settings.place
    there = DataDirectory(place.environment, work / "data")
    there.data.mkdir(parents=True)
    for name in _COPIED:
        if (place.data / name).exists():
            shutil.copyfile(place.data / name, there.data / name)
    ledger = Ledger(there.ledger)
    _link_landed(place, there, _of_last(place, ledger, names) if same_extract else {})
    place.delivered.mkdir(parents=True, exist_ok=True)
    there.delivered.symlink_to(place.delivered.resolve())
    _link_packages(place, there, ledger)
    words = ["build", "--select", *selectors(names)]
    words += ["--exclude-resource-type", "unit_test"]
    words += ["--vars", json.dumps(dict(variables))] if variables else []
    code, output, target = run_dbt(there, settings.root, words, settings.limits)
    if code not in (0, 1) or not (target / "run_results.json").is_file():
        raise Refused(f"dbt cannot build the preview; it ended with {code}: {output}")
    own = Environment({"DBT_TARGET_PATH": str(target)})
    here = replace(settings, place=there, variables=own, dry_run=True)
    built = artifacts.read(settings.root, own)
    choice = choose(built, names, there.landing, ledger)
    if choice.refused:
        raise Refused("\n".join(choice.refused.values()))
    try:
        return [_of_feed(here, built, ledger, feed) for feed in choice.feeds]
    except Refused as error:
        raise Refused(f"{error} dbt said: {output or 'nothing'}") from None


def _of_feed(
    settings: Settings, built: artifacts.Artifacts, ledger: Ledger, feed: Feed
) -> FeedPreview:
    place = settings.place
    files = tuple(
        _of_file(ledger, feed, prepared)
        for prepared in prepare(settings, built, ledger, feed)
    )
    last = ledger.last_delivered(feed.name, feed.destination)
    before = Package.from_record(place.outbox, last) if last else None
    reasons = None
    if feed.audit and before:
        with mart.find(place).session(settings.limits, place.data) as connection:
            reasons = moved_reasons(connection, feed, before)
    inputs = _inputs(before)
    extracts = {
        source.name: (inputs.get(source.name), str(source.landed.get("run_id", "")))
        for source in sources.read(place.landing, feed.sources)
    }
    return FeedPreview(feed.name, files, reasons, extracts)


def _of_file(
    ledger: Ledger, feed: Feed, prepared: PreparedFile | NotMade
) -> FilePreview:
    if isinstance(prepared, NotMade):
        return FilePreview(
            prepared.label, feed.destination, prepared.status, prepared.message,
            None, None, feed.key, (), None,
        )  # fmt: skip
    label, split = prepared.file.label, prepared.file.split
    last = ledger.last_delivered(feed.name, feed.destination, split)
    against = {name: last[name] for name in ("name", "at", "rows")} if last else None
    holding = [c.to_json() for c in prepared.holding if c.id != _OF_UNIT_TESTS]
    status = "ready" if prepared.status == "held" and not holding else prepared.status
    return FilePreview(
        label, feed.destination, status, "", against, prepared.changes, feed.key,
        tuple(holding), prepared.package,
    )  # fmt: skip


def _inputs(package: Package | None) -> dict[str, str]:
    """Return the run of each source that a package was made of; none if unknown."""
    try:
        return {
            each["source"]: each["run_id"]
            for each in (package.run["inputs"] if package else ())
        }
    except (OSError, ValueError, KeyError):
        return {}


def _of_last(
    place: DataDirectory, ledger: Ledger, names: Sequence[str]
) -> dict[str, str]:
    """Return the run of each source below the last deliveries.

    Raises:
        Refused: nothing was delivered yet, or its package is gone.
    """
    runs: dict[str, str] = {}
    for record in ledger.all("delivered"):
        if not names or exposure_of(record["feed"]) in map(exposure_of, names):
            runs |= _inputs(Package.from_record(place.outbox, record))
    if not runs:
        raise Refused(
            "--same-extract: expected a delivered file whose package names its "
            "extract, found none."
        )
    return runs


def _link_landed(
    place: DataDirectory, there: DataDirectory, runs: Mapping[str, str]
) -> None:
    """Link what was landed: of the given runs, else the last one of each source."""
    current = place.landing / "current"
    landed = {path.name: path.resolve().parent.name for path in current.glob("[!.]*")}
    for source, run in {**landed, **runs}.items():
        folder = place.landing / run / source
        if not (folder / "extract.json").is_file():
            raise Refused(
                f"expected what was landed of {source} in {folder}, found none. It was "
                "removed; run the preview without --same-extract."
                if source in runs
                else f"expected a complete extract in {folder}, found none. Run "
                f"`extract {source}`."
            )
        link = there.landing / run / source
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(folder.resolve())
        relink(there.landing / "current" / source, f"../{run}/{source}")


def _link_packages(place: DataDirectory, there: DataDirectory, ledger: Ledger) -> None:
    """Link the package of the last delivery of each file."""
    last: dict[tuple[str, str], Record] = {
        (record["file"], record["destination"]): record
        for record in ledger.all("delivered", "adopted")
        if record.get("run_id")
    }
    there.outbox.mkdir()
    for record in last.values():
        folder = Package.from_record(place.outbox, record).folder
        link = Package.from_record(there.outbox, record).folder
        if folder.is_dir() and not link.is_symlink():
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(folder.resolve())
