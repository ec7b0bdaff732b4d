"""Profile what a source sent: numbers or texts, and which mappings still match.

Profiles are `profiles/_landing/<source>/<run id>.json`:

    run_id
    fields    "<entity>.<column>" -> filled (records), numbers (share of them); unknown
              fields are "<entity>._unrecognised.<field>"
    mappings  seed -> the entries that match a record, from the model seed_entries
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.context import Context
from monitor.findings import CheckResult, Finding, listed
from monitor.health import seed_entries
from runtime import duck, formats
from runtime.exits import Stop
from runtime.log import LOG
from runtime.shapes import SourceProfile

if TYPE_CHECKING:
    import duckdb

_NUMBERS, _TEXTS = 0.95, 0.5  # shares of numbers: a field of numbers, of texts
_LEAST = 5  # fewer records do not show whether a field has numbers or texts
_BEFORE = 3  # an entry is reported if it matched in each of so many runs


def profile_new(context: Context, scratch: Path) -> list[str]:
    """Profile the current extract of each source, if it has no profile yet.

    Args:
        context: the files and settings.
        scratch: an existing folder, for what does not fit into memory.

    Returns:
        The new profiles, `<source>/<run id>`. What cannot be read is logged as a
        warning. The next run tries it again.
    """
    new = []
    for source in context.sources:
        report = context.landed(source)
        if report is None or (path := _path(context, source, report)).exists():
            continue
        try:
            profile = {
                "run_id": report["run_id"],
                "fields": _fields(context, source, report, scratch),
                "mappings": _mappings(context, source),
            }
        except (OSError, LookupError, Stop, duck.any_error()) as error:
            run_id = report["run_id"]
            LOG.warning("no profile", source=source, run_id=run_id, because=error)
            continue
        formats.write("profiles", path, profile)
        new.append(f"{source}/{report['run_id']}")
    return new


def check(context: Context) -> CheckResult:
    """Compare the profile of each source's last extract with those before it."""
    findings: list[Finding] = []
    for source in context.sources:
        report = context.landed_if_readable(source)
        if report is None:
            continue
        # A later one is of a clock that was ahead.
        last = _path(context, source, report)
        every = sorted(_folder(context, source).glob("[!.]*.json"))
        paths = [path for path in every if path.name <= last.name][-1 - _BEFORE :]
        *before, now = [
            formats.read("profiles", path, SourceProfile) for path in paths
        ] or [{}]
        if before:
            findings += _retyped(source, before[-1], now)
            findings += _unmatched(before, now)
    return CheckResult(findings=tuple(findings))


def _folder(context: Context, source: str) -> Path:
    return context.place.data / "profiles" / "_landing" / source


def _path(context: Context, source: str, report: Mapping[str, Any]) -> Path:
    return _folder(context, source) / f"{report['run_id']}.json"


def _fields(
    context: Context, source: str, report: Mapping[str, Any], scratch: Path
) -> dict[str, dict[str, Any]]:
    """Return for every text column its records, and the share of numbers in them."""
    fields: dict[str, dict[str, Any]] = {}
    current = context.place.landing / "current" / source
    with duck.open_session(context.limits, scratch) as connection:
        for entity, extracted in report["entities"].items():
            path = current / extracted.get("file", f"{entity}.parquet")
            if not path.exists():
                continue
            fields |= {
                f"{entity}.{name}": {
                    "filled": filled,
                    "numbers": round(numbers / filled, 4),
                }
                for name, filled, numbers in _shares(connection, path)
                if filled
            }
    return fields


_SKIPPED = ("_extract_run_id", "CustomFields")
_UNKNOWN = """
with unknown as (
    select "_unrecognised"::json as record from read_parquet({file})
    where "_unrecognised" is not null
),
fields as (
    select entry.key, entry.value ->> '$' as value
    from unknown, json_each(unknown.record) as entry
)
select '_unrecognised.' || key, count(value), count(try_cast(value as double))
from fields group by key order by key
"""


def _shares(
    connection: duckdb.DuckDBPyConnection, path: Path
) -> list[tuple[str, int, int]]:
    """Return for each text column of a file: name, records that have it, numbers."""
    file = duck.text(str(path))
    described = connection.execute(f"describe select * from read_parquet({file})")
    texts = [
        name
        for name, type_, *_ in described.fetchall()
        if type_ in ("VARCHAR", "JSON") and name not in _SKIPPED
    ]
    names = [name for name in texts if name != "_unrecognised"]
    shares: list[tuple[str, int, int]] = []
    if names:
        counts = ", ".join(
            f'count("{name}"), count(try_cast("{name}"::varchar as double))'
            for name in names
        )
        query = f"select {counts} from read_parquet({file})"
        row = connection.execute(query).fetchall()[0]
        shares += zip(names, row[::2], row[1::2], strict=True)
    if "_unrecognised" in texts:
        shares += connection.execute(_UNKNOWN.format(file=file)).fetchall()
    return sorted(shares)


def _mappings(context: Context, source: str) -> dict[str, list[str]]:
    """Return for each list of a source the entries that match a record."""
    return {
        entries.seed: entries.matched
        for entries in seed_entries.read(context)
        if entries.source == source
    }


def _retyped(
    source: str, before: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterator[Finding]:
    changed = []
    for name, field in now["fields"].items():
        earlier = before["fields"].get(name)
        if earlier is None or min(field["filled"], earlier["filled"]) < _LEAST:
            continue
        old, new = earlier["numbers"], field["numbers"]
        if old >= _NUMBERS and new <= _TEXTS:
            changed.append(f"{name} had numbers, now has texts")
        elif old <= _TEXTS and new >= _NUMBERS:
            changed.append(f"{name} had texts, now has numbers")
    if changed:
        message = f"{source}, since run {now['run_id']}: {listed(changed)}"
        yield Finding("FIELD_RETYPED", source, message)


def _unmatched(
    before: list[dict[str, Any]], now: Mapping[str, Any]
) -> Iterator[Finding]:
    for seed, entries in now["mappings"].items():
        always = set.intersection(
            *(set(each["mappings"].get(seed, ())) for each in before)
        )
        if unused := sorted(always - set(entries)):
            message = f"{seed}: no record matches {listed(unused)} any more"
            yield Finding("SEED_UNUSED", seed, message, examples=tuple(unused[:3]))
