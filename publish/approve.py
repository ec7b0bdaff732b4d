"""Release of a held file by a person: exactly those bytes, once, with a reason."""

import difflib
from pathlib import Path

from publish import tables
from publish.gate import dbt, readback
from publish.prepare import changes_of
from publish.settings import Settings
from runtime import duck
from runtime.exits import Misuse, Refused
from store import outbox
from store.feeds import Feed
from store.feeds.artifacts import Artifacts
from store.ledger import Ledger, Record
from store.package import SUMS, Package

_SHORTEST = 12
_AGAIN = "Publish again, and approve what is held then."


def releasable(
    ledger: Ledger, packages: Path, digest: str, because: str, file: str | None = None
) -> Record:
    """Return the held file that a person may release, by the ledger and its package.

    Args:
        ledger: its lock is held.
        packages: the outbox.
        digest: SHA-256 of the held file, or its first 12 digits or more.
        because: why.
        file: its label, as `order_feed_full_file.4268`; two files may have the same
            bytes.

    Raises:
        Misuse: the digest is too short or the reason is blank.
        Refused: no such file is held, it is not the newest, it is released already,
            its package changed, or nobody may release it.
    """
    if len(digest) < _SHORTEST:
        raise Misuse(
            f"expected at least {_SHORTEST} digits of a SHA-256, found {digest!r}. "
            "`publish status` shows that of each held file."
        )
    if not because.strip():
        raise Misuse("--because: expected a reason, found nothing")
    held = _newest_held(ledger, digest.lower(), file)
    if held["hard"]:
        raise Refused(
            f"{held['name']} is held by {', '.join(held['hard'])}, which nobody may "
            "release: correct the cause, then publish again."
        )
    if before := _released(ledger, held):
        raise Refused(
            f"{held['name']} was released by {before['by']} at {before['at']} already: "
            f"{before['because']}. The next `publish {held['feed']}` delivers it."
        )
    _unchanged(Package.from_record(packages, held), held)
    return held


def approve(ledger: Ledger, held: Record, by: str, because: str) -> Record:
    """Record that the next run may deliver these bytes though checks hold them.

    The release covers the checks that hold the file now and no other check, one
    delivery, and no other bytes.

    Args:
        ledger: its lock is held.
        held: from `releasable`.
        by: who releases it.
        because: why.
    """
    fields = ("feed", "file", "run_id", "name", "sha256", "checks")
    return ledger.append(
        "approved",
        **{name: held[name] for name in fields},
        by=by,
        because=because.strip(),
    )


def _unchanged(package: Package, held: Record) -> None:
    """Check that the package is the one that was held: a person has read it.

    Raises:
        Refused: a file of it is gone or changed.
    """
    sums = package.folder / SUMS
    if not sums.is_file() or package.digest != held.get("package"):
        raise Refused(
            f"expected {sums} as it was made, found it gone or changed. {_AGAIN}"
        )
    package.check(_AGAIN)


def _released(ledger: Ledger, held: Record) -> Record | None:
    """Return the approval of a held file if it covers every check that failed."""
    before = ledger.approval(held["file"], held["sha256"])
    covered = before and not set(held["checks"]) - set(before["checks"])
    return before if covered else None


def _newest_held(ledger: Ledger, digest: str, file: str | None) -> Record:
    newest = {
        name: record for name, record in ledger.newest().items() if file in (None, name)
    }
    held = [
        record
        for record in newest.values()
        if record["event"] == "held" and record["sha256"].startswith(digest)
    ]
    if held:
        # A term's first delta and its first full file have the same bytes, hence the
        # same digest. Choose the one that is not released yet.
        return next((r for r in held if not _released(ledger, r)), held[0])
    known = [
        record
        for record in ledger.all("held")
        if record["sha256"].startswith(digest) and record["file"] in newest
    ]
    if known:
        raise Refused(_superseded(known[-1], newest[known[-1]["file"]]))
    by_digest = {r["sha256"]: r for r in newest.values() if r["event"] == "held"}
    # A digest that was typed by hand often has a digit or two wrong.
    short = {sha256[: len(digest)]: sha256 for sha256 in by_digest}
    near = [short[text] for text in difflib.get_close_matches(digest, short)]
    shown = near or list(by_digest)
    listed = "; ".join(
        f"{sha256} ({by_digest[sha256]['name']})" for sha256 in shown[:3]
    )
    raise Refused(
        f"no held file {f'{file} ' if file else ''}has a SHA-256 that begins with "
        f"{digest}. "
        + (f"{'Near' if near else 'Held'}: {listed}." if shown else "None is held.")
        + " A dry run holds nothing."
    )


def _superseded(record: Record, newest: Record) -> str:
    if newest["event"] == "delivered" and newest["sha256"] == record["sha256"]:
        return (
            f"{record['name']} was delivered at {newest['at']} already; a release is "
            "used up by one delivery."
        )
    return (
        f"{record['name']} is no longer the newest package of {record['file']}. "
        f"{_AGAIN}"
    )


def still_closed(
    settings: Settings, artifacts: Artifacts, ledger: Ledger, feed: Feed, held: Record
) -> None:
    """Run the checks of dbt and the read-back again on the held file.

    If the mart has changed, a release is useless: the next run makes other bytes.

    Raises:
        Refused: dbt has failed since, or the mart has other rows now.
        Misuse: there is no warehouse.
        Temporary: dbt is writing it.
    """
    place = settings.place
    path = Package.from_record(place.outbox, held).folder / held["name"]
    split = held["file"].removeprefix(feed.name).removeprefix(".") or None
    with (
        outbox.work(place.outbox, feed.name) as work,
        tables.open_session(settings, artifacts, feed, work) as connection,
    ):
        checks = dbt.run_checks(
            dbt.file_build(connection, artifacts, feed), artifacts, feed
        )
        if feed.delta:
            feed = changes_of(connection, settings, ledger, feed).feed
        checks.append(readback.header(feed, path))
        with duck.scratch(connection):
            checks.append(readback.same_rows(connection, feed, split, path))
    for closed in (check for check in checks if not check.passed):
        raise Refused(
            f"{held['name']} cannot be released any more. {closed.id}: "
            f"{closed.message} {_AGAIN}"
        )
