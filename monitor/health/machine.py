"""Check the machine: free disk space, the lock, and the ledger's hash chain."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from monitor.context import CLOCK, Context, duration_text
from monitor.findings import CheckResult, Finding
from runtime.files import parse_time
from store import copies

_LOCKS = Path("/proc/locks")


def check(context: Context) -> CheckResult:
    """Check disk and lock."""
    disk = os.statvfs(_existing(context.place.data))
    free = disk.f_bavail * disk.f_frsize
    owner = lock_owner(context.place.data / "lock")
    findings = [*_disk(context, free), *_lock(context, owner), *_restored(context)]
    return CheckResult({"disk_free_bytes": free, "lock": owner}, tuple(findings))


def check_ledger(context: Context) -> CheckResult:
    """Check the hash chain of the ledger."""
    ledger = context.ledger
    facts = {"records": len(ledger.all()), "intact": not ledger.broken}
    findings = []
    if ledger.broken:
        message = f"{context.place.ledger}: {ledger.broken}"
        findings.append(Finding("LEDGER_BROKEN", "ledger", message))
    # While a command writes, a reader may see half a line.
    if ledger.torn and not lock_owner(context.place.data / "lock"):
        message = f"{context.place.ledger}: the last line is not complete"
        findings.append(Finding("LEDGER_TORN", "ledger", message))
    return CheckResult({"ledger": facts}, tuple(findings))


def _existing(path: Path) -> Path:
    """Return the path or its nearest parent that exists."""
    return path if path.exists() else _existing(path.absolute().parent)


def _disk(context: Context, free: int) -> Iterator[Finding]:
    if free < context.thresholds.disk:
        message = (
            f"{free >> 20:,} MiB are free on the disk of {context.place.data}; at "
            f"least {context.thresholds.disk >> 20:,} are expected"
        )
        yield Finding("DISK_LOW", "disk", message)


def _restored(context: Context) -> Iterator[Finding]:
    if copy := copies.marker(context.place.data):
        message = copies.sentence(context.place.data, copy)
        yield Finding("DATA_RESTORED", "data directory", message)


def _lock(context: Context, owner: dict[str, Any] | None) -> Iterator[Finding]:
    if owner is None or "since" not in owner:
        return
    age = context.at - parse_time(owner["since"])
    if age > context.thresholds.lock:
        message = (
            f"{owner['command']} (pid {owner['pid']} on {owner['host']}) has held the "
            f"lock for {duration_text(age)}"
        )
        step = (
            f"Check what it does. If it hangs, `kill {owner['pid']}` on that host; you "
            "may run the command again."
        )
        since = f"{parse_time(owner['since']):{CLOCK}}"
        yield Finding("LOCK_OLD", "lock", message, since, step=step)


def lock_owner(lock: Path) -> dict[str, Any] | None:
    """Return the owner of the lock; None if it is free or the system has no list.

    Reads the kernel's list of locks. Trying the lock would block a command that
    starts at the same moment.
    """
    if not lock.exists() or not _LOCKS.exists():
        return None
    inode = str(lock.stat().st_ino)
    locked = any(
        fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == inode
        for fields in map(str.split, _LOCKS.read_text().splitlines())
        if len(fields) > 5 and "->" not in fields
    )
    if not locked:
        return None
    try:
        owner = json.loads(lock.read_text(encoding="utf-8"))
    except ValueError:
        return {"command": "another process"}
    return dict(owner) if isinstance(owner, dict) else {"command": "another process"}
