"""How long each step of a file took, from wherever that was measured.

A package reads no clock, so that the same input gives the same bytes. Extracting is
timed by its report, building by dbt, whose times the lineage repeats, and the rest by
`publish`, in the ledger. What was measured nowhere is None; nothing is made up.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.documents import document, moment
from monitor.report.evidence import Package
from runtime.environment import Place


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of each step; None where they were not kept."""

    extract: float | None
    build: float | None
    render: float | None
    judge: float | None
    package: float | None
    deliver: float | None


def of(package: Package, place: Place) -> Took:
    """Return how long the steps of a package took.

    Args:
        package: the package.
        place: where the extracts' reports are.
    """
    # The newest word: a file that was held and then released was made twice.
    told: Mapping[str, float] = {}
    for record in package.records:
        told = record.get("seconds", told)
    return Took(
        _extracted(package, place),
        _between(package, "dbt.build."),
        told.get("render"),
        told.get("judge"),
        told.get("package"),
        _delivered(package),
    )


def _extracted(package: Package, place: Place) -> float | None:
    """Return the seconds of all extracts; None if those of one are not known."""
    runs = {(each["source"], each["run_id"]) for each in package.run.get("inputs", ())}
    took = [_one(package, place, source, run_id) for source, run_id in sorted(runs)]
    known = [seconds for seconds in took if seconds is not None]
    return sum(known) if known and len(known) == len(took) else None


def _one(package: Package, place: Place, source: str, run_id: str) -> float | None:
    path = place.landing / run_id / source / "extract.json"
    try:
        return float(document(path)["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return _between(package, f"extract.{source}")


def _delivered(package: Package) -> float | None:
    """Return the seconds of the try that delivered; None if a later run settled it."""
    ended = [each for each in package.records if each["event"] == "delivered"]
    if not ended:
        return None
    told = ended[-1]
    if "seconds" in told:
        seconds: float | None = told["seconds"].get("deliver")
        return seconds
    # Ledgers of before have times only, which are of whole seconds.
    begun = [
        each
        for each in package.records
        if each["event"] == "intent" and each.get("attempt") == told.get("attempt")
    ]
    if not begun or (told.get("receipt") or {}).get("settled"):
        return None
    return (moment(told["at"]) - moment(begun[-1]["at"])).total_seconds()


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
    if seconds < 0.1:
        return "less than 0.1 s"
    if seconds < 120:
        return f"{seconds:,.1f} s"
    return f"{int(seconds) // 60:,} min {int(seconds) % 60} s"
