"""The machine: room on the disk, who holds the lock, whether the ledger holds."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from monitor.context import CLOCK, Context, duration_text
from monitor.findings import CheckResult, Finding
from runtime.files import parse_time

_LOCKS = Path("/proc/locks")


def check(evidence: Context) -> CheckResult:
    """Look at disk and lock."""
    free = shutil.disk_usage(_there(evidence.place.data)).free
    owner = held_by(evidence.place.data / "lock")
    findings = [*_room(evidence, free), *_lock(evidence, owner)]
    return CheckResult({"disk_free_bytes": free, "lock": owner}, tuple(findings))


def look_at_ledger(evidence: Context) -> CheckResult:
    """Look whether each line of the ledger follows the one before it."""
    known = evidence.ledger
    facts = {"records": len(known.all()), "intact": not known.broken}
    findings = []
    if known.broken:
        says = f"{evidence.place.ledger}: {known.broken}"
        findings.append(Finding("LEDGER_BROKEN", "ledger", says))
    # While a command writes, half a line is what a reader may see.
    if known.torn and not held_by(evidence.place.data / "lock"):
        says = f"{evidence.place.ledger}: the last line is not whole"
        findings.append(Finding("LEDGER_TORN", "ledger", says))
    return CheckResult({"ledger": facts}, tuple(findings))


def _there(path: Path) -> Path:
    """Return the nearest folder that exists."""
    return path if path.exists() else _there(path.absolute().parent)


def _room(evidence: Context, free: int) -> Iterator[Finding]:
    if free < evidence.patience.disk:
        says = (
            f"{free >> 20:,} MiB are free on the disk of {evidence.place.data}, fewer "
            f"than {evidence.patience.disk >> 20:,}"
        )
        yield Finding("DISK_LOW", "disk", says)


def _lock(evidence: Context, owner: dict[str, Any] | None) -> Iterator[Finding]:
    if owner is None or "since" not in owner:
        return
    age = evidence.at - parse_time(owner["since"])
    if age > evidence.patience.lock:
        says = (
            f"{owner['command']} (pid {owner['pid']} on {owner['host']}) has held the "
            f"lock for {duration_text(age)}"
        )
        step = (
            f"Look at what it does; if it hangs, `kill {owner['pid']}` there: it may "
            "be run again."
        )
        since = f"{parse_time(owner['since']):{CLOCK}}"
        yield Finding("LOCK_OLD", "lock", says, since, step=step)


def held_by(lock: Path) -> dict[str, Any] | None:
    """Return the lock's owner, None if nobody holds it.

    Asked of the kernel's list, not by trying: a command that begins at that moment
    would find the lock taken, by us. Where there is no list, the owner is unknown.
    """
    if not lock.exists() or not _LOCKS.exists():
        return None
    inode = str(lock.stat().st_ino)
    taken = any(
        fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == inode
        for fields in map(str.split, _LOCKS.read_text().splitlines())
        if len(fields) > 5 and "->" not in fields
    )
    if not taken:
        return None
    try:
        found = json.loads(lock.read_text(encoding="utf-8"))
    except ValueError:
        return {"command": "another process"}
    return dict(found) if isinstance(found, dict) else {"command": "another process"}
