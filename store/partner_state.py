"""What each partner has: `delivered/<model>/<digest>.parquet`, linked from `current`.

dbt reads `delivered/<model>/current/*.parquet`. The ledger decides which state is
current; the links are made again from it at every start.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb

from runtime.duck import text
from runtime.exits import Refused
from runtime.files import atomic_write, relink, remove_leftovers, sha256_of, sync_folder
from store.ledger import Ledger, Record


def path_of(delivered: Path, model: str, digest: str) -> Path:
    """Return the path of the rows of a state."""
    return delivered / model / f"{digest}.parquet"


def write(
    connection: duckdb.DuckDBPyConnection, query: str, delivered: Path, model: str
) -> str:
    """Write the rows of `query`, which the partner will have; return their SHA-256.

    They are written before the delivery, so that they are there when the ledger's
    record commits it. The query is sorted: the same rows have the same digest.
    """
    folder = delivered / model
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / ".state.part"
    connection.execute(
        f"copy ({query}) to {text(str(draft))} (format parquet, compression zstd)"
    )
    digest = sha256_of(draft)
    with atomic_write(path_of(delivered, model, digest)) as part:
        draft.rename(part)
    return digest


def current(records: Iterable[Record]) -> dict[tuple[str, str], str]:
    """Return the states after some records of `delivered` and `nothing`, oldest first.

    Returns:
        (model, name of the link) to the SHA-256 of the rows.
    """
    states: dict[tuple[str, str], str] = {}
    for record in records:
        # `nothing` has a state too, where keys were removed without a row for them.
        if state := record.get("state"):
            split = f".{record['split']}" if record["split"] else ""
            name = f"{record['destination']}{split}.parquet"
            states[state["model"], name] = state["sha256"]
    return states


def sync(ledger: Ledger, delivered: Path) -> None:
    """Point the links of every state model at what the ledger says was delivered.

    Raises:
        Refused: the rows of a delivery are gone.
    """
    settled = ledger.all("delivered", "nothing")
    links = set()
    for (model, name), digest in current(settled).items():
        rows = path_of(delivered, model, digest)
        if not rows.exists():
            raise Refused(
                f"expected {rows}, the rows that the partner has by the ledger, found "
                "no such file. Restore it from a copy; without it no loss can be "
                "noticed."
            )
        link, target = rows.parent / "current" / name, f"../{rows.name}"
        links.add(link)
        if not link.is_symlink() or str(link.readlink()) != target:
            relink(link, target)
    for folder in delivered.glob("*/current"):
        remove_leftovers(folder)
        remove_leftovers(folder.parent)
        for stray in set(folder.glob("*.parquet")) - links:
            stray.unlink()
            sync_folder(folder)


def linked(delivered: Path, model: str) -> list[Path]:
    """Return the links of a state model, one for each partner and split value."""
    return sorted((delivered / model / "current").glob("*.parquet"))


def every(delivered: Path) -> Iterator[Path]:
    """Yield the rows of every state that is kept, current or not."""
    yield from delivered.glob("[!.]*/[!.]*.parquet")
