"""What extract landed below a file: which runs, with what counts and which bytes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store.feeds.artifacts import Artifacts


@dataclass(frozen=True, slots=True)
class Source:
    """One source as it stands in `landing/current`; `landed` is its extract.json."""

    name: str
    landed: Mapping[str, Any]


def read(landing: Path, artifacts: Artifacts, exposure: str) -> list[Source]:
    """Read extract.json of each source below an exposure.

    What partners hold is staged as a source too, but lies in `delivered` and has no
    extract run. An extract.json that cannot be read becomes an empty mapping.
    """
    found = []
    for name in below(artifacts, exposure):
        try:
            landed = json.loads(
                (landing / "current" / name / "extract.json").read_bytes()
            )
        except (FileNotFoundError, NotADirectoryError, ValueError):
            landed = {}
        found.append(Source(name, landed if isinstance(landed, dict) else {}))
    return found


def below(artifacts: Artifacts, exposure: str) -> list[str]:
    """Name the sources that a file stands on, sorted."""
    nodes = [artifacts.node(above) for above in artifacts.ancestors(exposure)]
    names = {
        node["source_name"]
        for node in nodes
        if node["resource_type"] == "source" and "/delivered/" not in _location(node)
    }
    return sorted(names)


def states_below(artifacts: Artifacts, exposure: str) -> list[str]:
    """Name the models whose delivered state a file stands on, sorted."""
    nodes = [artifacts.node(above) for above in artifacts.ancestors(exposure)]
    return sorted(
        node["name"]
        for node in nodes
        if node["resource_type"] == "source" and "/delivered/" in _location(node)
    )


def absent(landing: Path, artifacts: Artifacts, exposure: str) -> list[str]:
    """Name the sources of a file of which nothing was ever landed."""
    current = landing / "current"
    return [
        name
        for name in below(artifacts, exposure)
        if not (current / name).exists() and not (current / name).is_symlink()
    ]


def _location(node: Mapping[str, Any]) -> str:
    meta = node.get("config", {}).get("meta") or node.get("meta") or {}
    return str(meta.get("external_location", ""))
