"""The check of drift: one finding for each file and kind of figure."""

from collections.abc import Sequence

from monitor.context import Context
from monitor.drift import store
from monitor.drift.compare import Drift, compare
from monitor.drift.limits import Tolerance
from monitor.findings import CheckResult, Finding, listed


def check(context: Context) -> CheckResult:
    """Compare the newest file of each feed with the earlier ones, by their profiles."""
    files = compare_newest(context)
    findings = [
        finding
        for file, (_, drifts) in files.items()
        for finding in _findings(file, drifts)
    ]
    newest = {
        package.file: package for package in context.packages if package.last_outcome
    }
    profiles = store.folder(context.place)
    findings += [
        Finding("DRIFT_NOT_PROFILED", file, f"{package.run_id} is not compared yet")
        for file, package in newest.items()
        if not store.path_of(profiles, package.file, package.run_id).exists()
    ]
    facts = {
        file: {
            "run_id": run_id,
            "compared": len(drifts),
            "off": [drift.message for drift in drifts if drift.unusual],
        }
        for file, (run_id, drifts) in files.items()
    }
    return CheckResult({"drift": facts}, tuple(findings))


def compare_newest(context: Context) -> dict[str, tuple[str, list[Drift]]]:
    """Return for each file the newest run id, and its compared figures."""
    allowed = {
        feed.name: Tolerance.from_declaration(feed.drift, feed.is_whole)
        for feed in context.feeds
    }
    # Some runs may be held: read more profiles than one window.
    most = 4 * max((each.window for each in allowed.values()), default=0)
    result = {}
    runs = store.runs(context.place, context.intact_ledger, most)
    for file, profiles in runs.items():
        feed = file.partition(".")[0]
        if feed not in allowed:
            continue  # the project does not make this file any more
        now = profiles[-1].profile
        before = [run.profile for run in profiles[:-1] if run.delivered]
        result[file] = (now["run_id"], compare(now, before, allowed[feed]))
    return result


def _findings(file: str, drifts: Sequence[Drift]) -> list[Finding]:
    """Return a finding for each kind of unusual figure."""
    kinds: dict[str, list[str]] = {}
    for drift in drifts:
        if drift.unusual:
            kinds.setdefault(drift.id, []).append(drift.message)
    return [
        Finding(id_, file, f"{file}: {listed(messages)}")
        for id_, messages in sorted(kinds.items())
    ]
