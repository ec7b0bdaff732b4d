"""What a source sent: of which kind its texts are, and which mappings it still meets.

Kept as `profiles/_landing/<source>/<run id>.json`:

    run_id
    fields    "<entity>.<column>" -> filled (records), numbers (share of them); fields
              that we do not know are among them, as "<entity>._unrecognised.<field>"
    mappings  seed -> the entries that some record meets; seeds say in their meta, as
              `matches`, which column is met by which column of which model
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

from monitor.context import Context
from monitor.findings import CheckResult, Finding, listed
from runtime.command import LOG
from runtime.duck import sql_text
from runtime.exits import Stop
from runtime.files import read_json, write_json
from store.feeds.artifacts import meta_of

_NUMBERS, _TEXTS = 0.95, 0.5  # shares of numbers: a field of numbers, of texts
_LEAST = 5  # records that make a kind
_BEFORE = 3  # runs in which an entry was met each time: then its end is news


def refresh(evidence: Context) -> list[str]:
    """Profile the current extract of each source, if it has no profile yet.

    Returns:
        What was profiled. What cannot be read is a warning, and tried again next time.
    """
    done = []
    for source in evidence.sources:
        report = evidence.landed(source)
        if report is None or (path := _path(evidence, source, report)).exists():
            continue
        try:
            told = {
                "run_id": report["run_id"],
                "fields": _fields(evidence, source, report),
                "mappings": _mappings(evidence, source),
            }
        except (OSError, LookupError, Stop, duckdb.Error) as why:
            LOG.warning(f"no profile of {source}, run {report['run_id']}: {why}")
            continue
        write_json(path, told)
        done.append(f"{source}/{report['run_id']}")
    return done


def check(evidence: Context) -> CheckResult:
    """Compare the newest profile of each source with those before it."""
    findings: list[Finding] = []
    for source in evidence.sources:
        folder = _folder(evidence, source)
        kept = sorted(folder.glob("[!.]*.json"))[-1 - _BEFORE :]
        *before, now = [read_json(path) for path in kept] or [{}]
        if before:
            findings += _retyped(source, before[-1], now)
            findings += _unmet(before, now)
    return CheckResult(findings=tuple(findings))


def _folder(evidence: Context, source: str) -> Path:
    return evidence.place.data / "profiles" / "_landing" / source


def _path(evidence: Context, source: str, report: Mapping[str, Any]) -> Path:
    return _folder(evidence, source) / f"{report['run_id']}.json"


def _fields(
    evidence: Context, source: str, report: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return of every text how many records have it, and how many as a number."""
    found: dict[str, dict[str, Any]] = {}
    current = evidence.place.landing / "current" / source
    with duckdb.connect(
        config={
            "memory_limit": evidence.limits.memory,
            "threads": evidence.limits.threads,
        }
    ) as connection:
        for entity, told in report["entities"].items():
            path = current / told.get("file", f"{entity}.parquet")
            if not path.exists():
                continue
            found |= {
                f"{entity}.{name}": {
                    "filled": filled,
                    "numbers": round(numbers / filled, 4),
                }
                for name, filled, numbers in _shares(connection, path)
                if filled
            }
    return found


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
    """Return, for each text of a landed file: name, records with it, numbers."""
    file = sql_text(str(path))
    described = connection.execute(f"describe select * from read_parquet({file})")
    texts = [
        name
        for name, type_, *_ in described.fetchall()
        if type_ in ("VARCHAR", "JSON") and name not in _SKIPPED
    ]
    names = [name for name in texts if name != "_unrecognised"]
    found: list[tuple[str, int, int]] = []
    if names:
        counts = ", ".join(
            f'count("{name}"), count(try_cast("{name}"::varchar as double))'
            for name in names
        )
        query = f"select {counts} from read_parquet({file})"
        told = connection.execute(query).fetchall()[0]
        found += zip(names, told[::2], told[1::2], strict=True)
    if "_unrecognised" in texts:
        found += connection.execute(_UNKNOWN.format(file=file)).fetchall()
    return sorted(found)


def _mappings(evidence: Context, source: str) -> dict[str, list[str]]:
    """Return, for each seed that says what meets it, the entries that are met."""
    nodes = evidence.manifest["nodes"].values()
    tables = {
        node["name"]: f'"{node["schema"]}"."{node["alias"]}"'
        for node in nodes
        if node["resource_type"] in ("model", "seed")
    }
    met: dict[str, list[str]] = {}
    for node in nodes:
        matches = meta_of(node).get("matches")
        if node["resource_type"] != "seed" or not matches:
            continue
        if matches["source"] != source:
            continue
        entry, column = (f'"{matches[name]}"' for name in ("column", "in"))
        with evidence.warehouse() as connection:
            rows = connection.execute(
                f"select {entry} from {tables[node['name']]} where upper(trim({entry}))"
                f" in (select upper(trim({column})) from {tables[matches['model']]})"
                " order by 1"
            ).fetchall()
        met[node["name"]] = [row[0] for row in rows]
    return met


def _retyped(
    source: str, before: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterator[Finding]:
    changed = []
    for name, told in now["fields"].items():
        earlier = before["fields"].get(name)
        if earlier is None or min(told["filled"], earlier["filled"]) < _LEAST:
            continue
        old, new = earlier["numbers"], told["numbers"]
        if old >= _NUMBERS and new <= _TEXTS:
            changed.append(f"{name} was numbers, is texts")
        elif old <= _TEXTS and new >= _NUMBERS:
            changed.append(f"{name} was texts, is numbers")
    if changed:
        says = f"{source}, since run {now['run_id']}: {listed(changed)}"
        yield Finding("FIELD_RETYPED", source, says)


def _unmet(before: list[dict[str, Any]], now: Mapping[str, Any]) -> Iterator[Finding]:
    for seed, met in now["mappings"].items():
        always = set.intersection(
            *(set(each["mappings"].get(seed, ())) for each in before)
        )
        gone = sorted(always - set(met))
        if gone:
            says = f"{seed}: no record meets {listed(gone)} any more"
            yield Finding("SEED_UNUSED", seed, says, examples=tuple(gone[:3]))
