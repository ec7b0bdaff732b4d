"""Complete or refused: a list is landed only if a second reading has the same keys.

The sources have no snapshot and no cursor. They compute each page anew, so a record
that is added or removed while we read shifts all later records. Therefore we count
before and after, and read a second time: the ids alone where the source lists them,
else the whole list. After three rounds with changes the extract stops.
"""

from dataclasses import dataclass
from pathlib import Path

from extract.entities import Entity
from extract.pages import Listing, Reader, page_path
from extract.source import Page, Source
from runtime.command import LOG
from runtime.duck import open_session
from runtime.environment import Limits
from runtime.exits import Temporary

ROUNDS = 3
# Above this many differences, reading the list again is the cheaper way.
MOST_BY_ID = 1000
RECORDS = "read_json_objects(?, format = 'array')"


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
    def files(self) -> list[Path]:
        """Every file to land, in order."""
        return [*self.listing.files, *self.by_id]


def collect(
    source: Source, entity: Entity, folder: Path, reader: Reader, limits: Limits
) -> Complete:
    """Read one list completely into `folder`.

    Raises:
        Temporary: the source changed in each of three rounds.
        Refused: the source sends another order or shape than documented.
    """
    collector = _by_ids if entity.has_ids else _by_reading_again
    done = collector(source, entity, folder, reader, limits)
    if done is None:
        raise Temporary(
            f"{entity.full_name} kept changing: its keys or count differed in each of "
            f"{ROUNDS} rounds (see the log lines). The last "
            "complete landing stays; try again when fewer people work in the source."
        )
    return done


def _by_ids(
    source: Source, entity: Entity, folder: Path, reader: Reader, limits: Limits
) -> Complete | None:
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
        ids = reader.read(
            folder / f"ids-{round_}", count, lambda n: source.list_ids(entity, n), True
        )
        after = count()
        files = tuple(
            page_path(folder / "by-id", identity) for identity in sorted(extra)
        )
        missing, vanished = _differences(
            [*listing.files, *files], ids.files, folder, limits
        )
        moved = missing or vanished - removed or after != ids.rows
        flaw = listing.flaw or ids.flaw
        if not flaw and not moved:
            return Complete(listing, after, round_, files, frozenset(vanished))
        LOG.info(
            f"moved entity={entity.full_name} round={round_} "
            f"new={len(missing)} removed={len(vanished - removed)} flaw={flaw}"
        )
        if listing.flaw or not entity.record_path or len(missing) > MOST_BY_ID:
            reading += 1
            extra, removed = set(), set()
        else:
            reader.store(folder / "by-id", sorted(missing), by_id)
            extra |= missing
            removed |= vanished
    return None


def _by_reading_again(
    source: Source, entity: Entity, folder: Path, reader: Reader, limits: Limits
) -> Complete | None:
    """Read the whole list until two readings in a row hold the same keys."""

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
        if (
            not latest.flaw
            and after == latest.rows
            and _same_keys(entity, before.files, latest.files, folder, limits)
        ):
            return Complete(latest, after, round_)
        LOG.info(f"moved entity={entity.full_name} round={round_} flaw={latest.flaw}")
        before = latest
    return None


def _differences(
    files: list[Path], ids: list[Path], folder: Path, limits: Limits
) -> tuple[set[int], set[int]]:
    """Return the ids only in the list of ids, and the ids only in the files."""
    query = f"select (json ->> '$.Id')::bigint as id from {RECORDS}"
    first, second = list(map(str, files)), list(map(str, ids))
    with open_session(limits, folder) as connection:
        missing = connection.execute(
            f"{query} except {query}", [second, first]
        ).fetchall()
        removed = connection.execute(
            f"{query} except {query}", [first, second]
        ).fetchall()
    return {row[0] for row in missing}, {row[0] for row in removed}


def _same_keys(
    entity: Entity, first: list[Path], second: list[Path], folder: Path, limits: Limits
) -> bool:
    """Return whether two readings have the same keys.

    Both directions are compared, because a key may appear twice; landing refuses
    such a key.
    """
    columns = ", ".join(f"json ->> '$.{part}'" for part in entity.key)
    keys = f"select {columns} from {RECORDS}"
    with open_session(limits, folder) as connection:
        new = f"select count(*) from ({keys} except {keys})"
        one, other = list(map(str, first)), list(map(str, second))
        return not any(
            connection.execute(new, pair).fetchall()[0][0]
            for pair in ([one, other], [other, one])
        )
