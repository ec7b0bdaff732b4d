"""The values that people confirmed, by the ledger; dbt reads those that count.

The ledger's event `confirmed` has entries of key, column and value; `voided` ends some
of them. What counts after each is stored as the state model `confirmations`, in the
form of what partners have, so that a build and a replay find it in the same way.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from runtime import duck
from store import partner_state
from store.ledger import Ledger, Record

MODEL = "confirmations"
Entry = Mapping[str, Any]
_COLUMNS = ("feed", "key", "column_name", "value", "confirmed_by", "confirmed_at")


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One value that a person confirmed.

    Attributes:
        feed: name of the exposure.
        key: column to value, as text, of every key column.
        column, value: what was confirmed, as text.
        by, at, because: who, when in UTC, why.
        ended: when it stopped to count, UTC; None if it counts.
    """

    feed: str
    key: Mapping[str, str]
    column: str
    value: str
    by: str
    at: str
    because: str
    ended: str | None = None

    @property
    def entry(self) -> Entry:
        """What the ledger has of it."""
        return {"key": dict(self.key), "column": self.column, "value": self.value}


def history(ledger: Ledger) -> Iterator[Confirmation]:
    """Yield every confirmation: those that ended, then those that count."""
    yield from _history(ledger.all("confirmed", "voided"))


def counting(ledger: Ledger, feed: str | None = None) -> list[Confirmation]:
    """Return the confirmations that count, of one feed or of all."""
    return [
        each
        for each in history(ledger)
        if each.ended is None and feed in (None, each.feed)
    ]


def _history(records: Iterable[Record]) -> Iterator[Confirmation]:
    now: dict[tuple[str, str, str], Confirmation] = {}
    for record in records:
        for entry in record["entries"]:
            place = (record["feed"], key_text(entry["key"]), entry["column"])
            if before := now.pop(place, None):
                yield Confirmation(
                    before.feed, before.key, before.column, before.value,
                    before.by, before.at, before.because, record["at"],
                )  # fmt: skip
            if record["event"] == "confirmed":
                now[place] = Confirmation(
                    record["feed"], entry["key"], entry["column"], entry["value"],
                    record["by"], record["at"], record["because"],
                )  # fmt: skip
    yield from now.values()


def key_text(key: Mapping[str, str]) -> str:
    """Return a key as JSON, the same whatever the order of its columns."""
    return json.dumps(key, ensure_ascii=False, sort_keys=True)


def record(
    connection: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    delivered: Path,
    event: str,
    feed: str,
    entries: Sequence[Entry],
    **fields: Any,
) -> Record:
    """Store what counts from now on, and append `confirmed` or `voided` to the ledger.

    Args:
        connection: from `runtime.duck`.
        ledger: its lock is held.
        delivered: the folder of the states.
        event: which of the two.
        feed: name of the exposure.
        entries: each with key, column and value.
        fields: of the record: by and because.
    """
    record = {
        "event": event,
        "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "feed": feed,
        "entries": list(entries),
        **fields,
    }
    known = ledger.all("confirmed", "voided")
    left = [each for each in _history([*known, record]) if each.ended is None]
    digest = partner_state.write(connection, _query(left), delivered, MODEL)
    state = {"model": MODEL, "sha256": digest}
    return ledger.append(**record, destination="", split=None, state=state)


def _query(confirmations: Iterable[Confirmation]) -> str:
    rows = [
        (each.feed, key_text(each.key), each.column, each.value, each.by, each.at)
        for each in confirmations
    ]
    columns = [
        f"cast(row[{number}] as {'timestamp' if name == 'confirmed_at' else 'varchar'})"
        f" as {name}"
        for number, name in enumerate(_COLUMNS, 1)
    ]
    listed = duck.text(json.dumps(rows))
    return (
        f"select {', '.join(columns)} from (select "
        f"unnest(from_json({listed}, '[[\"VARCHAR\"]]')) as row) order by all"
    )
