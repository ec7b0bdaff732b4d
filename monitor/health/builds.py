"""The last build: whether there is one, its verdict, whether it knows what landed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import duckdb

from monitor.context import CLOCK, Context
from monitor.findings import CheckResult, Finding, listed
from runtime.files import parse_time

_BAD = ("error", "fail", "runtime error", "partial success")


def check(evidence: Context) -> CheckResult:
    """Look at dbt's artifacts and at the warehouse's own record."""
    missing = [
        path.name
        for path in (
            evidence.target / "manifest.json",
            evidence.target / "run_results.json",
            evidence.place.warehouse,
        )
        if not path.exists()
    ]
    if missing:
        says = f"expected {listed(missing)}, found no such file"
        return CheckResult({"build": None}, (Finding("DBT_MISSING", "dbt", says),))
    built = _built_at(evidence)
    ran = evidence.results["args"].get("which", "?")
    bad, warned = (_nodes(evidence, *states) for states in (_BAD, ("warn",)))
    facts = {
        "command": ran,
        "generated_at": evidence.results["metadata"]["generated_at"],
        "built_at": f"{built:{CLOCK}}" if built else None,
        "nodes": len(evidence.results["results"]),
        "failed": bad,
        "warned": warned,
    }
    findings = [*_verdict(evidence, ran, bad, warned), *_age(evidence, built)]
    return CheckResult({"build": facts}, tuple(findings))


def _verdict(
    evidence: Context, ran: str, bad: list[str], warned: list[str]
) -> Iterator[Finding]:
    at = evidence.results["metadata"]["generated_at"]
    if ran != "build":
        says = f"the last dbt command was `dbt {ran}` at {at}, not `dbt build`"
        yield Finding("DBT_OVERWRITTEN", "dbt", says)
        return
    if evidence.results["args"].get("empty"):
        yield Finding(
            "DBT_EMPTY", "dbt", f"the build of {at} was made with --empty", at
        )
    if bad:
        says = f"{len(bad)} nodes of the build of {at} failed: {listed(bad)}"
        yield Finding("DBT_FAILED", "dbt", says, at, tuple(bad[:3]))
    if warned:
        says = f"{len(warned)} tests of the build of {at} warned: {listed(warned)}"
        yield Finding("DBT_WARNED", "dbt", says, at, tuple(warned[:3]))


def _nodes(evidence: Context, *states: str) -> list[str]:
    return [
        result["unique_id"].split(".", 2)[-1]
        for result in evidence.results["results"]
        if result["status"] in states
    ]


def _age(evidence: Context, built: datetime | None) -> Iterator[Finding]:
    if built is None:
        return
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


def _built_at(evidence: Context) -> datetime | None:
    """When dbt last wrote the warehouse; None if it does not say."""
    with evidence.warehouse() as connection:
        try:
            row = connection.execute(
                "select max(built_at) from main.builds where ended_at is not null"
            ).fetchone()
        except duckdb.CatalogException:
            return None
    return row[0].replace(tzinfo=UTC) if row and row[0] else None
