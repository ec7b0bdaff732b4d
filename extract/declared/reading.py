"""Reads a declared list: pages on disk, and the proof that they are all of it."""

import hashlib
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from extract.complete import ROUNDS, Complete, Unsettled
from extract.entities import Entity
from extract.pages import Facts, Listing, packed, page_path, read_page, store_page
from extract.strict_json import (
    parse,
    refuse_hostile,
    refuse_other_encodings,
    undecodable,
)
from runtime.display import beginning
from runtime.duck import open_session, value
from runtime.environment import Limits
from runtime.exits import Refused
from runtime.failpoints import failpoint
from runtime.log import LOG

Tick = Callable[[], None]


class _Record(msgspec.Struct, gc=False):
    """A record of which no field is read."""


_RECORDS = msgspec.json.Decoder(list[_Record])


def count_records(body: bytes) -> int:
    """Check a list of records, and count them.

    Args:
        body: UTF-8 JSON: a list of objects.

    Raises:
        ValueError: it is not JSON: it may be cut.
        Refused: it is hostile, or no list of objects.
    """
    refuse_other_encodings(body)
    try:
        refuse_hostile(body)
        return len(_RECORDS.decode(body))
    except msgspec.ValidationError:
        parse(body)
        start = beginning(body, 80)
        raise Refused(f"expected a list of records, found {start!r}.") from None
    except msgspec.DecodeError as error:
        raise undecodable(body, error) from None


@dataclass(slots=True)
class Reading:
    """One reading of a list, page after page.

    Attributes:
        folder: where its pages go.
        tick: called once for each page.
        read_at: UTC, when it began.
        before: what the source counted before or with the first page.
        after: what it counted after or with the last page.
        flaw: what shows that the list is not complete, or None.
    """

    folder: Path
    tick: Tick
    read_at: datetime = field(
        default_factory=lambda: datetime.now(UTC).replace(microsecond=0)
    )
    before: int | None = None
    after: int | None = None
    flaw: str | None = None
    _facts: list[Facts] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many records it has."""
        return sum(page.rows for page in self._facts)

    @property
    def files(self) -> list[Path]:
        """The files of its pages, in order."""
        return [page_path(self.folder, n) for n in range(1, len(self._facts) + 1)]

    def add(self, body: bytes, rows: int) -> None:
        """Store the next page: a JSON array with so many records."""
        path = page_path(self.folder, len(self._facts) + 1)
        store_page(path, packed(body))
        digest = hashlib.sha256(body).digest()
        failpoint("after-page")
        self._facts.append(Facts(rows, array("q"), digest))
        self.tick()

    def complete(self, rounds: int) -> Complete:
        """Return it as the complete list."""
        listing = Listing(
            self.folder, self.before or 0, self.read_at, tuple(self._facts)
        )
        return Complete(listing, self.after or 0, rounds)


def settle(
    entity: Entity,
    read: Callable[[int], Reading],
    differs: Callable[[Reading, Reading], str | None] | None = None,
) -> tuple[Reading, int]:
    """Read a list until it is complete by its proof.

    Args:
        entity: the list.
        read: reads it for the n-th time, from 1.
        differs: compares two readings in a row, where that is the proof.

    Returns:
        The reading to land, and the number of comparisons.

    Raises:
        Unsettled: it differed in each of three rounds.
        Refused: it differed in the same way in each.
    """
    reasons: list[str] = []
    before = read(1) if differs else None
    for round_ in range(1, ROUNDS + 1):
        latest = read(round_ + 1 if differs else round_)
        reason = (before and before.flaw) or latest.flaw or miscounted(latest)
        if not reason and differs and before:
            reason = differs(before, latest)
        if not reason:
            return latest, round_
        LOG.info("moved", entity=entity.full_name, round=round_, because=reason)
        reasons.append(reason)
        before = latest if differs else None
    if len({*reasons}) == 1 and not differs:
        raise Refused(
            f"{entity.full_name}: the source contradicts itself in the same way in "
            f"each of {ROUNDS} rounds: {reasons[0]}. Nothing was landed. Ask whoever "
            f"runs the source, or correct {entity.declared_in}."
        )
    raise Unsettled(
        f"{entity.full_name} kept changing in each of {ROUNDS} rounds: {reasons[-1]}. "
        "The last complete landing stays; try again when fewer people work in the "
        "source."
    )


def miscounted(reading: Reading) -> str | None:
    """Return how a reading differs from what the source counted, if it counts."""
    counts = {reading.before, reading.after} - {None}
    if counts <= {reading.rows}:
        return None
    return (
        f"the source counts {reading.before} records before and {reading.after} after "
        f"a list of {reading.rows}"
    )


def other_keys(
    names: Sequence[str], limits: Limits
) -> Callable[[Reading, Reading], str | None]:
    """Return a comparison of two readings by their keys, each as the text it has."""
    fields: list[Any] = [
        (f"key_{number}", msgspec.Raw, msgspec.Raw(b"null"))
        for number, _ in enumerate(names)
    ]
    rename = {f"key_{number}": name for number, name in enumerate(names)}
    record = msgspec.defstruct("Key", fields, rename=rename, gc=False)
    decoder: Any = msgspec.json.Decoder(list[record])  # type: ignore[valid-type]

    def keys(reading: Reading) -> pa.Table:
        batches = [
            [
                [bytes(each) for each in column]
                for column in zip(
                    *map(msgspec.structs.astuple, decoder.decode(read_page(file))),
                    strict=True,
                )
            ]
            for file in reading.files
        ]
        columns = [
            pa.chunked_array(
                [pa.array(page[number], pa.binary()) for page in batches if page],
                pa.binary(),
            )
            for number, _ in enumerate(fields)
        ]
        return pa.table(columns, names=[*rename])

    def differs(first: Reading, second: Reading) -> str | None:
        with open_session(limits, first.folder.parent) as connection:
            connection.register("first", keys(first))
            connection.register("second", keys(second))
            one, other = 'select * from "first"', 'select * from "second"'
            for pair in (f"{one} except {other}", f"{other} except {one}"):
                if number := value(connection, f"select count(*) from ({pair})"):
                    return f"two readings differ in {number} keys"
        if first.rows != second.rows:
            return f"two readings have {first.rows} and {second.rows} records"
        return None

    return differs
