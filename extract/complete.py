"""Complete or refused: a list is landed only if a second reading has the same keys.

The sources have no snapshot and no cursor. They compute each page anew, so a record
that is added or removed while we read shifts all later records. Therefore we count
before and after, and read a second time: the ids alone where the source lists them,
else the whole list. After three rounds with changes the extract stops. What is the
same in every round is no change: it is a property of the source, and is described.
"""

import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from extract.entities import Entity
from extract.pages import Ids, Listing, Reader, Stored, page_path, read_page
from extract.source import Page, Source
from extract.strict_json import parse_rows
from runtime.duck import open_session, value
from runtime.environment import Limits
from runtime.exits import Misuse, Refused, Temporary
from runtime.log import LOG

Follow = Callable[[Listing], None]

ROUNDS = 3
# Above this many differences, reading the list again is the cheaper way.
MOST_BY_ID = 1000


class Unsettled(Temporary):
    """The list kept changing while it was read."""


@dataclass(frozen=True, slots=True)
class Complete:
    """A complete list.

    Attributes:
        listing: the reading that is landed.
        count_after: what the source counted at the end.
        rounds: how many comparisons were needed.
        by_id: files of records that the second reading added, one record each.
        removed: ids that were read, but were gone at the second reading.
    """

    listing: Listing
    count_after: int
    rounds: int
    by_id: tuple[Path, ...] = ()
    removed: frozenset[int] = frozenset()

    @property
    def pages(self) -> list[Stored]:
        """Every page to land, in order."""
        return [
            *self.listing.pages,
            *((self.listing.read_at, file) for file in self.by_id),
        ]

    @property
    def files(self) -> list[Path]:
        """The files of these pages."""
        return [file for _, file in self.pages]


def collect(
    source: Source,
    entity: Entity,
    folder: Path,
    reader: Reader,
    limits: Limits,
    follow: Follow,
) -> Complete:
    """Read one list completely into `folder`.

    Args:
        source: where from.
        entity: which list.
        folder: where its pages go.
        reader: reads lists of pages.
        limits: memory and threads for DuckDB.
        follow: called with the first reading whose keys are then compared.

    Raises:
        Unsettled: the source changed in each of three rounds.
        Misuse: the source sends smaller pages than were asked for.
        Refused: the source sends another order or shape than documented, or
            contradicts itself in the same way in each round.
    """
    collector = _by_ids if entity.has_ids else _by_reading_again
    rounds: list[Round] = []
    for done in collector(source, entity, folder, reader, limits, follow):
        if isinstance(done, Complete):
            return done
        LOG.info(
            "moved",
            entity=entity.full_name,
            round=len(rounds) + 1,
            because=done.reason,
        )
        rounds.append(done)
    _raise_if_the_same(source, entity, rounds)
    raise Unsettled(
        f"{entity.full_name} kept changing: its keys or count differed in each of "
        f"{ROUNDS} rounds (see the log lines). The last "
        "complete landing stays; try again when fewer people work in the source."
    )


@dataclass(frozen=True, slots=True)
class Round:
    """One comparison that did not agree.

    Attributes:
        reason: what did not agree.
        listing: the reading that was compared.
        count: what the source counted after it.
        keys: the keys that differed, some at least.
    """

    reason: str
    listing: Listing
    count: int
    keys: frozenset[int] | None = frozenset()


def _raise_if_the_same(source: Source, entity: Entity, rounds: list[Round]) -> None:
    """Stop if every round had the same contradiction: another try has it too.

    Raises:
        Misuse: the source sends smaller pages than were asked for.
        Refused: any other contradiction.
    """
    last = rounds[-1]
    if last.keys is None or len({(one.reason, one.keys) for one in rounds}) > 1:
        return
    largest = max(page.rows for page in last.listing.facts)
    if 0 < largest < source.page_size and last.listing.rows < last.count:
        raise Misuse(
            f"{entity.full_name}: {largest} of {last.count:,} records came where "
            f"{source.page_size} were asked for. The source sends smaller pages: set "
            f"{source.name.upper()}_PAGE_SIZE={largest}. If it is set already, the "
            "source counts wrongly. Nothing was landed."
        )
    # Where the number of records changes, the source does, whatever else is alike.
    if len({one.count for one in rounds}) > 1:
        return
    raise Refused(
        f"{entity.full_name}: the source contradicts itself in the same way in each of "
        f"{ROUNDS} rounds: {last.reason}. Nothing was landed. Ask whoever runs the "
        "source."
    )


def _by_ids(
    source: Source,
    entity: Entity,
    folder: Path,
    reader: Reader,
    limits: Limits,
    follow: Follow,
) -> Iterator[Complete | Round]:
    """Compare the list with a list of ids; fetch by id what that list adds."""
    extra: set[int] = set()
    removed: set[int] = set()
    reading = 1

    def count() -> int:
        return source.count(entity)

    def by_id(identity: int) -> Page:
        return source.record(entity, identity) or Page(b"[]", [])

    for round_ in range(1, ROUNDS + 1):
        listing = reader.read(
            folder / f"read-{reading}", count, lambda n: source.page(entity, n), True
        )
        if round_ == 1:
            follow(listing)
        ids = reader.read(
            folder / f"ids-{round_}", count, lambda n: source.list_ids(entity, n), True
        )
        after = count()
        files = tuple(
            page_path(folder / "by-id", identity) for identity in sorted(extra)
        )
        read = np.concatenate([listing.ids, *map(_ids, files)])
        missing, vanished = _differences(ids.ids, read)
        differ = missing | (vanished - removed)
        reason = (
            listing.flaw
            or ids.flaw
            or (differ and _only_in_one(missing, vanished - removed))
            or _miscounted(ids, after)
        )
        if not reason:
            yield Complete(listing, after, round_, files, frozenset(vanished))
            return
        yield Round(reason, listing, after, frozenset(differ))
        if listing.flaw or not entity.record_path or len(missing) > MOST_BY_ID:
            reading += 1
            extra, removed = set(), set()
        else:
            reader.store(folder / "by-id", sorted(missing), by_id)
            extra |= missing
            removed |= vanished


def _by_reading_again(
    source: Source,
    entity: Entity,
    folder: Path,
    reader: Reader,
    limits: Limits,
    follow: Follow,
) -> Iterator[Complete | Round]:
    """Read the whole list until two readings in a row hold the same keys.

    The source counts before, between and after the readings, so that a row that is
    away during both and back in between is missed by no count.
    """

    def read(number: int) -> Listing:
        return reader.read(
            folder / f"read-{number}",
            lambda: source.count(entity),
            lambda n: source.page(entity, n),
            False,
        )

    before = read(1)
    for round_ in range(1, ROUNDS + 1):
        latest = read(round_ + 1)
        after = source.count(entity)
        reason = (
            before.flaw
            or latest.flaw
            or _miscounted(before, latest.count)
            or _miscounted(latest, after)
        )
        if reason:
            yield Round(reason, latest, after)
        elif _same_keys(entity, before, latest, limits):
            yield Complete(latest, after, round_)
            return
        else:
            yield Round("two readings have other keys", latest, after, keys=None)
        before = latest


def _miscounted(listing: Listing, after: int) -> str | None:
    """Return how a reading differs from what the source counted around it."""
    if listing.count == listing.rows == after:
        return None
    return (
        f"the source counts {listing.count} records before and {after} after a list "
        f"of {listing.rows}"
    )


def _differences(listed: Ids, read: Ids) -> tuple[set[int], set[int]]:
    """Return the ids that are only in the first, and those only in the second."""
    if np.array_equal(listed, read):
        return set(), set()
    only_listed, only_read = np.setdiff1d(listed, read), np.setdiff1d(read, listed)
    return {*only_listed.tolist()}, {*only_read.tolist()}


def _ids(file: Path) -> Ids:
    """Return the id of a record that was fetched by id; none if it was not there."""
    return np.array(Page(b"", parse_rows(read_page(file))).ids(), np.int64)


def _only_in_one(missing: set[int], vanished: set[int]) -> str:
    parts = [
        f"{len(ids)} records, such as Id {min(ids)}, are only in {where}"
        for ids, where in ((missing, "the list of ids"), (vanished, "the full list"))
        if ids
    ]
    return " and ".join(parts)


def _same_keys(entity: Entity, first: Listing, second: Listing, limits: Limits) -> bool:
    """Return whether two readings have the same keys, each as the text that was sent.

    Pages with the same content are not read. If the others have other keys, or the
    same ones in another order, all keys are compared. Both directions are compared,
    because a key may appear twice; landing refuses such a key.
    """
    pages = zip(first.files, second.files, first.facts, second.facts, strict=False)
    differing = [
        (one, other)
        for one, other, *facts in pages
        if facts[0].digest != facts[1].digest
    ]
    if len(first.facts) == len(second.facts):
        keys = [_keys(entity, list(files)) for files in zip(*differing, strict=True)]
        if not keys or keys[0].equals(keys[1]):
            return True
    with open_session(limits, first.folder) as connection:
        connection.register("first", _keys(entity, first.files))
        connection.register("second", _keys(entity, second.files))
        one, other = 'select * from "first"', 'select * from "second"'
        return not any(
            value(connection, f"select count(*) from ({pair})")
            for pair in (f"{one} except {other}", f"{other} except {one}")
        )


def _keys(entity: Entity, files: list[Path]) -> pa.Table:
    """Return the keys of all records; nothing else of a record is read."""
    paths = [part.partition(".")[::2] for part in entity.key]
    decoder = _key_decoder(paths)
    columns: list[list[pa.Array]] = [[] for _ in paths]
    for file in files:
        try:
            rows = decoder.decode(read_page(file))
        except msgspec.ValidationError:
            continue  # a key of another type: landing refuses the page
        for column, (name, part) in zip(columns, paths, strict=True):
            values: Iterable[Any] = map(operator.attrgetter(name), rows)
            if part:
                values = (getattr(each, part, None) for each in values)
            texts = [None if each is None else bytes(each) for each in values]
            column.append(pa.array(texts, pa.binary()))
    return pa.table(
        [pa.chunked_array(column, pa.binary()) for column in columns],
        names=list(entity.key),
    )


def _key_decoder(paths: Iterable[tuple[str, str]]) -> Any:
    """Make a decoder of a key alone, such as ItemRef.Id and LocationRef.Id."""
    # msgspec 0.22 decodes null alone as `Raw | None`.
    text = (msgspec.Raw, msgspec.Raw(b"null"))
    fields: list[Any] = []
    for name, part in paths:
        if part:
            inner = msgspec.defstruct(name, [(part, *text)])
            fields.append((name, inner | None, None))
        else:
            fields.append((name, *text))
    record = msgspec.defstruct("Key", fields, gc=False)
    return msgspec.json.Decoder(list[record])  # type: ignore[valid-type]
