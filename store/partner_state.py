"""What each partner has: the rows of `delivered/<model>/<digest>.parquet`.

The ledger says which of these files are current, for a build of dbt too. A file has
the columns of the model's contract, and two of ours:

    _delivered_at   logical time of the delivery that last carried the row, UTC
    _is_former      whether the source no longer has the row's key

Files of earlier versions lack both. A partner whose files replace everything has only
the rows that are not former. One that replaces by a key keeps former rows too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from runtime import duck
from runtime.exits import Refused
from runtime.files import atomic_write, remove_leftovers, sha256_of
from store.ledger import STATE_EVENTS, Ledger

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class State:
    """The rows of a model that a partner has, of one split value if it is split."""

    model: str
    destination: str
    split: str
    sha256: str

    def path(self, delivered: Path) -> Path:
        """Return the file of the rows."""
        return path_of(delivered, self.model, self.sha256)


def path_of(delivered: Path, model: str, digest: str) -> Path:
    """Return the path of the rows of a state."""
    return delivered / model / f"{digest}.parquet"


def current(
    ledger: Ledger, model: str | None = None, destination: str | None = None
) -> list[State]:
    """Return the states that the ledger says are current, the oldest first.

    macros/published.sql has the same rule.

    Args:
        ledger: each record with a state sets that of its model, destination and split.
        model: only the states of this model; None for all.
        destination: only what this partner has; None for all.
    """
    states: dict[tuple[str, str, str], State] = {}
    for record in ledger.all(*STATE_EVENTS):
        # `nothing` has a state where keys left the model without a row for them.
        if state := record.get("state"):
            place = (
                state["model"],
                record.get("destination") or "",
                record.get("split") or "",
            )
            states.pop(place, None)
            states[place] = State(*place, state["sha256"])
    return [
        each
        for each in states.values()
        if model in (None, each.model) and destination in (None, each.destination)
    ]


def files(delivered: Path, states: Iterable[State]) -> tuple[Path, ...]:
    """Return the files of some states.

    Raises:
        Refused: one of them is gone.
    """
    paths = tuple(state.path(delivered) for state in states)
    for path in paths:
        if not path.exists():
            raise Refused(
                f"expected {path}, the rows that the partner has by the ledger, found "
                "no such file. Restore it from a copy; without it no loss can be "
                "noticed."
            )
    return paths


def rows(paths: Sequence[Path], replaces_by: tuple[str, ...] = ()) -> str:
    """Return a FROM clause item: the rows of state files, former ones too.

    Args:
        paths: the files; those that were set last are at the end.
        replaces_by: the key by which a partner replaces rows. If it is in several
            files, its rows are those that were delivered last.
    """
    names = ", ".join(duck.text(path.stem) for path in paths)
    every = (
        "(select null::timestamp as _delivered_at, null::boolean as _is_former "
        "where false union all by name select * exclude (filename), "
        f"list_position([{names}], parse_filename(filename, true)) as _state "
        f"from {duck.parquet(paths)[:-1]}, filename = true))"
    )
    if not replaces_by or len(paths) < 2:
        return f"(select * exclude (_state) from {every})"
    key = duck.names(replaces_by)
    superseded = (
        f"(select {key}, _state from {every} group by {key}, _state qualify "
        f"row_number() over (partition by {key} "
        "order by max(_delivered_at) desc nulls last, _state desc) > 1)"
    )
    return (
        f"(select * exclude (_state) from {every} as held "
        f"anti join {superseded} as superseded using ({key}, _state))"
    )


def present(relation: str) -> str:
    """Return a FROM clause item: the rows of another one that are not former."""
    return f"(select * from {relation} where _is_former is not true)"


def former(relation: str) -> str:
    """Return a FROM clause item: the rows of another one, all of them former."""
    return f"(select * replace (true as _is_former) from {relation})"


def moment(at: datetime) -> str:
    """Return SQL of a time (UTC), for `_delivered_at`."""
    return f"timestamp {duck.text(f'{at:%Y-%m-%d %H:%M:%S}')}"


def replaced(before: str, file: str, key: tuple[str, ...]) -> str:
    """Return a FROM clause item: some rows after a file replaced those of its keys.

    Args:
        before: a FROM clause item.
        file: another one, whose rows go in place of those with the same key.
        key: its columns.
    """
    same = " and ".join(
        f"file.{column} is not distinct from before.{column}"
        for column in map(duck.name, key)
    )
    return (
        f"(select * from {before} as before where not exists "
        f"(select 1 from {file} as file where {same}) "
        f"union all by name select * from {file})"
    )


def write(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    delivered: Path,
    model: str,
    sort: Sequence[str] = (),
) -> str:
    """Write the rows of `query`, which the partner will have; return their SHA-256.

    They are written before the delivery, so that they are there when the ledger's
    record commits it. They are sorted: the same rows have the same digest.

    Args:
        connection: from `runtime.duck`.
        query: with `_delivered_at` and `_is_former`; sorted already if `sort` is empty.
        delivered: folder of the states.
        model: whose rows they are.
        sort: columns by which the rows are sorted.
    """
    folder = delivered / model
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / ".state.part"
    if sort:
        order = ", ".join(f"{name} nulls first" for name in map(duck.name, sort))
        query = f"select * from ({query}) as rows order by {order}, hash(rows)"
    connection.execute(
        f"copy ({query}) to {duck.text(str(draft))} (format parquet, compression zstd)"
    )
    digest = sha256_of(draft)
    with atomic_write(path_of(delivered, model, digest)) as part:
        draft.rename(part)
    return digest


def sweep(delivered: Path) -> None:
    """Remove what a killed run left, and the links that earlier versions made."""
    for folder in delivered.glob("[!.]*"):
        remove_leftovers(folder)
        links = folder / "current"
        if links.is_dir():
            for link in links.iterdir():
                link.unlink()
            links.rmdir()


def every(delivered: Path) -> Iterator[Path]:
    """Yield the rows of every state that is kept, current or not."""
    yield from delivered.glob("[!.]*/[!.]*.parquet")
