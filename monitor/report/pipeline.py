"""The five steps of a file, each with what it counted and the seconds that are known.

Seconds come from where they were measured: extract's report, dbt's results, the ledger.
A package reads no clock, so rendering and judging have none, and none is made up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.documents import document, moment
from monitor.report.evidence import Package
from runtime.environment import Place


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        name, tool: what it is called.
        count: the one number of it.
        unit: what that counts.
        facts: more of it, a line each.
        seconds: how long it took; None where that is kept nowhere.
        state: good, bad or open.
    """

    name: str
    tool: str
    count: int | None
    unit: str
    facts: tuple[str, ...]
    seconds: float | None
    state: str = "good"


def steps(package: Package, place: Place, target: Path) -> list[Step]:
    """Return the five steps of a package.

    Args:
        package: the package.
        place: where the extracts' reports are.
        target: the folder of dbt's artifacts.
    """
    return [
        _extract(package, place),
        _build(package, target),
        _render(package),
        _gates(package),
        _deliver(package),
    ]


def _extract(package: Package, place: Place) -> Step:
    sources: dict[tuple[str, str], dict[str, int | None]] = {}
    for each in package.run.get("inputs", ()):
        lists = sources.setdefault((each["source"], each["run_id"]), {})
        lists[each["entity"]] = each["rows"]
    took = [
        seconds
        for source, run_id in sources
        if (seconds := _extracted(package, place, source, run_id)) is not None
    ]
    facts = [
        f"{source}: {', '.join(_counted(*each) for each in lists.items())}"
        for (source, _), lists in sources.items()
    ]
    counts = [rows for lists in sources.values() for rows in lists.values()]
    return Step(
        "Extract",
        " + ".join(source for source, _ in sources) or "no source",
        sum(each or 0 for each in counts) if None not in counts else None,
        "records",
        (*facts, *(f"run {run_id}" for _, run_id in sources)),
        sum(took) if took and len(took) == len(sources) else None,
    )


def _counted(name: str, rows: int | None) -> str:
    return name if rows is None else f"{rows:,} {name}"


def _extracted(
    package: Package, place: Place, source: str, run_id: str
) -> float | None:
    """Return the seconds of an extract: by its report, else by the lineage."""
    path = place.landing / run_id / source / "extract.json"
    try:
        return float(document(path)["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return _between(package, f"extract.{source}")


def _build(package: Package, target: Path) -> Step:
    dbt: Mapping[str, Any] = package.run.get("dbt", {})
    checks = {each["id"]: each for each in package.gates["checks"]}
    columns = len(package.feed["schema"]["fields"])
    return Step(
        "Build",
        f"dbt {dbt.get('version', '')}".strip(),
        columns,
        "columns",
        (
            *_nodes(checks.get("DBT_NODES", {})),
            f"built at {dbt.get('built_at', 'an unknown time')[:19]}",
        ),
        _built(package, target, dbt.get("invocation_id")),
        "bad" if _failed(package, "dbt") else "good",
    )


def _nodes(check: Mapping[str, Any]) -> Iterator[str]:
    built, all_nodes = check.get("observed"), check.get("limit")
    if isinstance(built, int) and isinstance(all_nodes, int):
        some = f"{built:,}" if built == all_nodes else f"{built:,} of {all_nodes:,}"
        yield f"{some} nodes built and tested"


def _built(package: Package, target: Path, invocation: str | None) -> float | None:
    """Return the seconds of the build: by dbt's results of it, else by the lineage."""
    try:
        results = document(target / "run_results.json")
        if results["metadata"]["invocation_id"] == invocation:
            return float(results["elapsed_time"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # the lineage remembers, where there is one
    return _between(package, "dbt.build.")


def _render(package: Package) -> Step:
    file = package.feed
    return Step(
        "Render",
        f"{file['format'].upper()} + JSON",
        file["rows"],
        "rows in the file",
        (file["path"], f"{file['bytes']:,} bytes"),
        None,
    )


def _gates(package: Package) -> Step:
    checks = package.gates["checks"]
    failed = _failed(package)
    facts = tuple(f"closed: {each['id']}" for each in failed[:3])
    if len(failed) > 3:
        facts += (f"and {len(failed) - 3} more",)
    return Step(
        "Gates",
        "dbt, guards, suite",
        sum(each["verdict"] == "pass" for each in checks),
        f"of {len(checks):,} gates open",
        facts or ("every gate is open",),
        None,
        "bad" if failed and package.fate != "delivered" else "good",
    )


def _deliver(package: Package) -> Step:
    begun = [each for each in package.records if each["event"] == "intent"]
    ended = [each for each in package.records if each["event"] == "delivered"]
    receipt = package.receipt or {}
    seconds = None
    if begun and ended:
        length = moment(ended[-1]["at"]) - moment(begun[-1]["at"])
        seconds = length.total_seconds()
    server = str(receipt.get("server", ""))
    facts = [server] if server else []
    if ended:
        facts.append(f"sent at {ended[-1]['at']}")
    state = {"delivered": "good", "not sent": "open"}.get(package.fate, "bad")
    destination = (begun or [{}])[-1].get("destination")
    return Step(
        "Deliver",
        destination or "not sent",
        receipt.get("bytes"),
        "bytes" if receipt else package.fate,
        tuple(facts) or (_UNSENT[package.fate],),
        seconds,
        state,
    )


_UNSENT = {
    "held": "nothing was uploaded; the partner keeps the last good file",
    "failed": "the server did not take it; publish tries again",
    "unknown": "nobody knows whether it arrived: publish settle",
    "unsettled": "begun and not ended: the next publish settles it",
    "not sent": "the ledger has no delivery of it",
    "delivered": "delivered; the receipt is not in the package",
}


def _failed(package: Package, gate: str | None = None) -> list[Mapping[str, Any]]:
    return [
        each
        for each in package.gates["checks"]
        if each["verdict"] == "fail" and gate in (None, each["gate"])
    ]


def _between(package: Package, job: str) -> float | None:
    """Return the seconds from a job's start to its end, by the lineage's events."""
    at = {
        event["eventType"]: moment(event["eventTime"])
        for event in package.events
        if event["job"]["name"].startswith(job)
    }
    if {"START", "COMPLETE"} <= at.keys():
        return (at["COMPLETE"] - at["START"]).total_seconds()
    return None


def shown(seconds: float | None) -> str:
    """Write a length of time for a person."""
    if seconds is None:
        return "seconds not kept"
    if not seconds:
        return "less than a second"
    if seconds < 120:
        return f"{seconds:,.1f} s" if seconds % 1 else f"{seconds:,.0f} s"
    return f"{int(seconds) // 60:,} min {int(seconds) % 60} s"
