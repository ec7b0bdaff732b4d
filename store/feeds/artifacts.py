"""dbt's artifacts: what the project is, and how its last command went."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.environment import Environment
from runtime.exits import Misuse

_BUILD = "Run `dbt build` from the project root."


@dataclass(frozen=True, slots=True)
class Artifacts:
    """manifest.json and run_results.json, as dbt wrote them (schemas v12 and v6)."""

    manifest: Mapping[str, Any]
    results: Mapping[str, Any]

    def node(self, unique_id: str) -> Mapping[str, Any]:
        """Return a model, seed, snapshot, test or source of the manifest."""
        for kind in ("nodes", "sources", "exposures"):
            if unique_id in self.manifest.get(kind, {}):
                found: Mapping[str, Any] = self.manifest[kind][unique_id]
                return found
        raise Misuse(f"manifest.json does not hold {unique_id}. {_BUILD}")

    def ancestors(self, unique_id: str) -> frozenset[str]:
        """Name everything that a node or exposure stands on, sources included."""
        above: set[str] = set()
        waiting = list(parents(self.node(unique_id)))
        while waiting:
            name = waiting.pop()
            if name not in above:
                above.add(name)
                waiting.extend(parents(self.node(name)))
        return frozenset(above)


def parents(node: Mapping[str, Any]) -> tuple[str, ...]:
    """Name what a node depends on directly; a source depends on nothing."""
    return tuple(node.get("depends_on", {}).get("nodes", ()))


def read(root: Path, variables: Environment) -> Artifacts:
    """Read both artifacts from `DBT_TARGET_PATH` (default `target`) below `root`.

    Raises:
        Misuse: a file is missing or is not the JSON that dbt writes.
    """
    target = root / variables.text("DBT_TARGET_PATH", "target")
    manifest = _load(target / "manifest.json", "exposures")
    return Artifacts(manifest, _load(target / "run_results.json", "results"))


def _load(path: Path, needed: str) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise Misuse(f"expected dbt's {path}, found no such file. {_BUILD}") from None
    except ValueError as error:
        raise Misuse(f"expected JSON in {path}, found: {error}. {_BUILD}") from None
    if not isinstance(value, dict) or needed not in value:
        raise Misuse(f"expected a field {needed!r} in {path}, found none. {_BUILD}")
    return value
