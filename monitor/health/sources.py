"""Each source: the last complete extract, its age, its counts, what it sent anew."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from monitor.context import CLOCK, Context, duration_text, hours
from monitor.findings import CheckResult, Finding, listed
from runtime.files import parse_time, read_json


def check(evidence: Context) -> CheckResult:
    """Look at every source below a feed."""
    facts: dict[str, Any] = {}
    findings: list[Finding] = []
    reports = {source: evidence.landed(source) for source in evidence.sources}
    for source, report in reports.items():
        if report is None:
            findings.append(_missing(source, any(reports.values())))
            facts[source] = {"run_id": None}
            continue
        facts[source] = _facts(evidence, source, report)
        findings += _age(evidence, source, report)
        findings += _unfinished(evidence, source, report)
        findings += _counts(source, report)
        findings += _fields(source, report, _before(evidence, source, report))
    return CheckResult({"sources": facts}, tuple(findings))


def _missing(source: str, another: bool) -> Finding:
    kind = "SOURCE_LEFT_OUT" if another else "EXTRACT_MISSING"
    return Finding(kind, source, f"{source}: nothing was ever landed")


def allowed(evidence: Context, source: str) -> timedelta:
    """How old an extract may be: as far apart as its most frequent feed is due."""
    gaps = []
    for cadence in (f.cadence for f in evidence.feeds if source in f.sources):
        last = cadence.last_due(evidence.at)
        gaps.append(last - cadence.last_due(last - timedelta(minutes=1)))
    return min(gaps) + evidence.patience.grace


def _facts(evidence: Context, source: str, report: Mapping[str, Any]) -> dict[str, Any]:
    ended = parse_time(report["finished_at"])
    return {
        "run_id": report["run_id"],
        "finished_at": f"{ended:{CLOCK}}",
        "age_hours": hours(evidence.at - ended),
        "allowed_hours": hours(allowed(evidence, source)),
        "entities": {
            name: {
                "source": entity.get("count_after"),
                "landed": entity.get("rows"),
                "unrecognised": sorted(entity.get("unrecognised") or ()),
                "unmatched": list(entity.get("unmatched") or ()),
            }
            for name, entity in report["entities"].items()
        },
    }


def _age(
    evidence: Context, source: str, report: Mapping[str, Any]
) -> Iterator[Finding]:
    ended, most = parse_time(report["finished_at"]), allowed(evidence, source)
    if evidence.at - ended > most:
        yield Finding(
            "EXTRACT_STALE",
            source,
            f"{source} was last read until {ended:{CLOCK}}, "
            f"{duration_text(evidence.at - ended)} ago; "
            f"{duration_text(most)} are allowed",
            f"{ended + most:{CLOCK}}",
        )


def _unfinished(
    evidence: Context, source: str, report: Mapping[str, Any]
) -> Iterator[Finding]:
    for folder in sorted(evidence.place.landing.glob(f"*/{source}"), reverse=True):
        run = folder.parent.name
        # A run id begins with its time, so names sort as times do.
        if run == "current" or run <= report["run_id"]:
            continue
        if not (folder / "extract.json").exists():
            began = datetime.strptime(run[:16], "%Y%m%dT%H%M%SZ")
            yield Finding(
                "EXTRACT_UNFINISHED",
                source,
                f"{source}: run {run} was begun and is not complete",
                f"{began:{CLOCK}}",
            )
            return


def _counts(source: str, report: Mapping[str, Any]) -> Iterator[Finding]:
    wrong = [
        f"{name}: {entity['count_after']:,} at the source, {entity['rows']:,} landed"
        for name, entity in report["entities"].items()
        if entity.get("count_after") is not None
        and entity["count_after"] != entity["rows"]
    ]
    if report.get("status") != "complete":
        wrong.append(f"its status is {report.get('status')!r}, not complete")
    if wrong:
        yield Finding("EXTRACT_COUNTS", source, f"{source}: {listed(wrong)}")


def _fields(
    source: str, report: Mapping[str, Any], before: Mapping[str, Any]
) -> Iterator[Finding]:
    new = _named(report, "unrecognised")
    if new:
        yield Finding(
            "SCHEMA_DRIFT", source, f"{source} sends unknown fields: {listed(new)}",
            examples=tuple(new[:3]),
        )  # fmt: skip
    if unmatched := _named(report, "unmatched"):
        yield Finding(
            "CUSTOM_FIELD_MISSING", source,
            f"{source}: no record has the custom fields {listed(unmatched)}",
        )  # fmt: skip
    earlier = {**before.get("entities", {})}
    gone = [
        f"{name}.{field}"
        for name, entity in report["entities"].items()
        if name in earlier and earlier[name].get("rows")
        for field in entity.get("absent") or ()
        if field not in (earlier[name].get("absent") or ())
    ]
    if gone:
        yield Finding(
            "FIELD_MISSING", source,
            f"{source}: in no record any more, as in run {before['run_id']}: "
            f"{listed(gone)}",
        )  # fmt: skip


def _named(report: Mapping[str, Any], field: str) -> list[str]:
    return [
        f"{name}.{found}"
        for name, entity in report["entities"].items()
        for found in sorted(entity.get(field) or ())
    ]


def _before(
    evidence: Context, source: str, report: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the report of the complete run before the current one; {} without any."""
    for path in sorted(
        evidence.place.landing.glob(f"*/{source}/extract.json"), reverse=True
    ):
        run = path.parent.parent.name
        if run != "current" and run < report["run_id"]:
            return read_json(path)
    return {}
