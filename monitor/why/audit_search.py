"""The packages of the outbox, and what became of each by the ledger."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from monitor.why.sorted_csv import Dialect, Found, SortedCsv, keys
from monitor.why.subjects import Subject
from runtime.environment import Place
from runtime.files import read_json

_ENDS = (b'"delivered"', b'"held"', b'"failed"', b'"unknown"')


@dataclass(frozen=True)
class Package:
    """One folder of the outbox.

    Attributes:
        folder: `outbox/<file>/<run id>`.
        fate: the ledger's last record of it; empty where it has none (a dry run).
    """

    folder: Path
    fate: Mapping[str, Any]

    @property
    def run_id(self) -> str:
        """Names the run; begins with its logical time."""
        return self.folder.name

    @property
    def file(self) -> str:
        """Names the file: a feed, or a feed and the value it is split by."""
        return self.folder.parent.name

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """The package's description; empty where it cannot be read."""
        for path in self.folder.glob("*.manifest.json"):
            with suppress(OSError, ValueError):
                return read_json(path)
        return {}

    @property
    def extract_runs(self) -> Mapping[str, str]:
        """The extract run that each source of the file came from."""
        inputs = self.manifest.get("run", {}).get("inputs", ())
        return {each.get("source"): each.get("run_id") for each in inputs}

    def decisions(self, subject: Subject, key: tuple[object, ...]) -> list[Found]:
        """Return the rows of audit.csv with a key."""
        with _opened(self.folder / "audit.csv", Dialect(), subject) as audit:
            return audit.find(key) if audit else []

    def sent(self, subject: Subject, key: tuple[object, ...]) -> tuple[int, int] | None:
        """Return the first and last line of the file with a key; None without any."""
        described = self._file
        told = described.get("dialect", {})
        dialect = Dialect(
            described.get("encoding", "utf-8"), told.get("delimiter", ","),
            told.get("quoteChar", '"'), told.get("escapeChar"),
        )  # fmt: skip
        with _opened(
            self.folder / described.get("path", "-"), dialect, subject
        ) as file:
            found = file.find(key) if file else []
            if not file or not found:
                return None
            return file.line(found[0].begin), file.line(found[-1].end - 1)

    @property
    def name(self) -> str:
        """The name of the file, as the partner sees it."""
        return str(self._file.get("path", ""))

    @property
    def _file(self) -> Mapping[str, Any]:
        """The manifest's description of the file: its first resource."""
        for resource in self.manifest.get("resources", ()):
            found: Mapping[str, Any] = resource
            return found
        return {}


def of(place: Place, subject: Subject, feed: str | None) -> list[Package]:
    """Return the packages that tell of a subject, the newest first.

    Args:
        place: where the outbox and the ledger are.
        subject: what is asked about.
        feed: only those of this feed or file.
    """
    fates = _fates(place.ledger)
    found = [
        Package(folder, fates.get((folder.parent.name, folder.name), {}))
        for folder in place.outbox.glob("[!.]*/*")
        if feed in (None, folder.parent.name, folder.parent.name.partition(".")[0])
        and _tells_of(folder, subject)
    ]
    return sorted(found, key=lambda package: package.run_id, reverse=True)


def _tells_of(folder: Path, subject: Subject) -> bool:
    try:
        with (folder / "audit.csv").open("rb") as handle:
            return handle.read(len(subject.id) + 1) == f"{subject.id},".encode()
    except OSError:
        return False


@contextmanager
def _opened(
    path: Path, dialect: Dialect, subject: Subject
) -> Iterator[SortedCsv | None]:
    """Open a file that is sorted as the subject's are; None if there is none."""
    if not path.is_file() or path.stat().st_size == 0:
        yield None
        return
    opened = SortedCsv(path, dialect, keys(subject.at))
    try:
        yield opened
    finally:
        opened.close()


def _fates(ledger: Path) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return the last record of every run; lines that cannot be read say nothing."""
    return {(each["file"], each["run_id"]): each for each in _ended(ledger)}


def _ended(ledger: Path) -> Iterator[Mapping[str, Any]]:
    try:
        lines = ledger.read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        if any(end in line for end in _ENDS):
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and {"file", "run_id", "event"} <= set(record):
                yield record
