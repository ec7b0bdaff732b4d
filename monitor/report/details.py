"""What a package holds: its checks, its files and digests, and where it came from."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monitor.report.html import value
from monitor.report.preview import clean
from runtime.exits import Refused
from store.ledger import Record
from store.package import Package

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
    try:
        digests = package.sums
    except Refused:
        digests = {}  # the column is empty
    feed = package.resource["path"]
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


def deliveries(records: Iterable[Record]) -> list[dict[str, str]]:
    """Return the ledger's records, each in words."""
    return [
        {
            "at": str(record.get("at", "")),
            "event": str(record["event"]),
            "says": clean(_says(record)),
        }
        for record in records
    ]


def _says(record: Record) -> str:
    by = {
        "intent": "to {destination}, folder {folder}, as .part first",
        "placing": "every byte is there; renaming to the final name",
        "delivered": "{name}, {bytes} bytes, to {destination}",
        "approved": "by {by}: {because}",
        "nothing": "{because}",
    }
    if record["event"] == "held":
        return f"closed: {', '.join(record.get('checks', ()))}"
    if record["event"] in by:
        return by[record["event"]].format_map(
            _Known({key: value(said) for key, said in record.items()})
        )
    return str(record.get("why") or record.get("because") or "")


class _Known(dict[str, Any]):
    """What a record has; nothing for what it has not."""

    def __missing__(self, key: str) -> str:
        return ""


_RECEIPT = {
    "server": "Server", "greeting": "Greeting", "tls": "TLS", "cipher": "Cipher",
    "certificate_checked": "Certificate checked", "encrypted": "Encrypted",
    "session_resumed": "TLS session resumed", "at": "At", "name": "Final name",
    "sha256": "SHA-256 sent", "package": "Digest of the package",
}  # fmt: skip


def receipt(package: Package) -> dict[str, Any] | None:
    """Return what the partner's server said; None without a delivery."""
    told = package.receipt
    if told is None:
        return None
    facts = []
    for key, name in _RECEIPT.items():
        if key in told:
            said = told[key]
            shown = {True: "yes", False: "no"}[said] if said in (True, False) else said
            facts.append((name, value(shown)))
    return {"facts": facts, "files": told.get("files", [])}
