"""Check the last build: its files, its results, and its age."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import duckdb

from monitor.context import CLOCK, Context
from monitor.findings import CheckResult, Finding, listed
from runtime.files import parse_time

_FAILED = ("error", "fail", "runtime error", "partial success")


def check(context: Context) -> CheckResult:
    """Check dbt's artifacts and the build time in the warehouse."""
    missing = [
        path.name
        for path in (
            context.target / "manifest.json",
            context.target / "run_results.json",
            context.place.warehouse,
        )
        if not path.exists()
    ]
    if missing:
        message = f"expected {listed(missing)}, found no such file"
        return CheckResult({"build": None}, (Finding("DBT_MISSING", "dbt", message),))
    built = _built_at(context)
    command = context.results["args"].get("which", "?")
    failed, warned = (_nodes(context, *states) for states in (_FAILED, ("warn",)))
    facts = {
        "command": command,
        "generated_at": context.results["metadata"]["generated_at"],
        "built_at": f"{built:{CLOCK}}" if built else None,
        "nodes": len(context.results["results"]),
        "failed": failed,
        "warned": warned,
    }
    findings = [*_results(context, command, failed, warned), *_age(context, built)]
    return CheckResult({"build": facts}, tuple(findings))


def _results(
    context: Context, command: str, failed: list[str], warned: list[str]
) -> Iterator[Finding]:
    at = context.results["metadata"]["generated_at"]
    if command != "build":
        message = f"the last dbt command was `dbt {command}` at {at}, not `dbt build`"
        yield Finding("DBT_OVERWRITTEN", "dbt", message)
        return
    if context.results["args"].get("empty"):
        yield Finding("DBT_EMPTY", "dbt", f"the build of {at} used --empty", at)
    if failed:
        message = f"{len(failed)} nodes of the build of {at} failed: {listed(failed)}"
        yield Finding("DBT_FAILED", "dbt", message, at, tuple(failed[:3]))
    if warned:
        message = f"{len(warned)} tests of the build of {at} warned: {listed(warned)}"
        yield Finding("DBT_WARNED", "dbt", message, at, tuple(warned[:3]))


def _nodes(context: Context, *states: str) -> list[str]:
    return [
        result["unique_id"].split(".", 2)[-1]
        for result in context.results["results"]
        if result["status"] in states
    ]


def _age(context: Context, built: datetime | None) -> Iterator[Finding]:
    if built is None:
        return
    newer: dict[str, Any] = {}
    for source in context.sources:
        report = context.landed(source)
        if report and parse_time(report["finished_at"]) > built:
            newer[source] = parse_time(report["finished_at"])
    if newer and context.at - min(newer.values()) > context.thresholds.grace:
        yield Finding(
            "DBT_STALE",
            "dbt",
            f"the warehouse was built at {built:{CLOCK}}, before "
            f"the extract of {listed(sorted(newer))}",
            f"{min(newer.values()):{CLOCK}}",
        )


def _built_at(context: Context) -> datetime | None:
    """Return the time of the last build (UTC); None if the warehouse has none."""
    with context.warehouse() as connection:
        try:
            row = connection.execute(
                "select max(built_at) from main.builds where ended_at is not null"
            ).fetchone()
        except duckdb.CatalogException:
            return None
    return row[0].replace(tzinfo=UTC) if row and row[0] else None
