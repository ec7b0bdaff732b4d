"""Copies of the data directory, and what is known after one was put back.

`monitor backup` writes `backup.json` into a copy. A data directory that has this file
was put back from a copy: its ledger may lack deliveries. `publish restored` looks at
the partners, records `restored` for each feed (destination, state model, and by split
value the names of files that the ledger does not know), and removes the file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.exits import Refused
from runtime.files import read_json
from store.ledger import Ledger, Record

MARKER = "backup.json"


def marker(data: Path) -> Mapping[str, Any] | None:
    """Return what `monitor backup` wrote of a copy; None if this is no copy.

    Raises:
        Refused: the file cannot be read.
    """
    try:
        return read_json(data / MARKER)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Refused(f"{error}. `publish restored` needs this file.") from None


def refuse_copy(data: Path) -> None:
    """Refuse to send from a data directory that was put back from a copy.

    Raises:
        Refused: it is a copy.
    """
    if copy := marker(data):
        raise Refused(
            f"{data} was put back from a copy of {copy['at']}. Partners may have files "
            "that its ledger does not know, so nothing is sent. Run `publish "
            "restored`: it compares the partners' folders with the ledger."
        )


def gap(
    ledger: Ledger, model: str, destination: str, split: str | None
) -> Record | None:
    """Return the record of files that the ledger does not know, until a later delivery.

    Args:
        ledger: of the data directory.
        model: whose rows the partner has.
        destination: the partner.
        split: the split value, if the feed is split.
    """
    if not ledger.all("restored"):
        return None
    place, newest = (model, destination), None
    for record in ledger.all("restored", "delivered"):
        if record["event"] == "restored":
            mine = (record["model"], record["destination"]) == place
            if mine and record["names"].get(split or ""):
                newest = record
        elif (record["state"]["model"], record["destination"]) == place and (
            record["split"] == split
        ):
            newest = None
    return newest
