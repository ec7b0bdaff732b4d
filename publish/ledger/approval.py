"""Release of a held file by a person: exactly those bytes, once, with a reason."""

from pathlib import Path

from publish.ledger import Ledger, Record
from runtime.exits import Misuse, Refused
from runtime.files import sha256_of

_SHORTEST = 12


def approve(ledger: Ledger, outbox: Path, digest: str, by: str, because: str) -> Record:
    """Record that the next run may deliver these bytes in spite of what holds them.

    It covers the checks that hold the file now and no other, is used up by one
    delivery, and means nothing for any other bytes.

    Args:
        ledger: the memory; its lock is held.
        outbox: the folder of packages.
        digest: SHA-256 of the held file, or its first 12 digits or more.
        by: who takes the responsibility.
        because: why.

    Raises:
        Misuse: the digest is too short or the reason is blank.
        Refused: no such file is held, it is not the newest, or nobody may release it.
    """
    if len(digest) < _SHORTEST:
        raise Misuse(f"expected at least {_SHORTEST} digits of a SHA-256: {digest!r}")
    if not because.strip():
        raise Misuse("--because: expected a reason, found nothing")
    held = _newest_held(ledger, digest.lower())
    path = outbox / held["file"] / held["run_id"] / held["name"]
    if not path.is_file() or sha256_of(path) != held["sha256"]:
        raise Refused(
            f"expected {path} with SHA-256 {held['sha256']}, found it gone or changed. "
            "Publish again, and approve what is held then."
        )
    if held["hard"]:
        raise Refused(
            f"{held['name']} is held by {', '.join(held['hard'])}, which nobody may "
            "release: correct the cause, then publish again."
        )
    return ledger.append(
        "approved",
        feed=held["feed"],
        file=held["file"],
        run_id=held["run_id"],
        name=held["name"],
        sha256=held["sha256"],
        checks=held["checks"],
        by=by,
        because=because.strip(),
    )


def _newest_held(ledger: Ledger, digest: str) -> Record:
    newest: dict[str, Record] = {}
    for record in ledger.all("held", "delivered", "nothing"):
        newest[record["file"]] = record
    known = [r for r in ledger.all("held") if r["sha256"].startswith(digest)]
    for record in newest.values():
        if record["event"] == "held" and record["sha256"].startswith(digest):
            return record
    if known:
        raise Refused(
            f"{known[-1]['name']} is no longer the newest package of "
            f"{known[-1]['file']}. Publish again, and approve what is held then."
        )
    raise Refused(
        f"no held file has a SHA-256 that begins with {digest}. `publish status` lists "
        "what is held; a dry run holds nothing."
    )
