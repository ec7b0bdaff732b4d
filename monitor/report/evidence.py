"""What a page is made from: the packages of the outbox, and the ledger beside them."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from monitor.documents import document, moment
from monitor.health.ledger import Ledger
from runtime.environment import Place

Record = Mapping[str, Any]
ENDS = ("delivered", "held", "failed", "unknown")


@dataclass(frozen=True, eq=False)
class Package:
    """One folder of the outbox, `outbox/<file>/<run id>`.

    Attributes:
        folder: where it lies.
        records: what the ledger says of this run of this file, oldest first.
    """

    folder: Path
    records: tuple[Record, ...]

    @property
    def file(self) -> str:
        """Names the file: a feed, or a feed and the value it is split by."""
        return self.folder.parent.name

    @property
    def run_id(self) -> str:
        """Names the run: its logical time and the beginning of a digest."""
        return self.folder.name

    @property
    def night(self) -> str:
        """The logical time as the run id has it; files that share it were one run."""
        return self.run_id.partition("-")[0]

    @property
    def fate(self) -> str:
        """How it ended by the ledger: delivered, held, failed, unknown, or not sent."""
        ends = [each["event"] for each in self.records if each["event"] in ENDS]
        if ends:
            return str(ends[-1])
        return "not sent" if not self.records else "unsettled"

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """The package's description.

        Raises:
            OSError, ValueError: there is none, or it is something else.
        """
        for path in sorted(self.folder.glob("*.manifest.json")):
            return document(path)
        raise FileNotFoundError(f"{self.folder} has no manifest")

    @property
    def pruned(self) -> bool:
        """Whether its tables were let go (`publish prune`); the rest still stands."""
        return (self.folder / "pruned.json").exists()

    @property
    def run(self) -> Mapping[str, Any]:
        """Where it came from: the manifest's `run`."""
        found: Mapping[str, Any] = self.manifest["run"]
        return found

    @property
    def feed(self) -> Mapping[str, Any]:
        """The manifest's description of the file itself."""
        found: Mapping[str, Any] = self.manifest["resources"][0]
        return found

    @property
    def at(self) -> datetime:
        """The logical time."""
        return moment(self.run["logical_time"])

    @cached_property
    def gates(self) -> Mapping[str, Any]:
        """The verdict: the predicate of gates.json."""
        found: Mapping[str, Any] = document(self.folder / "gates.json")["predicate"]
        return found

    @cached_property
    def receipt(self) -> Mapping[str, Any] | None:
        """What the partner's server said; None without a delivery."""
        path = self.folder / "receipt.json"
        return document(path) if path.exists() else None

    @cached_property
    def events(self) -> Sequence[Mapping[str, Any]]:
        """The lineage's events; none where the package has none."""
        try:
            text = (self.folder / "openlineage.jsonl").read_text("utf-8")
        except FileNotFoundError:
            return ()
        return [json.loads(line) for line in text.splitlines() if line]

    def table(self, name: str) -> Mapping[str, Any] | None:
        """Describe audit.csv or changes.csv; None where the package has no such table.

        The manifest has it among its resources or `run.files`. An audit that it does
        not describe, as of the first packages, has its header.
        """
        path = f"{name}.csv"
        told: list[Mapping[str, Any]] = [
            *self.manifest["resources"],
            *self.run.get("files", {}).values(),
        ]
        for each in told:
            if each["path"] == path and (self.folder / path).is_file():
                return each
        return self._undescribed(path)

    def _undescribed(self, path: str) -> Mapping[str, Any] | None:
        try:
            with (self.folder / path).open(encoding="utf-8", newline="") as lines:
                names = next(csv.reader(lines))
        except (FileNotFoundError, StopIteration):
            return None
        fields = [{"name": name, "type": "string"} for name in names]
        return {
            "path": path,
            "dialect": {"delimiter": ","},
            "schema": {"fields": fields},
        }


def packages(place: Place, ledger: Ledger) -> list[Package]:
    """Return every package that is there, oldest first, dry runs among them."""
    told: dict[tuple[str, str], list[Record]] = {}
    attempts: dict[str, tuple[str, str]] = {}
    for record in ledger.records:
        key = (record.get("file", ""), record.get("run_id", ""))
        if "attempt" in record and all(key):
            attempts[record["attempt"]] = key
        elif "attempt" in record:
            key = attempts.get(record["attempt"], key)
        told.setdefault(key, []).append(record)
    return sorted(
        (
            Package(folder, tuple(told.get((folder.parent.name, folder.name), ())))
            for folder in place.outbox.glob("[!.]*/[!.]*/")
        ),
        key=lambda package: (package.run_id.partition("-")[0], package.file),
    )
