"""How much of what the partner holds would be lost with this file."""

from collections.abc import Iterator
from typing import Any

from publish.bench import name, names
from publish.checks import EXAMPLES, Check, listed
from publish.scene import APPROVE, Scene


def rows(scene: Scene, most: float) -> Iterator[Check]:
    """RUN_ROW_DROP: the file has far fewer rows; `most` is a share."""
    now = scene.number("select count(*) from feed")
    before = scene.number("select count(*) from held") if scene.holds else 0
    yield _loss("RUN_ROW_DROP", "rows", before, now, most)


def total(scene: Scene, limit: dict[str, Any]) -> Iterator[Check]:
    """RUN_STOCK_DROP: the sum of `limit["column"]` falls by far."""
    total = f"select coalesce(sum({name(limit['column'])}), 0) from "
    now = scene.number(total + "feed")
    before = scene.number(total + "held") if scene.holds else 0
    yield _loss(
        "RUN_STOCK_DROP", f"total of {limit['column']}", before, now, limit["share"]
    )


def _loss(guard: str, what: str, before: Any, now: Any, most: float) -> Check:
    share = float((before - now) / before) if before > 0 else 0.0
    good = share <= most
    return Check(
        guard, "guards", good,
        f"{what}: {before:,} with the partner, {now:,} in the file"
        + ("" if good else f", down {share:.1%}; at most {most:.0%} may go. {APPROVE}"),
        round(share, 4), most, 0 if good else int(before - now),
    )  # fmt: skip


def keys(scene: Scene, most: float) -> Iterator[Check]:
    """RUN_FLIP: many keys of the partner are gone, whatever came instead."""
    key = names(scene.feed.key)
    lost, before, examples = 0, 0, []
    if scene.holds:
        gone = f"from (select {key} from held except select {key} from feed)"
        before = scene.number(f"select count(*) from (select distinct {key} from held)")
        lost = scene.number(f"select count(*) {gone}")
        examples = scene.connection.execute(
            f"select * {gone} order by all limit {EXAMPLES}"
        ).fetchall()
    share = lost / before if before else 0.0
    good = share <= most
    yield Check(
        "RUN_FLIP", "guards", good,
        f"{lost:,} of the {before:,} keys that the partner holds are not in the file"
        + ("" if good else f" ({share:.1%}); at most {most:.0%} may go. {APPROVE}"),
        round(share, 4), most, 0 if good else lost,
        () if good else tuple("/".join(map(str, row)) for row in examples),
    )  # fmt: skip


def values(scene: Scene, columns: list[str]) -> Iterator[Check]:
    """RUN_TYPE_VANISHED: a value of one of `columns` has no row any more."""
    gone: list[str] = []
    for column in columns if scene.holds else ():
        found = scene.connection.execute(
            f"select {name(column)} from held except select {name(column)} from feed "
            "order by 1"
        ).fetchall()
        gone.extend(f"{column} {row[0]}" for row in found)
    yield Check(
        "RUN_TYPE_VANISHED", "guards", not gone,
        f"every {' and '.join(columns)} that the partner holds is still in the file"
        if not gone
        else f"no row is left with {listed(gone)}, which the partner holds. {APPROVE}",
        len(gone), 0, len(gone), tuple(gone[:EXAMPLES]),
    )  # fmt: skip
