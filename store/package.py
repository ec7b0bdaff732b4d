"""A run as its package tells it: found by its id, proved whole, read once."""

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from runtime.environment import Place
from runtime.exits import Misuse, Refused
from runtime.files import parse_time, read_json, sha256_of
from store.chain import LedgerView

PRUNED = "pruned.json"
_NEEDED = ("inputs", "states", "ledger", "thresholds")


@dataclass(frozen=True)
class RecordedPackage:
    """One package of the outbox: `outbox/<file>/<run id>`."""

    folder: Path

    @classmethod
    def find(cls, place: Place, run: str) -> "RecordedPackage":
        """Find the package that a run id, or FILE/RUN, names.

        Raises:
            Misuse: there is none, or there are several.
        """
        pattern = run if "/" in run else f"*/{run}"
        found = [
            folder
            for folder in sorted(place.outbox.glob(pattern))
            if folder.is_dir() and not folder.parent.name.startswith(".")
        ]
        if len(found) == 1:
            return cls(found[0])
        if found:
            listed = ", ".join(f"{each.parent.name}/{each.name}" for each in found)
            raise Misuse(f"expected one run {run}, found {listed}. Name FILE/RUN.")
        known = sorted(each.name for each in place.outbox.glob("[!.]*/[!.]*"))
        raise Misuse(
            f"expected a run in {place.outbox}, found none with the id {run!r}. "
            f"`publish status` and the outbox name them; the newest is "
            f"{known[-1] if known else '(there is none)'}."
        )

    def check(self) -> None:
        """See to it that the package is as it was made: else there is no measure.

        Raises:
            Refused: a file of it is gone or changed, or it was pruned.
        """
        if (self.folder / PRUNED).is_file():
            at = json.loads((self.folder / PRUNED).read_bytes()).get("at")
            raise Refused(
                f"{self.folder}: its tables were let go by `publish prune` at {at}; "
                "what is left proves the chain, and cannot be compared with."
            )
        for name, digest in self.sums.items():
            path = self.folder / name
            if not path.is_file() or sha256_of(path) != digest:
                raise Refused(
                    f"expected {path} with SHA-256 {digest}, found it gone or changed. "
                    f"`python verify.py {self.folder}` tells all that is."
                )
        lacking = [f"`run.{each}`" for each in _NEEDED if each not in self.run]
        lacking += [BUILT_FROM] if BUILT_FROM not in self.sums else []
        if lacking:
            raise Refused(
                f"{self.folder}: expected {lacking[0]}, found none: an earlier version "
                "made it, which did not keep all that a replay needs."
            )

    @cached_property
    def sums(self) -> Mapping[str, str]:
        """SHA256SUMS: name to digest."""
        try:
            text = (self.folder / SUMS).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise Refused(
                f"{self.folder}: expected {SUMS}, found none; this is no package."
            ) from None
        pairs = (line.partition("  ") for line in text.splitlines())
        return {name: digest for digest, _, name in pairs}

    @property
    def digest(self) -> str:
        """The package's."""
        return hashlib.sha256((self.folder / SUMS).read_bytes()).hexdigest()

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """The Data Package descriptor."""
        name = next(n for n in self.sums if n.endswith(".manifest.json"))
        found: Mapping[str, Any] = self._json(name)
        return found

    @property
    def run(self) -> Mapping[str, Any]:
        """`run` of the manifest."""
        found: Mapping[str, Any] = self.manifest["run"]
        return found

    @cached_property
    def built_from(self) -> Mapping[str, str]:
        """Digest of every model and seed below the file, and of the macros."""
        found: Mapping[str, str] = self._json(BUILT_FROM)
        return found

    @property
    def label(self) -> str:
        """Name of the file, as the outbox has it."""
        return self.folder.parent.name

    @property
    def states(self) -> frozenset[tuple[str, str]]:
        """What partners held, as (model, digest): all that the run compared with."""
        kinds = self.run["states"].values()
        return frozenset((s["model"], s["sha256"]) for kind in kinds for s in kind)

    @property
    def accepted_first(self) -> bool:
        """Say whether FEEDS_ACCEPT_FIRST let a first file pass."""
        checks = self._json("gates.json")["predicate"]["checks"]
        return any(
            check["id"] == "RUN_FIRST"
            and check["observed"]
            and check["verdict"] == "pass"
            for check in checks
        )

    @property
    def build_began(self) -> str | None:
        """When dbt began its first node, as the lineage tells it."""
        lines = (self.folder / "openlineage.jsonl").read_text("utf-8").splitlines()
        for event in map(json.loads, lines):
            if event["job"]["name"].startswith("dbt.build."):
                return str(event["eventTime"])
        return None

    def _json(self, name: str) -> Any:
        return json.loads((self.folder / name).read_bytes())


@dataclass(frozen=True)
class PackagedFile:
    """One file of one run.

    Attributes:
        folder: `outbox/<file>/<run id>`.
        event: how it ended by the ledger: delivered, held, failed or unknown.
    """

    folder: Path
    event: str

    @property
    def file(self) -> str:
        """Names the file: a feed, or a feed and the value it is split by."""
        return self.folder.parent.name

    @property
    def feed(self) -> str:
        """Names the exposure."""
        return self.file.partition(".")[0]

    @property
    def run_id(self) -> str:
        """Names the run; begins with its logical time."""
        return self.folder.name

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """The package's description.

        Raises:
            OSError, ValueError: there is none, or it is something else.
        """
        for path in self.folder.glob("*.manifest.json"):
            found: Mapping[str, Any] = json.loads(path.read_bytes())
            return found
        raise FileNotFoundError(f"{self.folder} has no manifest")


def packaged_files(outbox: Path, ledger: LedgerView) -> Iterator[PackagedFile]:
    """Yield what was packed and is still there, oldest first; no dry runs."""
    ends: dict[tuple[str, str], str] = {}
    for record in ledger.records:
        if record["event"] in ("delivered", "held", "failed", "unknown"):
            ends[record.get("file", ""), record.get("run_id", "")] = record["event"]
    for file, run_id in sorted(ends):
        folder = outbox / file / run_id
        if folder.is_dir():
            yield PackagedFile(folder, ends[file, run_id])


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
            return read_json(path)
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
        return parse_time(self.run["logical_time"])

    @cached_property
    def gates(self) -> Mapping[str, Any]:
        """The verdict: the predicate of gates.json."""
        found: Mapping[str, Any] = read_json(self.folder / "gates.json")["predicate"]
        return found

    @cached_property
    def receipt(self) -> Mapping[str, Any] | None:
        """What the partner's server said; None without a delivery."""
        path = self.folder / "receipt.json"
        return read_json(path) if path.exists() else None

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


def packages(place: Place, ledger: LedgerView) -> list[Package]:
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


SUMS = "SHA256SUMS"


RECEIPT = "receipt.json"


BUILT_FROM = "built_from.json"
