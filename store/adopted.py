"""Files that partners had from elsewhere: `adopted/<sha256>` and ledger records.

A record `adopted` names feed, file and split, the partner's file (name, SHA-256, bytes
and rows), its columns and form, who adopted it and why, and the partner state (`state`)
that was made of it.
"""

from pathlib import Path

from store.ledger import Ledger, Record


def path_of(data: Path, sha256: str) -> Path:
    """Return where an adopted file is stored, by its digest."""
    return data / "adopted" / sha256


def current(ledger: Ledger, feed: str) -> list[Record]:
    """Return the adopted files of a feed that no delivery of it has followed."""
    last = {
        record["file"]: record
        for record in ledger.all("adopted", "delivered", feed=feed)
    }
    return [record for record in last.values() if record["event"] == "adopted"]


def sentence(record: Record) -> str:
    """Return what was adopted, when, by whom and why."""
    return (
        f"{record['name']} ({record['rows']:,} rows) adopted on {record['at'][:10]} by "
        f"{record['by']}: {record['because']}"
    )
