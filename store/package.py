"""A package of the outbox: the files of one run of one file, and its ledger records."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from runtime import formats, shapes
from runtime.exits import Refused
from runtime.files import parse_time, read_json, sha256_of
from store.cells import cells
from store.dialect import Dialect, Position, read_csv
from store.ledger import RUN_ENDS, Record

SUMS = "SHA256SUMS"
RECEIPT = "receipt.json"
BUILT_FROM = "built_from.json"
PRUNED = "pruned.json"
_RESERVED = frozenset(
    {
        *(SUMS, f"{SUMS}.sig", RECEIPT, BUILT_FROM, PRUNED, "audit.csv"),
        *("changes.csv", "contract.odcs.yaml", "gates.html", "gates.json"),
        "verify.py",
    }
)


def is_reserved(name: str) -> bool:
    """Return whether a package has another file of this name than the feed's."""
    return name in _RESERVED or name.endswith(".manifest.json")


@dataclass(frozen=True, eq=False)
class Package:
    """One folder of the outbox, `outbox/<file>/<run id>`.

    Attributes:
        folder: its path.
        records: the ledger's records of this run of this file, oldest first.
    """

    folder: Path
    records: Sequence[Record] = ()

    @classmethod
    def from_record(cls, outbox: Path, record: Record) -> "Package":
        """Return the package that a ledger record names; its folder may be gone."""
        return cls(outbox / record["file"] / record["run_id"])

    @property
    def file(self) -> str:
        """Name of the file: the feed, or the feed and the value it is split by."""
        return self.folder.parent.name

    @property
    def feed(self) -> str:
        """Name of the exposure."""
        return self.file.partition(".")[0]

    @property
    def run_id(self) -> str:
        """Name of the run: its logical time and the beginning of a digest."""
        return self.folder.name

    @property
    def name(self) -> str:
        """FILE/RUN, as commands take and show it."""
        return f"{self.file}/{self.run_id}"

    @property
    def run_time(self) -> str:
        """The logical time as the run id has it; files of one run share it."""
        return self.run_id.partition("-")[0]

    @property
    def last_outcome(self) -> Record | None:
        """The last record of held, delivered, failed or unknown; None without one."""
        ends = [r for r in self.records if r["event"] in RUN_ENDS]
        # Whatever became of a second time, the partner got the file the first time.
        first = [r for r in ends if not ("resend_of" in r and r["event"] == "failed")]
        return first[-1] if first else None

    @property
    def outcome(self) -> str:
        """Held, delivered, failed or unknown; else unsettled (begun) or not sent."""
        if record := self.last_outcome:
            return str(record["event"])
        return "unsettled" if self.records else "not sent"

    @cached_property
    def sums(self) -> Mapping[str, str]:
        """SHA256SUMS: name of each file to its SHA-256.

        Raises:
            Refused: there is none.
        """
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
        """The package's digest: the SHA-256 of SHA256SUMS."""
        return sha256_of(self.folder / SUMS)

    def check(self, advice: str = "") -> None:
        """Check that every file of SHA256SUMS is there, unchanged.

        Args:
            advice: what to do if one is not; by default to run verify.py.

        Raises:
            Refused: a file is gone or changed, or the package was pruned.
        """
        if self.pruned:
            at = read_json(self.folder / PRUNED).get("at")
            raise Refused(
                f"{self.folder}: its tables were removed at {at} ({PRUNED}). What is "
                "left proves the chain, but cannot be compared with anything."
            )
        advice = advice or f"`python verify.py {self.folder}` lists every fault."
        for name, digest in self.sums.items():
            path = self.folder / name
            if not path.is_file() or sha256_of(path) != digest:
                raise Refused(
                    f"expected {path} with SHA-256 {digest}, found it gone or changed. "
                    f"{advice}"
                )

    @property
    def pruned(self) -> bool:
        """Whether its tables were removed; the proof is kept."""
        return (self.folder / PRUNED).is_file()

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """The Data Package descriptor.

        Raises:
            OSError, ValueError: there is none, or it is something else.
            Refused: a newer version of the product made it.
        """
        for path in sorted(self.folder.glob("*.manifest.json")):
            manifest = read_json(path)
            run = manifest.get("run")
            formats.check("package", run if isinstance(run, dict) else {}, path)
            shapes.check(manifest, shapes.Manifest, path)
            return manifest
        raise FileNotFoundError(f"{self.folder} has no manifest")

    @property
    def run(self) -> Mapping[str, Any]:
        """`run` of the manifest: what the file was made from."""
        run: Mapping[str, Any] = self.manifest["run"]
        return run

    @property
    def travelled(self) -> frozenset[str]:
        """Names of copies that travel in place of its files, and of a marker.

        They are not in the sums. Earlier versions recorded what encrypted names end in.
        """
        run = self.run
        if "travels" in run or "marker" in run:
            marker = [run["marker"]["name"]] if "marker" in run else []
            return frozenset([*run.get("travels", {}).values(), *marker])
        suffix = run.get("encryption", {}).get("suffix")
        return frozenset(name + suffix for name in self.sums) if suffix else frozenset()

    @property
    def resource(self) -> Mapping[str, Any]:
        """The manifest's description of the file itself."""
        resource: Mapping[str, Any] = self.manifest["resources"][0]
        return resource

    @property
    def dialect(self) -> Dialect:
        """The dialect of the file itself."""
        return Dialect.of_table(self.resource)

    @property
    def fields(self) -> Mapping[str, Mapping[str, Any]]:
        """The fields of the file itself, by the column's name in the mart."""
        fields = self.resource["schema"]["fields"]
        return {field.get("column", field["name"]): field for field in fields}

    @property
    def logical_time(self) -> datetime:
        """The logical time, UTC."""
        return parse_time(self.run["logical_time"])

    @cached_property
    def gates(self) -> Mapping[str, Any]:
        """The predicate of gates.json: every check and its verdict."""
        path = self.folder / "gates.json"
        content = read_json(path)
        shapes.check(content, shapes.Gates, path)
        gates: Mapping[str, Any] = content["predicate"]
        return gates

    @cached_property
    def receipt(self) -> Mapping[str, Any] | None:
        """What the partner's server said; None without a delivery."""
        path = self.folder / RECEIPT
        if not path.exists():
            return None
        content = read_json(path)
        shapes.check(content, shapes.Receipt, path)
        return content

    @cached_property
    def built_from(self) -> Mapping[str, str]:
        """Digest of every model and seed below the file, and of the macros."""
        return read_json(self.folder / BUILT_FROM)

    def table(self, name: str) -> Mapping[str, Any] | None:
        """Describe audit.csv or changes.csv; None where the package has no such table.

        The manifest describes it among its resources or in `run.files`. It does not
        describe the audit of the first packages, so the header of that file does.
        """
        path = f"{name}.csv"
        tables: list[Mapping[str, Any]] = [
            *self.manifest["resources"],
            *self.run.get("files", {}).values(),
        ]
        for table in tables:
            if table["path"] == path and (self.folder / path).is_file():
                return table
        try:
            with (self.folder / path).open(encoding="utf-8", newline="") as lines:
                names = next(csv.reader(lines))
        except (FileNotFoundError, StopIteration):
            return None
        fields = [{"name": name, "type": "string"} for name in names]
        dialect = {"delimiter": ","}
        return {"path": path, "dialect": dialect, "schema": {"fields": fields}}

    def read_csv(self, table: Mapping[str, Any]) -> str:
        """Return a FROM clause item of one of `table()`."""
        columns = [field["name"] for field in table["schema"]["fields"]]
        return read_csv(self.folder / table["path"], columns, Dialect.of_table(table))

    @contextmanager
    def cells(self, work: Path) -> Iterator[str]:
        """Give a FROM clause item of the file itself; see `store.cells`.

        Args:
            work: a folder with room for a copy of the file.
        """
        path, dialect = self.folder / self.resource["path"], self.dialect
        places = [
            Position.of_field(field)
            for field in self.fields.values()
            if dialect.format == "fixed"
        ]
        with cells(path, tuple(self.fields), dialect, work, places) as source:
            yield source
