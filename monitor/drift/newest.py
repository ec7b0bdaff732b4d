"""Drift as findings: one per file and kind, with the columns that are off."""

from collections.abc import Sequence

from monitor.context import Context
from monitor.drift import store
from monitor.drift.compare import Drift, compare
from monitor.drift.limits import Tolerance
from monitor.findings import CheckResult, Finding, listed
from store.outbox import packages


def check(evidence: Context) -> CheckResult:
    """Compare the newest file of each kind with the earlier ones, by its profile."""
    told = newest(evidence)
    findings = [
        finding
        for file, (_, drifts) in told.items()
        for finding in findings_of(file, drifts)
    ]
    last = {
        package.file: package
        for package in packages(evidence.place.outbox, evidence.history)
        if package.last_outcome
    }
    profiles = store.folder(evidence.place)
    findings += [
        Finding("DRIFT_NOT_PROFILED", file, f"{package.run_id} was not compared yet")
        for file, package in last.items()
        if not store.path_of(profiles, package.file, package.run_id).exists()
    ]
    facts = {
        file: {
            "run_id": run_id,
            "compared": len(drifts),
            "off": [drift.says for drift in drifts if drift.told],
        }
        for file, (run_id, drifts) in told.items()
    }
    return CheckResult({"drift": facts}, tuple(findings))


def newest(evidence: Context) -> dict[str, tuple[str, list[Drift]]]:
    """Return the newest run of every file, and how it compares."""
    told = {}
    allowed = {
        feed.name: Tolerance.of(feed.drift, feed.state == feed.model)
        for feed in evidence.feeds
    }
    most = max((each.long for each in allowed.values()), default=Tolerance().long) * 2
    for file, runs in store.runs(evidence.place, evidence.history, most).items():
        feed = file.partition(".")[0]
        if feed not in allowed:
            continue  # it is not made any more
        now = runs[-1].profile
        before = [run.profile for run in runs[:-1] if run.delivered]
        told[file] = (now["run_id"], compare(now, before, allowed[feed]))
    return told


def findings_of(file: str, drifts: Sequence[Drift]) -> list[Finding]:
    """Return a finding for each kind of drift that is told."""
    kinds: dict[str, list[Drift]] = {}
    for drift in drifts:
        if drift.told:
            kinds.setdefault(drift.id, []).append(drift)
    return [
        Finding(id_, file, f"{file}: {listed([drift.says for drift in some])}")
        for id_, some in sorted(kinds.items())
    ]
