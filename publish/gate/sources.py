"""Checks that each source of a file was read whole, lately, and before dbt built."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from publish.gate.checks import APPROVE, EXAMPLES, Check, listed
from store.sources import Source

_ADVICE = "Run `extract`, then `dbt build`."
_CLOCK_HOURS = 1.0


def complete(sources: list[Source], built_at: datetime | None) -> Check:
    """Check RUN_SOURCE_PARTIAL: every source was landed whole, then dbt built.

    Args:
        sources: those of the file.
        built_at: when dbt wrote the warehouse (UTC, naive); None if unknown.
    """
    wrong = [
        f"{source.name}: {fault}"
        for source in sources
        for fault in _faults(source.landed, built_at)
    ]
    return Check(
        "RUN_SOURCE_PARTIAL", "guards", not wrong,
        f"{listed([source.name for source in sources])} was landed whole"
        if not wrong
        else f"a source was not landed whole: {listed(wrong)}. {_ADVICE}",
        len(wrong), 0, len(wrong), tuple(wrong[:EXAMPLES]),
    )  # fmt: skip


def fresh(sources: list[Source], at: datetime, hours: float) -> Check:
    """Check RUN_SOURCE_STALE: every source was read lately.

    A source that was read after the logical time is fresh: a late or repeated run takes
    the newest extract.

    Args:
        sources: those of the file.
        at: the logical time, UTC.
        hours: the greatest age.
    """
    ages = [(_age(source.landed, at), source) for source in sources]
    oldest = max((age for age, _ in ages if age is not None), default=None)
    wrong = [
        f"{source.name}, run {source.landed.get('run_id')}, was read until "
        f"{source.landed.get('finished_at')}"
        + (f", {age:,.1f} h before" if age is not None else ", which is no time")
        for age, source in ages
        if age is None or age > hours
    ]
    logical_time = f"the logical time {at:%Y-%m-%dT%H:%M:%SZ} (--at)"
    return Check(
        "RUN_SOURCE_STALE", "guards", not wrong,
        f"every source was read at most {hours:g} h before {logical_time}"
        if not wrong
        else f"{listed(wrong)} {logical_time}; at most {hours:g} h are allowed. "
        f"{_ADVICE}",
        oldest if oldest is None else round(oldest, 2), hours, len(wrong),
        tuple(wrong[:EXAMPLES]),
    )  # fmt: skip


def clock(sources: list[Source]) -> list[Check]:
    """Check RUN_CLOCK: our clock agrees with that of each source that has one.

    Every later record would be compared with the times of a run whose clock was wrong.
    """
    hours = [(source, _hours_apart(source.landed)) for source in sources]
    known = [(source, apart) for source, apart in hours if apart is not None]
    if not known:
        return []
    wrong = [
        f"{source.name} said {source.landed.get('source_clock')}, and run "
        f"{source.landed.get('run_id')} began at {source.landed.get('started_at')}, "
        f"{apart:,.1f} h apart"
        for source, apart in known
        if apart > _CLOCK_HOURS
    ]
    return [Check(
        "RUN_CLOCK", "guards", not wrong,
        f"our clock and that of {listed([source.name for source, _ in known])} agree"
        if not wrong
        else f"one of the clocks is wrong: {listed(wrong)}. At most {_CLOCK_HOURS:g} h "
        f"are allowed. Correct the clock of this machine. {_ADVICE}",
        round(max(apart for _, apart in known), 2), _CLOCK_HOURS, len(wrong),
        tuple(wrong[:EXAMPLES]),
    )]  # fmt: skip


def _hours_apart(landed: Mapping[str, Any]) -> float | None:
    """Return the hours between the source's clock and ours; None if it has none.

    The source's time is of an answer between the start and the end of the extract.
    """
    ahead = landed.get("clock_ahead_seconds")
    if ahead is not None:
        return abs(float(ahead)) / 3600
    theirs, began = _time(landed, "source_clock"), _time(landed, "started_at")
    ended = _finished(landed)
    if theirs is None or began is None or ended is None:
        return None
    apart = max(began - theirs, theirs - ended)
    return max(apart.total_seconds(), 0) / 3600


def custom_fields(
    sources: list[Source], before: list[Mapping[str, Any]]
) -> list[Check]:
    """Check RUN_FIELD_VANISHED: no configured custom field stopped to match.

    Args:
        sources: those of the file, with `unmatched` and `captions` of each list.
        before: `run.inputs` of the manifest of the last delivery.
    """
    earlier = {(each["source"], each["entity"]): each for each in before}
    lists = [
        (source, name, entity)
        for source in sources
        for name, entity in source.landed.get("entities", {}).items()
        if "unmatched" in entity
    ]
    if not lists:
        return []
    wrong = [
        f"{source.name}.{name}: no record has the custom field {field!r}, which the "
        "last file had"
        + (f"; the nearest one that came is {near[0]!r}" if near else "")
        for source, name, entity in lists
        for field, near in _vanished(entity, earlier.get((source.name, name), {}))
    ]
    return [Check(
        "RUN_FIELD_VANISHED", "guards", not wrong,
        "every custom field that the last file had still comes"
        if not wrong
        else f"{listed(wrong)}. Name it again at the source, or change `custom_field` "
        f"in the source's YAML below models/staging. {_ADVICE} {APPROVE}",
        len(wrong), 0, len(wrong), tuple(wrong[:EXAMPLES]),
    )]  # fmt: skip


def _vanished(
    now: Mapping[str, Any], before: Mapping[str, Any]
) -> Iterator[tuple[str, list[str]]]:
    """Yield each custom field that matched before, and the nearest caption of now."""
    if "unmatched" not in before:
        return  # nothing was delivered yet, or an older version recorded no fields
    matched = before.get("captions")
    captions = now.get("captions") or ()
    new = [each for each in captions if each not in (matched or ())]
    for field in now["unmatched"]:
        if field not in before["unmatched"] and (matched is None or field in matched):
            yield field, _nearest(field, new) or _nearest(field, captions)


def _nearest(field: str, captions: Iterable[str]) -> list[str]:
    """Return the caption that is most like a field, or a short or long form of it."""
    name = field.casefold()
    by_name = {each.casefold(): each for each in captions}
    near = get_close_matches(name, by_name, 1) or [
        each for each in by_name if _begins(name, each.rstrip("."))
    ]
    return [by_name[each] for each in near[:1]]


def _begins(one: str, other: str) -> bool:
    """Return whether one name begins with the other, of three letters at least."""
    short, long = sorted((one, other), key=len)
    return len(short) >= 3 and long.startswith(short)


def _age(landed: Mapping[str, Any], at: datetime) -> float | None:
    """Return the hours from the end of the extract to `at`; None if it has no end."""
    finished = _finished(landed)
    if finished is None:
        return None
    return (at.replace(tzinfo=None) - finished).total_seconds() / 3600


def _finished(landed: Mapping[str, Any]) -> datetime | None:
    """Return when the extract ended, UTC without a zone."""
    return _time(landed, "finished_at")


def _time(landed: Mapping[str, Any], field: str) -> datetime | None:
    """Return a time of extract.json, UTC without a zone; None if it is no time."""
    try:
        moment = datetime.fromisoformat(str(landed.get(field, "")))
    except ValueError:
        return None
    return (moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None)


def _faults(landed: Mapping[str, Any], built_at: datetime | None) -> list[str]:
    if not landed:
        return ["expected an extract.json, found none that can be read"]
    faults = []
    if landed.get("status") != "complete":
        faults.append(f"expected status complete, found {landed.get('status')}")
    for name, entity in landed.get("entities", {}).items():
        # The count before may differ: extract also fetches records that come later.
        rows, counted = entity.get("rows"), entity.get("count_after")
        if counted is not None and counted != rows:
            faults.append(f"{name}: {rows} rows landed, but the source has {counted}")
        if counted is None and not entity.get("proof"):
            faults.append(
                f"{name}: expected count_after or proof, found nothing that shows that "
                "the list is complete (docs/sources.md, docs/landing.md)"
            )
    finished = landed.get("finished_at")
    moment = _finished(landed)
    if moment is None:
        return [*faults, f"expected a time in finished_at, found {finished!r}"]
    if built_at is not None and moment > built_at:
        faults.append(
            f"run {landed.get('run_id')} ended at {finished}, after dbt built "
            f"({built_at:%Y-%m-%dT%H:%M:%SZ}): the file was made of an older run"
        )
    return faults
