"""The five steps of a run, each with a count and its seconds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runtime.environment import DataDirectory
from runtime.files import parse_time, read_json
from store.package import Package


@dataclass(frozen=True, slots=True)
class Durations:
    """Seconds of each step; None if they are not recorded."""

    extract: float | None
    build: float | None
    render: float | None
    judge: float | None
    package: float | None
    deliver: float | None


def durations(package: Package, place: DataDirectory) -> Durations:
    """Return the seconds of the steps of a package.

    Args:
        package: the package.
        place: the data directory, for the reports of the extracts.
    """
    # The last record: a file that was held and then approved was made twice.
    seconds: Mapping[str, float] = {}
    for record in package.records:
        seconds = record.get("seconds", seconds)
    return Durations(
        _extracted(package, place),
        _built(package),
        seconds.get("render"),
        seconds.get("judge"),
        seconds.get("package"),
        _delivered(package),
    )


def _extracted(package: Package, place: DataDirectory) -> float | None:
    """Return the seconds of all extracts; None if those of one are not known."""
    if "extracts" in package.run:
        took = [extract["seconds"] for extract in package.run["extracts"]]
    else:  # packages of earlier versions
        inputs = package.run.get("inputs", ())
        runs = {(each["source"], each["run_id"]) for each in inputs}
        took = [
            _report_seconds(place, source, run_id) for source, run_id in sorted(runs)
        ]
    return sum(took) if took and None not in took else None


def _report_seconds(place: DataDirectory, source: str, run_id: str) -> float | None:
    path = place.landing / run_id / source / "extract.json"
    try:
        return float(read_json(path)["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _built(package: Package) -> float | None:
    """Return the seconds of dbt's command; None if its times are not kept."""
    dbt = package.run.get("dbt", {})
    if not dbt.get("started_at") or not dbt.get("built_at"):
        return None
    took = parse_time(dbt["built_at"]) - parse_time(dbt["started_at"])
    return took.total_seconds()


def _delivered(package: Package) -> float | None:
    """Return the seconds of the delivery; None if a later run settled it."""
    ended = [each for each in package.records if each["event"] == "delivered"]
    if not ended:
        return None
    delivered = ended[-1]
    if "seconds" in delivered:
        seconds: float | None = delivered["seconds"].get("deliver")
        return seconds
    # Records of earlier versions have only the times, in whole seconds.
    begun = [
        each
        for each in package.records
        if each["event"] == "intent" and each.get("attempt") == delivered.get("attempt")
    ]
    if not begun or (delivered.get("receipt") or {}).get("settled"):
        return None
    return (parse_time(delivered["at"]) - parse_time(begun[-1]["at"])).total_seconds()


def seconds_text(seconds: float | None) -> str:
    """Return a length of time for a person."""
    if seconds is None:
        return "seconds not recorded"
    if seconds < 0.1:
        return "less than 0.1 s"
    if seconds < 120:
        return f"{seconds:,.1f} s"
    return f"{int(seconds) // 60:,} min {int(seconds) % 60} s"


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        name: of the step.
        tool: the program, source or destination.
        count: its main number.
        unit: of the count.
        facts: more facts, one line each.
        seconds: its duration; None if it is not recorded.
        state: good, bad or open.
        happened: whether the step was made.
    """

    name: str
    tool: str
    count: int | None
    unit: str
    facts: tuple[str, ...]
    seconds: float | None
    state: str = "good"
    happened: bool = True


def steps(package: Package, place: DataDirectory) -> list[Step]:
    """Return the five steps of a package.

    Args:
        package: the package.
        place: the data directory, for the reports of the extracts.
    """
    took = durations(package, place)
    return [
        _extract(package, took),
        _build(package, took),
        _render(package, took),
        _gates(package, took),
        _deliver(package, took),
    ]


def _extract(package: Package, took: Durations) -> Step:
    sources: dict[tuple[str, str], dict[str, int | None]] = {}
    for each in package.run.get("inputs", ()):
        lists = sources.setdefault((each["source"], each["run_id"]), {})
        lists[each["entity"]] = each["rows"]
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
        took.extract,
    )


def _counted(name: str, rows: int | None) -> str:
    return name if rows is None else f"{rows:,} {name}"


def _build(package: Package, took: Durations) -> Step:
    dbt: Mapping[str, Any] = package.run.get("dbt", {})
    checks = {each["id"]: each for each in package.gates["checks"]}
    columns = len(package.resource["schema"]["fields"])
    return Step(
        "Build",
        f"dbt {dbt.get('version', '')}".strip(),
        columns,
        "columns",
        (
            *_nodes(checks.get("DBT_NODES", {})),
            f"built at {_clock(dbt.get('built_at', 'an unknown time'))}",
        ),
        took.build,
        "bad" if _failed(package, "dbt") else "good",
    )


def _nodes(check: Mapping[str, Any]) -> Iterator[str]:
    built, all_nodes = check.get("observed"), check.get("limit")
    if isinstance(built, int) and isinstance(all_nodes, int):
        some = f"{built:,}" if built == all_nodes else f"{built:,} of {all_nodes:,}"
        yield f"{some} nodes built and tested"


def _render(package: Package, took: Durations) -> Step:
    file = package.resource
    packing = (
        "" if took.package is None else f"its package: {seconds_text(took.package)}"
    )
    characters = file.get("characters")  # an older package has no number
    counted = () if characters is None else (f"{characters:,} characters of text",)
    return Step(
        "Render",
        f"{file['format'].upper()} + JSON",
        file["rows"],
        "rows in the file",
        (
            file["path"],
            f"{file['bytes']:,} bytes",
            *counted,
            *([packing] if packing else ()),
        ),
        took.render,
    )


def _gates(package: Package, took: Durations) -> Step:
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
        took.judge,
        "bad" if failed and package.outcome != "delivered" else "good",
    )


def _deliver(package: Package, took: Durations) -> Step:
    begun = [each for each in package.records if each["event"] == "intent"]
    ended = [each for each in package.records if each["event"] == "delivered"]
    receipt = package.receipt or {}
    server = str(receipt.get("server", ""))
    facts = [{"file": "a folder"}.get(server, server)] if server else []
    if ended:
        facts.append(f"sent at {_clock(ended[-1]['at'])}")
    state = {"delivered": "good", "not sent": "open"}.get(package.outcome, "bad")
    destination = (begun or [{}])[-1].get("destination")
    return Step(
        "Deliver",
        destination or package.outcome,
        receipt.get("bytes"),
        "bytes",
        tuple(facts) or (_UNSENT[package.outcome],),
        took.deliver,
        state,
        bool(ended),
    )


def _clock(at: str) -> str:
    """Return an ISO time in UTC to the second; other texts as they are."""
    return f"{at[:19].replace('T', ' ')} UTC" if at[:1].isdigit() else at


_UNSENT = {
    "held": "nothing was uploaded; the partner keeps the last good file",
    "failed": "the delivery failed; publish tries again",
    "unknown": "it is not known whether it arrived: publish settle",
    "unsettled": "interrupted: the next publish settles it",
    "not sent": "the ledger has no delivery of it",
    "delivered": "delivered; the receipt is not in the package",
}


def _failed(package: Package, gate: str | None = None) -> list[Mapping[str, Any]]:
    return [
        each
        for each in package.gates["checks"]
        if each["verdict"] == "fail" and gate in (None, each["gate"])
    ]
