"""How much of what the partner holds would be lost or changed with this file."""

from collections.abc import Iterator
from typing import Any

from publish.bench import name, names, text
from publish.gate.checks import EXAMPLES, Check, listed
from publish.gate.scene import APPROVE, Scene
from publish.render import rows as rows_of


def rows(scene: Scene, most: float) -> Iterator[Check]:
    """RUN_ROW_DROP: the file has far fewer rows; `most` is a share."""
    now = scene.number("select count(*) from feed")
    yield _loss("RUN_ROW_DROP", "rows", _rows_before(scene), now, most)


def gained(scene: Scene, limit: dict[str, Any]) -> Iterator[Check]:
    """RUN_ROW_RISE: the file has far more rows; `limit["share"]` 1 is twice as many."""
    now = scene.number("select count(*) from feed")
    before = _rows_before(scene)
    share = (now - before) / before if before else 0.0
    good = share <= limit["share"] or now - before < limit.get("least", 0)
    yield Check(
        "RUN_ROW_RISE", "guards", good,
        f"rows: {before:,} in the last file, {now:,} in this one"
        + ("" if good else f", up {share:.1%}; at most {limit['share']:.0%} may come. "
           f"{APPROVE}"),
        round(share, 4), limit["share"], 0 if good else now - before,
    )  # fmt: skip


def _rows_before(scene: Scene) -> int:
    """Count the last file's rows: what is held moves on with every delta between.

    Where this feed sent none yet, another one may have: then what is held counts.
    """
    if scene.last_rows is not None:
        return scene.last_rows
    return int(scene.number("select count(*) from held")) if scene.holds else 0


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


def vanished(scene: Scene, limit: dict[str, Any]) -> Iterator[Check]:
    """RUN_KEY_VANISHED: a key of the partner's has no row left in the state model."""
    key = names(limit["columns"])
    gone, examples = 0, []
    if scene.holds:
        now = rows_of(scene.feed, scene.split, scene.feed.state.sql)
        there = f"select {key} from {now}" + _elsewhere(scene, limit, key)
        lost = f"from (select {key} from held except ({there}))"
        gone = scene.number(f"select count(*) {lost}")
        examples = scene.connection.execute(
            f"select * {lost} order by all limit {EXAMPLES}"
        ).fetchall()
    named = ", ".join(limit["columns"])
    yield Check(
        "RUN_KEY_VANISHED", "guards", not gone,
        f"every {named} that the partner holds still has a row"
        if not gone
        else f"{gone:,} values of {named} that the partner holds have no row any more, "
        f"and no row could say that they are gone. Look in the source. {APPROVE}",
        gone, 0, gone, tuple("/".join(map(str, row)) for row in examples),
    )  # fmt: skip


def _elsewhere(scene: Scene, limit: dict[str, Any], key: str) -> str:
    """Add the keys that another of today's files carries, where readers ask no more."""
    others = [each for each in scene.splits if each and each != scene.split]
    if not limit.get("across_splits") or scene.feed.split_by is None or not others:
        return ""
    split = f"cast({name(scene.feed.split_by)} as varchar)"
    return (
        f" union all select {key} from {scene.feed.state.sql} "
        f"where {split} in ({', '.join(map(text, others))})"
    )


def changed(scene: Scene, limit: dict[str, Any]) -> Iterator[Check]:
    """RUN_KEYS_CHANGED: a delta touches an unlikely share of what the partner holds."""
    key = names(limit["columns"])
    distinct = "select count(*) from (select distinct {} from {})"
    touched = scene.number(distinct.format(key, "feed"))
    before = scene.number(distinct.format(key, "held")) if scene.holds else 0
    share = touched / before if before else 0.0
    good = share <= limit["share"] or touched < limit.get("least", 0)
    named = ", ".join(limit["columns"])
    most = f" ({share:.1%}); at most {limit['share']:.0%} may. {APPROVE}"
    yield Check(
        "RUN_KEYS_CHANGED", "guards", good,
        f"the file touches {touched:,} values of {named}; the partner holds {before:,}"
        + ("" if good else most),
        round(share, 4), limit["share"], 0 if good else touched,
    )  # fmt: skip
