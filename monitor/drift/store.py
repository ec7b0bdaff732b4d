"""Profiles on disk: `profiles/<file>/<run id>.json`, monitor's own folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from monitor.context import Context
from monitor.drift import profile, source
from runtime.command import LOG
from runtime.environment import Limits, Place
from runtime.files import write_json
from runtime.lock import one_writer
from store.ledger import Ledger
from store.outbox import packages


@dataclass(frozen=True, slots=True)
class Run:
    """One profile, and whether the partner got the file."""

    profile: Mapping[str, Any]
    delivered: bool


def folder(place: Place) -> Path:
    """Where profiles are kept."""
    return place.data / "profiles"


def path_of(profiles: Path, file: str, run_id: str) -> Path:
    """Where the profile of a package is kept, below the folder of all."""
    return profiles / file / f"{run_id}.json"


def refresh(place: Place, ledger: Ledger, limits: Limits) -> list[str]:
    """Profile every package that has no profile yet.

    Returns:
        What was profiled, `<file>/<run id>` each. A file that cannot be read is a
        warning, and tried again next time.
    """
    done = []
    for package in packages(place.outbox, ledger):
        path = path_of(folder(place), package.file, package.run_id)
        if path.exists() or not package.last_outcome:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_json(path, profile.profile(package, limits, path.parent))
        except (OSError, ValueError, LookupError, duckdb.Error) as why:
            LOG.warning(f"no profile of {package.name}: {why}")
            continue
        done.append(f"{package.name}")
    return done


def runs(place: Place, ledger: Ledger, most: int) -> dict[str, list[Run]]:
    """Return the last profiles of every file, oldest first.

    A package that is gone from the outbox keeps its profile.
    """
    sent = {(r["file"], r["run_id"]) for r in ledger.all("delivered")}
    found: dict[str, list[Run]] = {}
    for file in sorted(folder(place).glob("[!_]*/")):
        paths = sorted(file.glob("[!.]*.json"))[-most:]
        found[file.name] = [
            Run(json.loads(path.read_bytes()), (file.name, path.stem) in sent)
            for path in paths
        ]
    return {name: told for name, told in found.items() if told}


def refreshed(evidence: Context) -> list[str]:
    """Profile what has no profile; one process at a time."""
    with one_writer(folder(evidence.place), "monitor drift", 60):
        made = refresh(evidence.place, evidence.history, evidence.limits)
        return [*made, *source.refresh(evidence)]
