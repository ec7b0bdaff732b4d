"""Limits on the whole file, each declared in the exposure.

A guard knows only names of columns, not what they mean.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from publish.gate.checks import APPROVE, EXAMPLES, Check, GuardContext, listed
from publish.render import rows as rows_of
from runtime.duck import columns_of, name, names, text
from store.feeds import Column, Feed

_NUMERIC = re.compile(r"int|decimal|numeric")
Limit = float | Mapping[str, Any]


def _exceeds(limit: Limit, share: float, count: Any) -> bool:
    """Return whether a share exceeds a limit, and the count reaches its floor."""
    least = limit.get("least", 0) if isinstance(limit, Mapping) else 0
    return share > _share(limit) and count >= least


def _share(limit: Limit) -> float:
    return float(limit["share"] if isinstance(limit, Mapping) else limit)


def _max_rows_lost(context: GuardContext, limit: Limit) -> Iterator[Check]:
    """RUN_ROW_DROP: the file has far fewer rows."""
    now = context.number("select count(*) from feed")
    yield _loss("RUN_ROW_DROP", "rows", _rows_before(context), now, limit)


def _max_rows_gained(context: GuardContext, limit: dict[str, Any]) -> Iterator[Check]:
    """RUN_ROW_RISE: the file has far more rows; `limit["share"]` 1 is twice as many."""
    now = context.number("select count(*) from feed")
    before = _rows_before(context)
    share = (now - before) / before if before else 0.0
    good = not _exceeds(limit, share, now - before)
    yield Check(
        "RUN_ROW_RISE", "guards", good,
        f"rows: {before:,} in the last file, {now:,} in this one"
        + ("" if good else f", up {share:.1%}; "
           f"at most {limit['share']:.0%} more rows are allowed. "
           f"{APPROVE}"),
        round(share, 4), limit["share"], 0 if good else now - before,
    )  # fmt: skip


def _rows_before(context: GuardContext) -> int:
    """Count the rows of the last file; if there is none, the rows of the partner.

    Every delta changes the rows of the partner, so their number may differ.
    """
    if context.last_rows is not None:
        return context.last_rows
    return (
        int(context.number("select count(*) from partner_rows"))
        if context.has_partner_rows
        else 0
    )


def _max_total_drop(context: GuardContext, limit: dict[str, Any]) -> Iterator[Check]:
    """RUN_STOCK_DROP: the sum of `limit["column"]` falls by far."""
    total = f"select coalesce(sum({name(limit['column'])}), 0) from "
    now = context.number(total + "feed")
    before = context.number(total + "partner_rows") if context.has_partner_rows else 0
    yield _loss("RUN_STOCK_DROP", f"total of {limit['column']}", before, now, limit)


def _loss(guard: str, what: str, before: Any, now: Any, limit: Limit) -> Check:
    share = float((before - now) / before) if before > 0 else 0.0
    good, most = not _exceeds(limit, share, before - now), _share(limit)
    return Check(
        guard, "guards", good,
        f"{what}: {before:,} with the partner, {now:,} in the file"
        + ("" if good else f", down {share:.1%}; at most {most:.0%} less is allowed. "
           f"{APPROVE}"),
        round(share, 4), most, 0 if good else int(before - now),
    )  # fmt: skip


def _max_keys_lost(context: GuardContext, limit: Limit) -> Iterator[Check]:
    """RUN_FLIP: the file lacks many keys that the partner holds."""
    key = names(context.feed.key)
    lost, before, examples = 0, 0, []
    if context.has_partner_rows:
        missing = f"from (select {key} from partner_rows except select {key} from feed)"
        before = context.number(
            f"select count(*) from (select distinct {key} from partner_rows)"
        )
        lost = context.number(f"select count(*) {missing}")
        examples = context.connection.execute(
            f"select * {missing} order by all limit {EXAMPLES}"
        ).fetchall()
    share = lost / before if before else 0.0
    good, most = not _exceeds(limit, share, lost), _share(limit)
    yield Check(
        "RUN_FLIP", "guards", good,
        f"{lost:,} of the {before:,} keys that the partner holds are not in the file"
        + ("" if good else f" ({share:.1%}); at most {most:.0%} of them may be "
           f"missing. {APPROVE}"),
        round(share, 4), most, 0 if good else lost,
        () if good else tuple("/".join(map(str, row)) for row in examples),
    )  # fmt: skip


def _max_cells_lost(context: GuardContext, limit: Limit) -> Iterator[Check]:
    """RUN_CELLS_LOST: a column is filled in a far smaller share of rows.

    Compares all rows that the partner would have after a delta, not those of the delta.
    """
    falls: list[tuple[float, int, str]] = []
    if context.has_partner_rows:
        now = rows_of(context.feed, context.split, context.feed.state.sql)
        there = columns_of(context.connection, "partner_rows")
        there &= columns_of(context.connection, now)
        columns = [each for each in context.feed.columns if each.name in there]
        before, after = (
            _filled(context, columns, each) for each in ("partner_rows", now)
        )
        for column, old, new in zip(columns, before[1:], after[1:], strict=True):
            if before[0] and after[0]:
                fall = old / before[0] - new / after[0]
                counts = f"{old:,} of {before[0]:,} rows, now {new:,} of {after[0]:,}"
                falls.append((fall, old - new, f"{column.name}: {counts}"))
    # More rows of another kind lower a share too, but then no cell was lost.
    wrong = [each for each in falls if each[1] > 0 and _exceeds(limit, *each[:2])]
    words = listed([each[2] for each in wrong])
    worst = max((fall for fall, _, _ in falls), default=0.0)
    yield Check(
        "RUN_CELLS_LOST", "guards", not wrong,
        "every column is filled in as many rows as before"
        if not wrong
        else f"columns are filled in fewer rows: {words}; the share may fall by "
        f"at most {_share(limit):.0%}. Look for a field that was renamed at the "
        f"source. {APPROVE}",
        round(worst, 4), _share(limit), sum(count for _, count, _ in wrong),
        tuple(each[2] for each in wrong[:EXAMPLES]),
    )  # fmt: skip


def _filled(
    context: GuardContext, columns: Sequence[Column], relation: str
) -> tuple[int, ...]:
    """Count the rows, then for each column those in which it is filled."""
    empty = {"varchar": " <> ''", "text": " <> ''", "string": " <> ''"}
    cells = [
        name(column.name)
        + (" <> 0" if _NUMERIC.search(column.type)
           else empty.get(column.type, " is not null"))
        for column in columns
    ]  # fmt: skip
    counts = ", ".join(["count(*)", *(f"count(*) filter ({cell})" for cell in cells)])
    row = context.connection.execute(f"select {counts} from {relation}").fetchone()
    return row or ()


def _values_stay(context: GuardContext, columns: list[str]) -> Iterator[Check]:
    """RUN_TYPE_VANISHED: the file has no row with a value that the partner holds."""
    missing: list[str] = []
    for column in columns if context.has_partner_rows else ():
        lost = context.connection.execute(
            f"select {name(column)} from partner_rows "
            f"except select {name(column)} from feed "
            "order by 1"
        ).fetchall()
        missing.extend(f"{column} {row[0]}" for row in lost)
    yield Check(
        "RUN_TYPE_VANISHED", "guards", not missing,
        f"every {' and '.join(columns)} that the partner holds is still in the file"
        if not missing
        else f"no row has {listed(missing)}, which the partner holds. {APPROVE}",
        len(missing), 0, len(missing), tuple(missing[:EXAMPLES]),
    )  # fmt: skip


def _keys_stay(context: GuardContext, limit: dict[str, Any]) -> Iterator[Check]:
    """RUN_KEY_VANISHED: keys that the partner holds have no row of the source any more.

    A few of them are delivered once more as deleted, if `vanished` is declared.
    """
    columns = tuple(limit["columns"])
    key, named = names(columns), ", ".join(columns)
    lost, restated, before = Keys(), Keys(), 0
    if context.has_partner_rows:
        known = keys_known(
            context.connection, context.feed, context.split, context.splits, columns
        )
        held = f"select distinct {key} from partner_rows"
        before = context.number(f"select count(*) from ({held})")
        lost = _keys(context, f"{held} except ({known})")
        restated = _restated(context, columns)
    most = context.feed.vanished.get("restate", {"share": 1})
    share = restated.count / before if before else 0.0
    sentences = []
    if lost.count:
        sentences.append(
            f"{lost.count:,} values of {named} that the partner holds have no row, not "
            "even one that marks them as deleted"
        )
    if _exceeds(most, share, restated.count):
        sentences.append(
            f"{restated.count:,} of the {before:,} values of {named} that the partner "
            f"holds vanished ({share:.1%}), and the file marks them as deleted; at "
            f"most {most['share']:.0%} may"
        )
        lost = Keys(lost.count + restated.count, lost.examples + restated.examples)
    yield Check(
        "RUN_KEY_VANISHED", "guards", not sentences,
        f"{'; '.join(sentences)}. Look at the source. {APPROVE}"
        if sentences
        else f"every {named} that the partner holds still has a row",
        lost.count, 0, lost.count, lost.examples[:EXAMPLES],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Keys:
    """How many keys a query has, and examples."""

    count: int = 0
    examples: tuple[str, ...] = ()


def _keys(context: GuardContext, query: str) -> Keys:
    count = context.number(f"select count(*) from ({query})")
    rows = context.connection.execute(
        f"from ({query}) order by all limit {EXAMPLES}"
    ).fetchall()
    return Keys(count, tuple("/".join(map(str, row)) for row in rows))


def keys_known(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    split: str | None,
    splits: Sequence[str | None],
    columns: tuple[str, ...],
) -> str:
    """Return a query for the keys that the source still has.

    These have a row in the state model, under this value of split_by or (if
    `across_splits` is declared) another one that gets a file, or they are in review.
    """
    key = names(columns)
    queries = [f"select {key} from {rows_of(feed, split, feed.state.sql)}"]
    others = [each for each in splits if each and each != split]
    if feed.guards.get("keys_stay", {}).get("across_splits") and others:
        value = f"cast({name(str(feed.split_by))} as varchar)"
        queries.append(
            f"select {key} from {feed.state.sql} "
            f"where {value} in ({', '.join(map(text, others))})"
        )
    if feed.audit and {*columns} <= columns_of(connection, feed.audit.sql):
        queries.append(f"select {key} from {feed.audit.sql} where status = 'REVIEW'")
    return " union all ".join(queries)


def _restated(context: GuardContext, columns: tuple[str, ...]) -> Keys:
    """Count the keys that the file newly marks as deleted, from their last rows."""
    feed, key = context.feed, names(columns)
    if feed.audit is None or not feed.vanished:
        return Keys()
    audit = rows_of(feed, context.split, feed.audit.sql)
    now = rows_of(feed, context.split, feed.state.sql)
    relations = (columns_of(context.connection, each) for each in (now, "held_rows"))
    cells = names(tuple(sorted(set.intersection(*relations))))
    return _keys(
        context,
        f"select distinct {key} from (select {cells} from {now} semi join "
        f"(select {key} from {audit} where output = 'RESTATE') using ({key}) "
        f"except select {cells} from held_rows)",
    )


def _max_keys_changed(context: GuardContext, limit: dict[str, Any]) -> Iterator[Check]:
    """RUN_KEYS_CHANGED: a delta changes too large a share of what the partner holds."""
    key = names(limit["columns"])
    distinct = "select count(*) from (select distinct {} from {})"
    touched = context.number(distinct.format(key, _counted_rows(context, key)))
    before = (
        context.number(distinct.format(key, "partner_rows"))
        if context.has_partner_rows
        else 0
    )
    share = touched / before if before else 0.0
    good = not _exceeds(limit, share, touched)
    named = ", ".join(limit["columns"])
    most = f" ({share:.1%}); at most {limit['share']:.0%} may change. {APPROVE}"
    yield Check(
        "RUN_KEYS_CHANGED", "guards", good,
        f"the file touches {touched:,} values of {named}; the partner holds {before:,}"
        + ("" if good else most),
        round(share, 4), limit["share"], 0 if good else touched,
    )  # fmt: skip


def _counted_rows(context: GuardContext, key: str) -> str:
    """Return a FROM clause item: the rows of the keys that a file changes.

    These are the keys of the file, but for those whose rows differ in columns of
    `changes.ignore` alone.
    """
    if context.changes:
        return context.changes
    ignored = context.feed.changes.get("ignore", ())
    if not ignored or not context.has_partner_rows:
        return "feed"
    known = columns_of(context.connection, "partner_rows")
    cells = names(
        tuple(
            column.name
            for column in context.feed.columns
            if column.name in known and column.name not in ignored
        )
    )
    mine = f"select {cells} from feed"
    theirs = f"select {cells} from partner_rows semi join feed using ({key})"
    return (
        f"(select {key} from ({mine} except all {theirs}) union all "
        f"select {key} from ({theirs} except all {mine}))"
    )


def run_guards(context: GuardContext) -> list[Check]:
    """Run RUN_FIRST and RUN_EMPTY, then the guards that the feed declares."""
    checks = [_first(context), _empty(context)]
    for name_, guard in _GUARDS.items():
        if name_ in context.feed.guards:
            checks.extend(guard(context, context.feed.guards[name_]))
    return checks


def _first(context: GuardContext) -> Check:
    good = context.accept_first or not context.first
    return Check(
        "RUN_FIRST", "guards", good,
        "a file of this feed was delivered before, or the partner's own was adopted"
        if not context.first
        else "nothing was delivered yet, and FEEDS_ACCEPT_FIRST says that it may be"
        if good
        else "nothing was delivered yet, so that no loss could be noticed: a person "
        "must look at the first file. `publish approve DIGEST --because ...` or "
        "FEEDS_ACCEPT_FIRST=1 releases it.",
        context.first, False, 0 if good else 1,
    )  # fmt: skip


def _empty(context: GuardContext) -> Check:
    count = context.number("select count(*) from feed")
    good = count > 0 or context.feed.when_empty != "refuse"
    return Check(
        "RUN_EMPTY", "guards", good,
        f"{context.owner} has {count:,} rows"
        if good
        else "the file has no rows; to the partner that would mean that nothing is "
        f"left. Look for the reasons in audit.csv. {APPROVE}",
        count, 1, 0 if good else 1,
    )  # fmt: skip


def _min_rows(context: GuardContext, least: int) -> Iterator[Check]:
    count = context.number("select count(*) from feed")
    yield Check(
        "RUN_MIN_ROWS", "guards", count >= least,
        f"{context.owner} has {count:,} rows; at least {least:,} are expected", count,
        least, max(0, least - count),
    )  # fmt: skip


def _max_review_share(context: GuardContext, limit: Limit) -> Iterator[Check]:
    """RUN_REVIEW_RATE: too many audit rows of the file's own value are in review."""
    feed = context.feed
    if feed.audit is None:
        raise LookupError("a declaration of max_review_share needs an audit")
    own = rows_of(feed, context.split, feed.audit.sql)
    waiting = context.number(f"select count(*) from {own} where status = 'REVIEW'")
    every = context.number(f"select count(*) from {own}")
    share = waiting / every if every else 0.0
    good, most = not _exceeds(limit, share, waiting), _share(limit)
    source_rows = "source rows" + (f" of {context.split}" if context.split else "")
    yield Check(
        "RUN_REVIEW_RATE", "guards", good,
        f"{waiting:,} of {every:,} {source_rows} wait for a person"
        + ("" if good else f" ({share:.1%}); at most {most:.0%} may be in review. "
           f"{APPROVE}"),
        round(share, 4), most, 0 if good else waiting,
    )  # fmt: skip


def _max_unassigned(context: GuardContext, limit: dict[str, Any]) -> Iterator[Check]:
    """RUN_UNASSIGNED_RATE: too many audit rows belong to no file.

    Rows of values that get no file now, such as closed terms, count nowhere.
    """
    feed = context.feed
    if feed.audit is None or feed.split_by is None:
        raise LookupError("a declaration of max_unassigned needs audit and split_by")
    split = f"cast({name(feed.split_by)} as varchar)"
    known = f"{split} in ({', '.join(map(text, filter(None, context.splits)))})"
    reasons = ", ".join(map(text, limit["reasons"]))
    lost, every = context.connection.execute(
        f"select count(*) filter (reason_code in ({reasons})), count(*) "
        f"from {feed.audit.sql} where reason_code in ({reasons}) or {known}"
    ).fetchall()[0]
    share = lost / every if every else 0.0
    good, most = not _exceeds(limit, share, lost), _share(limit)
    examples = context.connection.execute(
        f"select distinct coalesce({split}, '(none)') from {feed.audit.sql} "
        f"where reason_code in ({reasons}) order by 1 limit {EXAMPLES}"
    ).fetchall()
    yield Check(
        "RUN_UNASSIGNED_RATE", "guards", good,
        f"{lost:,} of {every:,} source rows belong to no file"
        + ("" if good else f" ({share:.1%}); at most {most:.0%} are allowed. "
           f"Look at their {feed.split_by} at the source. {APPROVE}"),
        round(share, 4), most, 0 if good else lost,
        () if good else tuple(f"{feed.split_by} {row[0]}" for row in examples),
    )  # fmt: skip


def _max_age(context: GuardContext, limit: dict[str, Any]) -> Iterator[Check]:
    column = limit["column"]
    oldest = context.number(f"select min({name(column)}) from feed")
    hours = 0.0
    if oldest is not None:
        hours = (context.at.replace(tzinfo=None) - oldest).total_seconds() / 3600
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
    "max_rows_lost": _max_rows_lost,
    "max_rows_gained": _max_rows_gained,
    "max_keys_lost": _max_keys_lost,
    "max_cells_lost": _max_cells_lost,
    "max_total_drop": _max_total_drop,
    "max_review_share": _max_review_share,
    "max_unassigned": _max_unassigned,
    "values_stay": _values_stay,
    "max_age": _max_age,
    "keys_stay": _keys_stay,
    "max_keys_changed": _max_keys_changed,
}
