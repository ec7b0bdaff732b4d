"""Check what a cell left: files whole, sent once, the ledger true, no secret shown.

It imports the standard library only. It reads the partner's folder, the server's log,
and the ledger as lines of JSON.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# How the servers log a rename that happened; group 1 is the new name.
_RENAMED = (
    re.compile(r'OK RENAME: Client "[^"]*", "\S+ /?([^"]+)"'),  # vsftpd
    re.compile(r"<- RNTO (\S+)\n[^\n]*-> 250"),  # pyftpdlib, the sandbox
    re.compile(r"^RNTO (\S+) 250$", re.MULTILINE),  # ProFTPD, the scripted partner
)


@dataclass
class Traces:
    """What a cell left.

    Attributes:
        folder: the partner's folder.
        ledger: ledger.jsonl.
        data: the data directory, searched for secrets.
        old: what the partner held before: file name to content.
        new: what it shall hold in the end; same names.
        log: what the server logged since the cell began; None for a plain folder.
        secrets: what must appear nowhere.
        codes: more exit codes that are right for this cell.
        outputs: what the runs wrote to stdout and stderr.
    """

    folder: Path
    ledger: Path
    data: Path
    old: dict[str, bytes]
    new: dict[str, bytes]
    log: str | None
    secrets: tuple[str, ...]
    codes: tuple[int, ...] = ()
    outputs: list[bytes] = field(default_factory=list)


def after_a_run(traces: Traces, code: int) -> list[str]:
    """Return what is wrong after a run.

    Args:
        traces: what the run left.
        code: exit code; negative for the signal that killed it.
    """
    wrong = []
    for name, old in traces.old.items():
        path = traces.folder / name
        content = path.read_bytes() if path.exists() else None
        if content is None:
            wrong.append(f"last good: {name} is gone")
        elif content not in (None, old, traces.new[name]):
            wrong.append(
                f"whole or absent: {name} has {len(content or b'')} strange bytes"
            )
    feed = list(traces.old)[-1]
    there = (traces.folder / feed).exists() and (
        (traces.folder / feed).read_bytes() == traces.new[feed]
    )
    records = _records(traces.ledger, wrong)
    event = _last_event(records, traces.new[feed])
    if code == 0 and not there:
        wrong.append("truthful: exit 0, but the new file is not there")
    if event == "delivered" and not there:
        wrong.append("truthful: the ledger says delivered, but it is not there")
    if event == "failed" and there:
        wrong.append("truthful: the ledger says failed, but it is there")
    # -15: a signal before the start. 2 would be a bug of ours,
    # unless a failpoint plays one.
    if code not in (0, 1, 75, 143, -9, -15, *traces.codes):
        wrong.append(f"truthful: exit {code}")
    return wrong


def in_the_end(traces: Traces) -> list[str]:
    """Return what is wrong when `publish` has nothing left to do."""
    wrong = []
    names = sorted(path.name for path in traces.folder.iterdir())
    if names != sorted(traces.new):
        wrong.append(f"litter: {names}")
    for name, new in traces.new.items():
        path = traces.folder / name
        if path.exists() and path.read_bytes() != new:
            wrong.append(f"convergence: {name} is not the new one")
    feed = list(traces.new)[-1]
    digest = hashlib.sha256(traces.new[feed]).hexdigest()
    records = _records(traces.ledger, wrong)
    times = [r for r in records if r["event"] == "delivered" and r["sha256"] == digest]
    if len(times) != 1:
        wrong.append(f"once: the ledger has {len(times)} deliveries")
    if traces.log is not None:
        renames = [
            n for form in _RENAMED for n in form.findall(traces.log) if n == feed
        ]
        if len(renames) != 1:
            wrong.append(f"once: the server renamed {len(renames)} times to {feed}")
    ended = {r["attempt"] for r in records if r["event"] in _ENDS}
    if still := {r["attempt"] for r in records if r["event"] == "intent"} - ended:
        wrong.append(f"truthful: open in the end {sorted(still)}")
    left = [
        p.name for p in traces.data.rglob("*") if p.name.endswith((".part", ".work"))
    ]
    if left:
        wrong.append(f"litter at home: {left}")
    return wrong + _shown(traces)


_ENDS = ("delivered", "failed", "unknown")


def _records(ledger: Path, wrong: list[str]) -> list[dict[str, Any]]:
    """Return the records; add what is wrong with the chain to `wrong`."""
    records: list[dict[str, Any]] = []
    previous = "0" * 64
    lines = ledger.read_bytes().splitlines(keepends=True) if ledger.exists() else []
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):
            if number != len(lines):
                wrong.append(f"ledger: line {number} is torn")
            break
        record = json.loads(line)
        if record["previous"] != previous:
            wrong.append(f"ledger: line {number} does not follow")
        previous = hashlib.sha256(line).hexdigest()
        records.append(record)
    return records


def _last_event(records: Iterable[dict[str, Any]], content: bytes) -> str:
    """Return the last event of the last attempt to send these bytes."""
    digest = hashlib.sha256(content).hexdigest()
    attempts = [r["attempt"] for r in records if r.get("sha256") == digest
                and r["event"] == "intent"]  # fmt: skip
    mine = [r for r in records if attempts and r.get("attempt") == attempts[-1]]
    return mine[-1]["event"] if mine else "nothing"


def _shown(traces: Traces) -> list[str]:
    """Return the secrets, in clear and as base64, in everything that was written."""
    places = [("output", text) for text in traces.outputs]
    places += [(p.name, p.read_bytes()) for p in traces.data.rglob("*") if p.is_file()]
    return [
        f"secret in {where}"
        for secret in traces.secrets
        for form in (secret.encode(), base64.b64encode(secret.encode()).rstrip(b"="))
        for where, text in places
        if form in text
    ]
