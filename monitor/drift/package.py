"""The files that were packed, as the outbox and the ledger have them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from monitor.health.ledger import Ledger


@dataclass(frozen=True)
class Packed:
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


def packages(outbox: Path, ledger: Ledger) -> Iterator[Packed]:
    """Yield what was packed and is still there, oldest first; no dry runs."""
    ends: dict[tuple[str, str], str] = {}
    for record in ledger.records:
        if record["event"] in ("delivered", "held", "failed", "unknown"):
            ends[record.get("file", ""), record.get("run_id", "")] = record["event"]
    for file, run_id in sorted(ends):
        folder = outbox / file / run_id
        if folder.is_dir():
            yield Packed(folder, ends[file, run_id])
