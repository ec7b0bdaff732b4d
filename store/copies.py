"""Copies of the data directory, and what is known after one was put back.

`monitor backup` writes `backup.json` into a copy. A data directory that has this file
was put back from a copy: its ledger may lack deliveries. `publish` writes the file too,
with the names (`noticed`), if a partner has newer files of ours than the ledger knows.
`publish restored` looks at the partners, records `restored` for each feed (destination,
state model, and by split value the names of files that the ledger does not know), and
removes the file.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runtime import formats
from runtime.exits import Refused
from store.ledger import Ledger, Record

MARKER = "backup.json"


def marker(data: Path) -> Mapping[str, Any] | None:
    """Return what is known of a copy that was put back; None if this is no copy.

    Raises:
        Refused: the file cannot be read, or a newer version wrote it.
    """
    try:
        return formats.read("backup", data / MARKER)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Refused(f"{error}. `publish restored` needs this file.") from None


def notice(data: Path, names: Mapping[str, Sequence[str]]) -> None:
    """Record that partners have newer files than the ledger knows, by feed."""
    at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    content = {"at": at, "noticed": {feed: list(some) for feed, some in names.items()}}
    formats.write("backup", data / MARKER, content)


def sentence(data: Path, copy: Mapping[str, Any]) -> str:
    """Return how it is known that a data directory was put back from a copy."""
    if noticed := copy.get("noticed"):
        names = [name for some in noticed.values() for name in some]
        more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
        return (
            f"partners have files that the ledger of {data} does not know: "
            f"{', '.join(names[:3])}{more} (noticed at {copy['at']}). It was put back "
            "from an older copy, or another data directory delivers there too"
        )
    return (
        f"{data} was put back from a copy of {copy['at']}, and partners may have files "
        "that its ledger does not know"
    )


def refuse_copy(data: Path) -> None:
    """Refuse to send from a data directory that was put back from a copy.

    Raises:
        Refused: it is a copy.
    """
    if copy := marker(data):
        raise Refused(
            f"{sentence(data, copy)}. Nothing is sent. Run `publish restored`: it "
            "compares the partners' folders with the ledger."
        )


def gap(
    ledger: Ledger, model: str, destination: str, split: str | None
) -> Record | None:
    """Return the record of files whose rows the ledger does not know.

    A later delivery or adopted file ends it.

    Args:
        ledger: of the data directory.
        model: whose rows the partner has.
        destination: the partner.
        split: the split value, if the feed is split.
    """
    if not ledger.all("restored"):
        return None
    place, newest = (model, destination), None
    for record in ledger.all("restored", "delivered", "adopted"):
        if record["event"] == "restored":
            mine = (record["model"], record["destination"]) == place
            lost = {*record["names"].get(split or "", ())}
            if mine and not lost <= {*record.get("read", ())}:
                newest = record
        elif (record["state"]["model"], record["destination"]) == place and (
            record["split"] == split
        ):
            newest = None
    return newest
