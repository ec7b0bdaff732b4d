"""The last build: whether there is one, its verdict, whether it knows what landed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from monitor.context import CLOCK, Context
from monitor.findings import CheckResult, Finding, listed
from runtime.files import parse_time
from store import builds
from store.builds import Build

_BAD = ("error", "fail", "runtime error", "partial success")


def check(evidence: Context) -> CheckResult:
    """Look at dbt's manifest and at the builds that the warehouse records."""
    missing = [
        path.name
        for path in (evidence.target / "manifest.json", evidence.place.warehouse)
        if not path.exists()
    ]
    if missing:
        return _missing(listed(missing))
    with evidence.warehouse() as connection:
        build = builds.newest(connection)
    if build is None:
        return _missing("a build in the warehouse")
    bad, warned = (_nodes(build, *states) for states in (_BAD, ("warn",)))
    ended = build.ended_at
    facts = {
        "command": build.command,
        "generated_at": f"{ended:{CLOCK}}" if ended else None,
        "built_at": f"{build.built_at:{CLOCK}}",
        "nodes": len(build.results),
        "failed": bad,
        "warned": warned,
    }
    began = build.built_at.replace(tzinfo=UTC)
    findings = [*_verdict(build, bad, warned), *_age(evidence, began)]
    return CheckResult({"build": facts}, tuple(findings))


def _missing(what: str) -> CheckResult:
    says = f"expected {what}, found none"
    return CheckResult({"build": None}, (Finding("DBT_MISSING", "dbt", says),))


def _verdict(build: Build, bad: list[str], warned: list[str]) -> Iterator[Finding]:
    at = f"{build.built_at:{CLOCK}}"
    if build.ended_at is None or build.command != "build":
        end = "" if build.ended_at else ", which was killed"
        says = f"tables were last made by `dbt {build.command}` of {at}{end}"
        yield Finding("DBT_UNFINISHED", "dbt", says, at)
        return
    if build.empty:
        says = f"the build of {at} was made with --empty"
        yield Finding("DBT_EMPTY", "dbt", says, at)
    if bad:
        says = f"{len(bad)} nodes of the build of {at} failed: {listed(bad)}"
        yield Finding("DBT_FAILED", "dbt", says, at, tuple(bad[:3]))
    if warned:
        says = f"{len(warned)} tests of the build of {at} warned: {listed(warned)}"
        yield Finding("DBT_WARNED", "dbt", says, at, tuple(warned[:3]))


def _nodes(build: Build, *states: str) -> list[str]:
    return [
        result["unique_id"].split(".", 2)[-1]
        for result in build.results
        if result["status"] in states
    ]


def _age(evidence: Context, built: datetime) -> Iterator[Finding]:
    newer: dict[str, Any] = {}
    for source in evidence.sources:
        report = evidence.landed(source)
        if report and parse_time(report["finished_at"]) > built:
            newer[source] = parse_time(report["finished_at"])
    if newer and evidence.at - min(newer.values()) > evidence.patience.grace:
        yield Finding(
            "DBT_STALE",
            "dbt",
            f"the warehouse was built at {built:{CLOCK}}, before "
            f"{listed(sorted(newer))} was landed",
            f"{min(newer.values()):{CLOCK}}",
        )
