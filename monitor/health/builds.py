"""Check the last build: its record, its results, and its age."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from monitor.context import CLOCK, Context
from monitor.findings import CheckResult, Finding, listed
from runtime.files import parse_time
from store import builds
from store.builds import Build

_FAILED = ("error", "fail", "runtime error", "partial success")


def check(context: Context) -> CheckResult:
    """Check dbt's manifest, and what the builds recorded."""
    there = {
        "manifest.json": (context.target / "manifest.json").exists(),
        context.mart.path.name: context.mart.exists,
    }
    if missing := [name for name, exists in there.items() if not exists]:
        return _missing(listed(missing))
    rows = context.ask(builds.NEWEST)
    if not rows:
        return _missing("a build with a verdict")
    build = builds.from_row(rows[0])
    failed, warned = (_nodes(build, *states) for states in (_FAILED, ("warn",)))
    ended = build.ended_at
    facts = {
        "command": build.command,
        "generated_at": f"{ended:{CLOCK}}" if ended else None,
        "built_at": f"{build.built_at:{CLOCK}}",
        "nodes": len(build.results),
        "failed": failed,
        "warned": warned,
    }
    began = build.built_at.replace(tzinfo=UTC)
    findings = [*_results(build, failed, warned), *_age(context, began)]
    return CheckResult({"build": facts}, tuple(findings))


def _missing(what: str) -> CheckResult:
    message = f"expected {what}, found none"
    return CheckResult({"build": None}, (Finding("DBT_MISSING", "dbt", message),))


def _results(build: Build, failed: list[str], warned: list[str]) -> Iterator[Finding]:
    at = f"{build.built_at:{CLOCK}}"
    if build.ended_at is None or build.command != "build":
        end = "" if build.ended_at else ", which was killed"
        message = f"the tables are of `dbt {build.command}` of {at}{end}"
        yield Finding("DBT_UNFINISHED", "dbt", message, at)
        return
    if build.empty:
        message = f"the build of {at} used --empty"
        yield Finding("DBT_EMPTY", "dbt", message, at)
    if failed:
        message = f"{len(failed)} nodes of the build of {at} failed: {listed(failed)}"
        yield Finding("DBT_FAILED", "dbt", message, at, tuple(failed[:3]))
    if warned:
        message = f"{len(warned)} tests of the build of {at} warned: {listed(warned)}"
        yield Finding("DBT_WARNED", "dbt", message, at, tuple(warned[:3]))


def _nodes(build: Build, *states: str) -> list[str]:
    return [
        result["unique_id"].split(".", 2)[-1]
        for result in build.results
        if result["status"] in states
    ]


def _age(context: Context, built: datetime) -> Iterator[Finding]:
    newer: dict[str, Any] = {}
    for source in context.sources:
        report = context.landed_if_readable(source)
        if report and parse_time(report["finished_at"]) > built:
            newer[source] = parse_time(report["finished_at"])
    if newer and context.at - min(newer.values()) > context.thresholds.grace:
        yield Finding(
            "DBT_STALE",
            "dbt",
            f"the tables were built at {built:{CLOCK}}, before "
            f"{listed(sorted(newer))} was extracted",
            f"{min(newer.values()):{CLOCK}}",
        )
