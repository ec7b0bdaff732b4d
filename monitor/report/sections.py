"""The parts of a page that are more than a list: funnel, reasons, gates, deliveries."""

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monitor.report.evidence import Package, Record
from monitor.report.history import Series
from monitor.report.preview import Preview, clean

TONES = {"ELIGIBLE": "good", "FILTERED": "open", "REVIEW": "warn"}
FATES = {"delivered": "good", "not sent": "open", "nothing to send": "open"}
_STATUSES = tuple(TONES)
_GATES = {"dbt": "dbt", "guards": "Guards", "suite": "Suite, on the very file"}


def tone(fate: str) -> str:
    """Return the colour of how a run ended."""
    return FATES.get(fate, "bad")


def value(told: object) -> str:
    """Write any value of the evidence on one line."""
    if told is None:
        return ""
    if isinstance(told, str):
        return clean(told)
    if isinstance(told, bool) or not isinstance(told, int | float):
        return clean(json.dumps(told, ensure_ascii=False))
    return f"{told:,}" if isinstance(told, int) else f"{told:,.10g}"


def funnel(package: Package, preview: Preview | None) -> list[dict[str, Any]]:
    """Return the lines from source rows to the file."""
    statuses = _by_status(package, preview)
    total = sum(statuses.values())
    whole = preview.audit_rows if preview else total
    lines = [_line("source", "Source rows", whole, whole)]
    if preview and preview.split is not None:
        by = next(column.label for column in preview.columns if column.split)
        lines.append(_line("part", f"{by} {preview.split}", total, whole))
    for status, output in sorted(statuses, key=lambda each: _place(each[0])):
        rows = statuses[status, output]
        line = _line(status, status.capitalize(), rows, whole)
        lines.append({**line, "output": output, "tone": TONES.get(status, "open")})
    # Records and rows of the file are of one kind only where a record is a row.
    same = statuses.get(("ELIGIBLE", "PUBLISH")) == package.feed["rows"]
    file = _line("file", "Rows in the file", package.feed["rows"], whole if same else 0)
    return [*lines, {**file, "tone": "good"}]


def differs(package: Package, preview: Preview | None) -> str:
    """Say why the file has other rows than were eligible; "" where it has not."""
    eligible = _by_status(package, preview).get(("ELIGIBLE", "PUBLISH"))
    if eligible in (None, package.feed["rows"]):
        return ""
    return (
        "a record can be several rows of the file, and a delta restates only what "
        "differs from what the partner holds."
    )


def _line(id_: str, name: str, rows: int, whole: int) -> dict[str, Any]:
    share = f"{rows / whole:.1%}" if whole else ""
    told = {"id": id_, "name": name, "rows": rows, "whole": whole, "share": share}
    return {**told, "tone": "open", "output": ""}


def _by_status(
    package: Package, preview: Preview | None
) -> Mapping[tuple[str, str], int]:
    if preview:
        return preview.by_status
    outputs = {"ELIGIBLE": "PUBLISH", "FILTERED": "SKIP", "REVIEW": "AUDIT"}
    told: dict[tuple[str, str], int] = {}
    for each in package.run.get("counts") or ():
        key = (each["status"], outputs.get(each["status"], ""))
        told[key] = told.get(key, 0) + each["rows"]
    return told


def reasons(
    package: Package, preview: Preview | None, known: Mapping[str, tuple[str, str]]
) -> list[dict[str, Any]]:
    """Return every reason with its rows, the most frequent first in its status."""
    if preview:
        counts = {(s, reason): rows for (s, _, reason), rows in preview.counts.items()}
    else:
        told = package.run.get("counts") or ()
        counts = {(e["status"], e["reason"] or ""): e["rows"] for e in told}
    lines: list[dict[str, Any]] = []
    for (status, reason), rows in counts.items():
        meaning, remedy = known.get(reason, ("", ""))
        lines.append(
            {
                "status": status,
                "reason": reason,
                "rows": rows,
                "fired": preview.fired.get(reason, 0) if preview else None,
                "linked": preview is not None,
                "tone": TONES.get(status, "open"),
                "meaning": meaning,
                "remedy": remedy,
            }
        )
    lines.sort(key=lambda each: (_place(each["status"]), -each["rows"], each["reason"]))
    return lines


def meanings(root: Path) -> dict[str, tuple[str, str]]:
    """Return what each reason means and what to do, by the project's seeds."""
    told: dict[str, tuple[str, str]] = {}
    for path in sorted((root / "seeds").glob("*reason_codes.csv")):
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                if {"reason_code", "meaning", "remedy"} <= row.keys():
                    told[row["reason_code"]] = (row["meaning"], row["remedy"])
    return told


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


def plot(series: Series) -> dict[str, Any]:
    """Return the words and figures of a plot."""
    write = _percent if series.share else value
    now, usual = write(series.points[-1].value), write(series.usual)
    values = [point.value for point in series.points]
    return {
        "name": series.name,
        "now": now,
        "usual": usual,
        "says": f"{series.name} over {len(values)} runs: {now} now, usually {usual}, "
        f"from {write(min(values))} to {write(max(values))}",
        "values": [
            (f"{point.at:%Y-%m-%d %H:%M}", point.fate, write(point.value))
            for point in series.points
        ],
    }


def _percent(share: float) -> str:
    return f"{share:.2%}"


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


def _place(status: str) -> int:
    return _STATUSES.index(status) if status in _STATUSES else len(_STATUSES)
