"""Checks that each source of a file was read whole, lately, and before dbt built."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from publish.gate.checks import EXAMPLES, Check, listed
from store.sources import Source

_ADVICE = "Run `extract`, then `dbt build`."


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


def _age(landed: Mapping[str, Any], at: datetime) -> float | None:
    """Return the hours from the end of the extract to `at`; None if it has no end."""
    finished = _finished(landed)
    if finished is None:
        return None
    return (at.replace(tzinfo=None) - finished).total_seconds() / 3600


def _finished(landed: Mapping[str, Any]) -> datetime | None:
    """Return when the extract ended, UTC without a zone."""
    try:
        moment = datetime.fromisoformat(str(landed.get("finished_at", "")))
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
