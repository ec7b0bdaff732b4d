"""What the ledger said when a file was made: the half of its input that is not landed.

A delta is a difference to what the partner held, and guards compare with that; so a
run can only be made again if its package says which states those were.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from publish.feeds import Feed
from publish.ledger import Ledger, Record, state
from publish.settings import stamp


def of(
    ledger: Ledger, feed: Feed, models: Iterable[str], built: datetime | None
) -> dict[str, Any]:
    """Return what the manifest says of it under `run`.

    Args:
        ledger: as it stands while the file is made.
        feed: the declaration.
        models: whose delivered state dbt read below the file.
        built: when dbt began, UTC without a zone; None if unknown.

    Returns:
        `states.built`, what dbt found; `states.held`, what the guards compare with,
        which a delivery in between moved on; `ledger.settled`, how many records the
        ledger had that settled a file of this feed or of what its partner holds.
    """
    settled = ledger.all("delivered", "nothing")
    before = [r for r in settled if built is None or r["at"] < stamp(built)]
    return {
        "states": {
            "built": _listed(before, set(models)),
            "held": _listed(settled, {feed.state.model}),
        },
        "ledger": {"settled": sum(1 for record in settled if is_kin(record, feed))},
    }


def is_kin(record: Record, feed: Feed) -> bool:
    """Say whether a record is of a feed, or of the state that the feed sets."""
    kept = record.get("state") or {}
    return record["feed"] == feed.name or kept.get("model") == feed.state.model


def _listed(records: Iterable[Record], models: set[str]) -> list[dict[str, str]]:
    return [
        {"model": model, "name": name, "sha256": digest}
        for (model, name), digest in sorted(state.current(records).items())
        if model in models
    ]
