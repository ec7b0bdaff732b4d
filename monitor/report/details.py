"""The details of a package: checks, files, digests, ledger records, receipt."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monitor.report.html import value
from monitor.report.preview import clean
from runtime.exits import Refused
from store.ledger import Record
from store.package import Package

_GATES = {"dbt": "dbt", "guards": "Guards", "suite": "Suite, on the file itself"}


def gates(package: Package) -> list[tuple[str, dict[str, Any]]]:
    """Return the checks by gate, closed ones first."""
    gates: dict[str, list[Mapping[str, Any]]] = {}
    for check in package.gates["checks"]:
        gates.setdefault(check["gate"], []).append(check)
    groups = []
    for gate, checks in gates.items():
        passed = sum(each["verdict"] == "pass" for each in checks)
        group = {
            "checks": sorted(checks, key=lambda each: each["verdict"] == "pass"),
            "passed": passed,
            # A list of passed checks is folded.
            "open": passed < len(checks),
        }
        groups.append((_GATES.get(gate, gate), group))
    return groups


def files(package: Package) -> list[dict[str, Any]]:
    """Return the files of the package with their digests, the delivered file first."""
    try:
        digests = package.sums
    except Refused:
        digests = {}  # the column is empty
    feed = package.resource["path"]
    paths: Sequence[Path] = sorted(
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
        for path in paths
    ]


def _digest(path: Path) -> str:
    """Return the digest of a small file that SHA256SUMS does not have."""
    if path.stat().st_size > 1 << 20:
        return ""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def provenance(package: Package) -> list[tuple[str, str]]:
    """Return the versions of code and settings that the file was made with."""
    run = package.run
    facts = [
        ("Code", run.get("code_commit")),
        ("Lock", run.get("lock_sha256")),
        ("Contract", run.get("contract_sha256")),
        ("Suite", run.get("suite_sha256")),
        ("Package before", run.get("previous_package")),
    ]
    return [(name, value(fact)) for name, fact in facts if fact]


def deliveries(records: Iterable[Record]) -> list[dict[str, str]]:
    """Return the ledger's records, each with a sentence."""
    return [
        {
            "at": str(record.get("at", "")),
            "event": str(record["event"]),
            "sentence": clean(_sentence(record)),
        }
        for record in records
    ]


def _sentence(record: Record) -> str:
    sentences = {
        "intent": "to {destination}, folder {folder}, as .part first",
        "placing": "all bytes are sent; renaming to the final name",
        "delivered": "{name}, {bytes} bytes, to {destination}",
        "approved": "by {by}: {because}",
        "nothing": "{because}",
        "feedback": "{name}, {rows} rejected rows, by {by}: {because}",
    }
    if record["event"] == "held":
        return f"closed: {', '.join(record.get('checks', ()))}"
    if record["event"] in sentences:
        return sentences[record["event"]].format_map(
            _Fields({key: value(each) for key, each in record.items()})
        )
    return str(record.get("why") or record.get("because") or "")


class _Fields(dict[str, Any]):
    """The fields of a record; a missing one is empty."""

    def __missing__(self, key: str) -> str:
        return ""


_RECEIPT = {
    "server": "Server", "greeting": "Greeting", "tls": "TLS", "cipher": "Cipher",
    "certificate_checked": "Certificate checked", "encrypted": "Encrypted",
    "session_resumed": "TLS session resumed", "at": "At", "name": "Final name",
    "sha256": "SHA-256 of the file", "characters": "Characters of its texts",
    "sent.name": "Name of what travelled", "sent.compressed": "Compressed as",
    "sent.workbook": "Workbook with the sheet",
    "sent.encrypted_for": "Encrypted for",
    "sent.sha256": "SHA-256 of what travelled",
    "package": "Digest of the package",
}  # fmt: skip


def receipt(package: Package) -> dict[str, Any] | None:
    """Return what the server answered at the delivery; None without a delivery."""
    receipt = package.receipt
    if receipt is None:
        return None
    facts = []
    sent = {f"sent.{key}": fact for key, fact in receipt.get("sent", {}).items()}
    shown = {**receipt, **sent}
    for key, name in _RECEIPT.items():
        if key in shown:
            fact = shown[key]
            text = {True: "yes", False: "no"}[fact] if fact in (True, False) else fact
            facts.append((name, value(text)))
    return {"facts": facts, "files": receipt.get("files", [])}
