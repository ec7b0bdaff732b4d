"""A run as its package tells it: found by its id, proved whole, read once."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from publish.package import BUILT_FROM, SUMS
from runtime.environment import Place
from runtime.exits import Misuse, Refused
from runtime.files import sha256_of

PRUNED = "pruned.json"
_NEEDED = ("inputs", "states", "ledger", "thresholds")


@dataclass(frozen=True)
class Recorded:
    """One package of the outbox: `outbox/<file>/<run id>`."""

    folder: Path

    @classmethod
    def find(cls, place: Place, run: str) -> "Recorded":
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
