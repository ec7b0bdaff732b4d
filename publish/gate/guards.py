"""Plain limits on the whole file, each declared in the exposure.

Nothing here knows what the rows are about.
"""

from collections.abc import Callable, Iterator
from typing import Any

from publish.gate.checks import APPROVE, EXAMPLES, Check, GuardContext, listed
from publish.render import rows as rows_of
from runtime.duck import name, names, text


def row_loss(scene: GuardContext, most: float) -> Iterator[Check]:
    """RUN_ROW_DROP: the file has far fewer rows; `most` is a share."""
    now = scene.number("select count(*) from feed")
    yield _loss("RUN_ROW_DROP", "rows", _rows_before(scene), now, most)


def row_gain(scene: GuardContext, limit: dict[str, Any]) -> Iterator[Check]:
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


def _rows_before(scene: GuardContext) -> int:
    """Count the last file's rows: what is held moves on with every delta between.

    Where this feed sent none yet, another one may have: then what is held counts.
    """
    if scene.last_rows is not None:
        return scene.last_rows
    return int(scene.number("select count(*) from held")) if scene.holds else 0


def total_loss(scene: GuardContext, limit: dict[str, Any]) -> Iterator[Check]:
    """RUN_STOCK_DROP: the sum of `limit["column"]` falls by far."""
    total_loss = f"select coalesce(sum({name(limit['column'])}), 0) from "
    now = scene.number(total_loss + "feed")
    before = scene.number(total_loss + "held") if scene.holds else 0
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


def key_loss(scene: GuardContext, most: float) -> Iterator[Check]:
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


def value_loss(scene: GuardContext, columns: list[str]) -> Iterator[Check]:
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


def vanished_keys(scene: GuardContext, limit: dict[str, Any]) -> Iterator[Check]:
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


def _elsewhere(scene: GuardContext, limit: dict[str, Any], key: str) -> str:
    """Add the keys that another of today's files carries, where readers ask no more."""
    others = [each for each in scene.splits if each and each != scene.split]
    if not limit.get("across_splits") or scene.feed.split_by is None or not others:
        return ""
    split = f"cast({name(scene.feed.split_by)} as varchar)"
    return (
        f" union all select {key} from {scene.feed.state.sql} "
        f"where {split} in ({', '.join(map(text, others))})"
    )


def changed_rows(scene: GuardContext, limit: dict[str, Any]) -> Iterator[Check]:
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


def ask(scene: GuardContext) -> list[Check]:
    """Ask every guard that the feed declares, and the two that always stand."""
    checks = [_first(scene), _empty(scene)]
    for guard, ask_one in _GUARDS.items():
        if guard in scene.feed.guards:
            checks.extend(ask_one(scene, scene.feed.guards[guard]))
    return checks


def _first(scene: GuardContext) -> Check:
    good = scene.accept_first or not scene.first
    return Check(
        "RUN_FIRST", "guards", good,
        "a file of this feed was delivered before"
        if not scene.first
        else "nothing was delivered yet, and FEEDS_ACCEPT_FIRST says that it may be"
        if good
        else "nothing was delivered yet, so that no loss could be noticed: a person "
        "must look at the first file. `publish approve DIGEST --because ...` or "
        "FEEDS_ACCEPT_FIRST=1 releases it.",
        scene.first, False, 0 if good else 1,
    )  # fmt: skip


def _empty(scene: GuardContext) -> Check:
    count = scene.number("select count(*) from feed")
    good = count > 0 or scene.feed.when_empty != "refuse"
    return Check(
        "RUN_EMPTY", "guards", good,
        f"the file has {count:,} rows"
        if good
        else "the file has no rows; to the partner that would mean that nothing is "
        f"left. Look for the reasons in audit.csv. {APPROVE}",
        count, 1, 0 if good else 1,
    )  # fmt: skip


def _min_rows(scene: GuardContext, least: int) -> Iterator[Check]:
    count = scene.number("select count(*) from feed")
    yield Check(
        "RUN_MIN_ROWS", "guards", count >= least,
        f"the file has {count:,} rows; at least {least:,} are expected", count, least,
        max(0, least - count),
    )  # fmt: skip


def _review_share(scene: GuardContext, most: float) -> Iterator[Check]:
    if (audit := scene.feed.audit) is None:
        raise LookupError("the declaration lets no review share pass without an audit")
    waiting = scene.number(f"select count(*) from {audit.sql} where status = 'REVIEW'")
    every = scene.number(f"select count(*) from {audit.sql}")
    share = waiting / every if every else 0.0
    good = share <= most
    yield Check(
        "RUN_REVIEW_RATE", "guards", good,
        f"{waiting:,} of {every:,} source rows wait for a person"
        + ("" if good else f" ({share:.1%}); at most {most:.0%} may. {APPROVE}"),
        round(share, 4), most, 0 if good else waiting,
    )  # fmt: skip


def _max_age(scene: GuardContext, limit: dict[str, Any]) -> Iterator[Check]:
    column = limit["column"]
    oldest = scene.number(f"select min({name(column)}) from feed")
    hours = 0.0
    if oldest is not None:
        hours = (scene.at.replace(tzinfo=None) - oldest).total_seconds() / 3600
    good = hours <= limit["hours"]
    yield Check(
        "RUN_STALE", "guards", good,
        f"the oldest {column} is {oldest}, {hours:.1f} h before the logical time"
        + ("" if good else f"; at most {limit['hours']:g} h are allowed. Run `extract` "
           "and `dbt build`."),
        round(hours, 2), limit["hours"], 0 if good else 1,
    )  # fmt: skip


_GUARDS: dict[str, Callable[[GuardContext, Any], Iterator[Check]]] = {
    "min_rows": _min_rows,
    "max_rows_lost": row_loss,
    "max_rows_gained": row_gain,
    "max_keys_lost": key_loss,
    "max_total_drop": total_loss,
    "max_review_share": _review_share,
    "values_stay": value_loss,
    "max_age": _max_age,
    "keys_stay": vanished_keys,
    "max_keys_changed": changed_rows,
}
