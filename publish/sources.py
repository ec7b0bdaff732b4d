"""What extract landed below a file: which runs, how complete, which bytes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from publish.feeds.artifacts import Artifacts
from publish.gate.checks import EXAMPLES, Check, listed

_ADVICE = "Run `extract`, then `dbt build`."


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
    nodes = [artifacts.node(above) for above in artifacts.ancestors(exposure)]
    names = {
        node["source_name"]
        for node in nodes
        if node["resource_type"] == "source" and "/delivered/" not in _location(node)
    }
    found = []
    for name in sorted(names):
        try:
            landed = json.loads(
                (landing / "current" / name / "extract.json").read_bytes()
            )
        except (FileNotFoundError, NotADirectoryError, ValueError):
            landed = {}
        found.append(Source(name, landed if isinstance(landed, dict) else {}))
    return found


def complete(sources: list[Source], built_at: datetime | None) -> Check:
    """Check RUN_SOURCE_PARTIAL: every source was landed whole, then dbt built.

    Args:
        sources: what lies below the file.
        built_at: when dbt wrote the warehouse (UTC, naive); None if unknown.
    """
    wrong = [
        f"{source.name}: {fault}"
        for source in sources
        for fault in _faults(source.landed, built_at)
    ]
    return Check(
        "RUN_SOURCE_PARTIAL", "guards", not wrong,
        f"{listed([source.name for source in sources])} was landed whole"
        if not wrong
        else f"a source was not landed whole: {listed(wrong)}. {_ADVICE}",
        len(wrong), 0, len(wrong), tuple(wrong[:EXAMPLES]),
    )  # fmt: skip


def _location(node: Mapping[str, Any]) -> str:
    meta = node.get("config", {}).get("meta") or node.get("meta") or {}
    return str(meta.get("external_location", ""))


def _faults(landed: Mapping[str, Any], built_at: datetime | None) -> list[str]:
    if not landed:
        return ["expected an extract.json, found none that can be read"]
    faults = []
    if landed.get("status") != "complete":
        faults.append(f"expected status complete, found {landed.get('status')}")
    for name, entity in landed.get("entities", {}).items():
        # The count before may differ lawfully: extract fetches what came meanwhile.
        rows, counted = entity.get("rows"), entity.get("count_after")
        if counted is not None and counted != rows:
            faults.append(f"{name}: {rows} rows landed, but the source has {counted}")
    finished = str(landed.get("finished_at", ""))
    try:
        moment = datetime.fromisoformat(finished).replace(tzinfo=None)
    except ValueError:
        return [*faults, f"expected a time in finished_at, found {finished!r}"]
    if built_at is not None and moment > built_at:
        faults.append(
            f"run {landed.get('run_id')} ended at {finished}, after dbt built "
            f"({built_at:%Y-%m-%dT%H:%M:%SZ}): the file stands on an older run"
        )
    return faults
