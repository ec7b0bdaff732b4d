"""What each partner holds: `delivered/<model>/<digest>.parquet`, linked from `current`.

The ledger decides what is current. dbt reads `delivered/<model>/current/*.parquet`, so
`publish` makes the links again from the ledger at every start.
"""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from publish import render
from runtime.duck import names, text
from runtime.exits import Refused
from runtime.files import relink, sha256_of, sweep, sync_folder, whole
from store.feeds import Feed
from store.ledger import Ledger, Record


def keep(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    split: str | None,
    delivered: Path,
) -> str:
    """Write the rows that the partner will hold; return their digest.

    They are written before the delivery: the append to the ledger that ends it then
    names a file that exists. They are sorted, so the same rows have the same digest.
    """
    folder = delivered / feed.state.model
    same = feed.state == feed.model
    source = render.rows(feed, split, feed.state.sql)
    order = names(feed.sort) if same else "all"
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / ".state.part"
    connection.execute(
        f"copy (select * from {source} order by {order}) to {text(str(draft))} "
        "(format parquet, compression zstd)"
    )
    digest = sha256_of(draft)
    with whole(folder / f"{digest}.parquet") as part:
        draft.rename(part)
    return digest


def current(records: Iterable[Record]) -> dict[tuple[str, str], str]:
    """Return the state that each link points to after some settled files.

    Args:
        records: of `delivered` and `nothing`, oldest first.

    Returns:
        (model, name of the link) to the digest of the rows.
    """
    states: dict[tuple[str, str], str] = {}
    for record in records:
        # A run without a file sets a new state if keys have left the old one.
        if state := record.get("state"):
            split = f".{record['split']}" if record["split"] else ""
            name = f"{record['destination']}{split}.parquet"
            states[state["model"], name] = state["sha256"]
    return states


def sync(ledger: Ledger, delivered: Path) -> None:
    """Point `current` of every state model at the last delivery in the ledger.

    Raises:
        Refused: the rows of a delivery are gone.
    """
    settled = ledger.all("delivered", "nothing")
    links = {
        delivered / model / "current" / name: digest
        for (model, name), digest in current(settled).items()
    }
    for link, digest in links.items():
        rows = link.parent.parent / f"{digest}.parquet"
        if not rows.exists():
            raise Refused(
                f"expected {rows}, the rows that the partner holds by the ledger, "
                "found no such file. Restore it from a copy: without it no guard can "
                "find a loss."
            )
        target = f"../{rows.name}"
        if not link.is_symlink() or str(link.readlink()) != target:
            relink(link, target)
    for folder in delivered.glob("*/current"):
        sweep(folder)
        sweep(folder.parent)
        for link in set(folder.glob("*.parquet")) - links.keys():
            link.unlink()
            sync_folder(folder)


def held(feed: Feed, delivered: Path) -> tuple[Path, ...]:
    """Return the Parquet files of what the partner holds of a feed's state."""
    return tuple(sorted((delivered / feed.state.model / "current").glob("*.parquet")))
