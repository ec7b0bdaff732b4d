"""Check each source: the age, counts and fields of its last complete extract."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from monitor.context import CLOCK, Context, duration_text, hours
from monitor.findings import CheckResult, Finding, listed
from runtime import formats
from runtime.exits import Stop
from runtime.files import parse_time


def check(context: Context) -> CheckResult:
    """Check every source of a feed."""
    facts: dict[str, Any] = {}
    findings: list[Finding] = []
    reports: dict[str, Mapping[str, Any] | None] = {}
    for source in context.sources:
        try:
            reports[source] = context.landed(source)
        except (OSError, Stop) as error:
            message = f"{source} cannot be checked: {error}"
            findings.append(Finding("CANNOT_TELL", source, message, unchecked="source"))
    for source, report in reports.items():
        if report is None:
            findings.append(_missing(source, any(reports.values())))
            facts[source] = {"run_id": None}
            continue
        facts[source] = _facts(context, source, report)
        findings += _age(context, source, report)
        findings += _unfinished(context, source, report)
        findings += _counts(source, report)
        findings += _fields(source, report, _before(context, source, report))
    return CheckResult({"sources": facts}, tuple(findings))


def _missing(source: str, another: bool) -> Finding:
    id_ = "SOURCE_LEFT_OUT" if another else "EXTRACT_MISSING"
    return Finding(id_, source, f"{source} was never extracted")


def max_age(context: Context, source: str) -> timedelta:
    """Return the maximum age of an extract: the interval of its most frequent feed."""
    gaps = []
    for cadence in (f.cadence for f in context.feeds if source in f.sources):
        last = cadence.last_due(context.at)
        gaps.append(last - cadence.last_due(last - timedelta(minutes=1)))
    return min(gaps) + context.thresholds.grace


def _facts(context: Context, source: str, report: Mapping[str, Any]) -> dict[str, Any]:
    ended = parse_time(report["finished_at"])
    return {
        "run_id": report["run_id"],
        "finished_at": f"{ended:{CLOCK}}",
        "age_hours": hours(context.at - ended),
        "allowed_hours": hours(max_age(context, source)),
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


def _age(context: Context, source: str, report: Mapping[str, Any]) -> Iterator[Finding]:
    ended, limit = parse_time(report["finished_at"]), max_age(context, source)
    if context.at - ended > limit:
        yield Finding(
            "EXTRACT_STALE",
            source,
            f"the last extract of {source} ended at {ended:{CLOCK}}, "
            f"{duration_text(context.at - ended)} ago; "
            f"{duration_text(limit)} are allowed",
            f"{ended + limit:{CLOCK}}",
        )


def _unfinished(
    context: Context, source: str, report: Mapping[str, Any]
) -> Iterator[Finding]:
    for folder in sorted(context.place.landing.glob(f"*/{source}"), reverse=True):
        run = folder.parent.name
        # A run id begins with its time, so names sort as times do.
        if run == "current" or run <= report["run_id"]:
            continue
        if not (folder / "extract.json").exists():
            began = datetime.strptime(run[:16], "%Y%m%dT%H%M%SZ")
            yield Finding(
                "EXTRACT_UNFINISHED",
                source,
                f"{source}: run {run} started and is not complete",
                f"{began:{CLOCK}}",
            )
            return


def _counts(source: str, report: Mapping[str, Any]) -> Iterator[Finding]:
    wrong = [
        f"{name}: {entity['count_after']:,} at the source, {entity['rows']:,} extracted"
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
    if new := _field_names(report, "unrecognised"):
        yield Finding(
            "SCHEMA_DRIFT", source, f"{source} sends unknown fields: {listed(new)}",
            examples=tuple(new[:3]),
        )  # fmt: skip
    if unmatched := _field_names(report, "unmatched"):
        yield Finding(
            "CUSTOM_FIELD_MISSING", source,
            f"{source}: no record has the custom fields {listed(unmatched)}",
        )  # fmt: skip
    earlier = {**before.get("entities", {})}
    missing = [
        f"{name}.{field}"
        for name, entity in report["entities"].items()
        if name in earlier and earlier[name].get("rows")
        for field in entity.get("absent") or ()
        if field not in (earlier[name].get("absent") or ())
    ]
    if missing:
        yield Finding(
            "FIELD_MISSING", source,
            f"{source}: no record has these fields, which run {before['run_id']} "
            f"still had: {listed(missing)}",
        )  # fmt: skip


def _field_names(report: Mapping[str, Any], field: str) -> list[str]:
    return [
        f"{name}.{item}"
        for name, entity in report["entities"].items()
        for item in sorted(entity.get(field) or ())
    ]


def _before(
    context: Context, source: str, report: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the report of the complete run before the current one; {} without one."""
    for path in sorted(
        context.place.landing.glob(f"*/{source}/extract.json"), reverse=True
    ):
        run = path.parent.parent.name
        if run != "current" and run < report["run_id"]:
            return formats.read("extract", path)
    return {}
