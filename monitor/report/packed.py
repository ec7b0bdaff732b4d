"""What a package holds: its checks, its files and digests, and where it came from."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monitor.report.evidence import Package
from monitor.report.words import value

_GATES = {"dbt": "dbt", "guards": "Guards", "suite": "Suite, on the very file"}


def gates(package: Package) -> list[tuple[str, dict[str, Any]]]:
    """Return the checks by gate, those that are closed first."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for check in package.gates["checks"]:
        found.setdefault(check["gate"], []).append(check)
    told = []
    for gate, checks in found.items():
        passed = sum(each["verdict"] == "pass" for each in checks)
        group = {
            "checks": sorted(checks, key=lambda each: each["verdict"] == "pass"),
            "passed": passed,
            # What passed by the dozen is not what people come for.
            "open": passed < len(checks) or gate == "guards",
        }
        told.append((_GATES.get(gate, gate), group))
    return told


def files(package: Package) -> list[dict[str, Any]]:
    """Return the files of the package with their digests, the feed first."""
    digests = {}
    try:
        for line in (package.folder / "SHA256SUMS").read_text("utf-8").splitlines():
            digest, _, name = line.partition("  ")
            digests[name] = digest
    except FileNotFoundError:
        pass  # the column stays empty
    feed = package.feed["path"]
    found: Sequence[Path] = sorted(
        (path for path in package.folder.iterdir() if path.is_file()),
        key=lambda path: (path.name != feed, path.name),
    )
    return [
        {
            "name": path.name,
            "path": path,
            "bytes": path.stat().st_size,
            "sha256": digests.get(path.name) or _digest(path),
        }
        for path in found
    ]


def _digest(path: Path) -> str:
    """Return the digest of a small file that SHA256SUMS cannot cover."""
    if path.stat().st_size > 1 << 20:
        return ""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def provenance(package: Package) -> list[tuple[str, str]]:
    """Return where the file came from."""
    run = package.run
    told = [
        ("Code", run.get("code_commit")),
        ("Lock", run.get("lock_sha256")),
        ("Contract", run.get("contract_sha256")),
        ("Suite", run.get("suite_sha256")),
        ("Package before", run.get("previous_package")),
    ]
    return [(name, value(said)) for name, said in told if said]
