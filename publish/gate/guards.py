"""Plain limits on the whole file, each declared in the exposure.

Nothing here knows what the rows are about.
"""

from collections.abc import Callable, Iterator
from typing import Any

from publish.bench import name
from publish.gate import losses
from publish.gate.checks import Check
from publish.gate.scene import APPROVE, Scene


def ask(scene: Scene) -> list[Check]:
    """Ask every guard that the feed declares, and the two that always stand."""
    checks = [_first(scene), _empty(scene)]
    for guard, ask_one in _GUARDS.items():
        if guard in scene.feed.guards:
            checks.extend(ask_one(scene, scene.feed.guards[guard]))
    return checks


def _first(scene: Scene) -> Check:
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


def _empty(scene: Scene) -> Check:
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


def _min_rows(scene: Scene, least: int) -> Iterator[Check]:
    count = scene.number("select count(*) from feed")
    yield Check(
        "RUN_MIN_ROWS", "guards", count >= least,
        f"the file has {count:,} rows; at least {least:,} are expected", count, least,
        max(0, least - count),
    )  # fmt: skip


def _review_share(scene: Scene, most: float) -> Iterator[Check]:
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


def _max_age(scene: Scene, limit: dict[str, Any]) -> Iterator[Check]:
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


_GUARDS: dict[str, Callable[[Scene, Any], Iterator[Check]]] = {
    "min_rows": _min_rows,
    "max_rows_lost": losses.rows,
    "max_rows_gained": losses.gained,
    "max_keys_lost": losses.keys,
    "max_total_drop": losses.total,
    "max_review_share": _review_share,
    "values_stay": losses.values,
    "max_age": _max_age,
    "keys_stay": losses.vanished,
    "max_keys_changed": losses.changed,
}
