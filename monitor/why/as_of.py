"""A row as of an earlier run, by what its package and its landing have kept."""

from collections.abc import Sequence
from typing import Any

from monitor.why import audit_search, duplicates, history
from monitor.why.audit_search import Package
from monitor.why.explain import Asker
from monitor.why.search import Match
from runtime.exits import Misuse


def explain(
    asker: Asker, found: Sequence[Match], now: Sequence[dict[str, Any]], run: str
) -> list[dict[str, Any]]:
    """Tell of rows as of a run: their source record, decision, file and line.

    What each rule compared is not kept with a package, so the rules are those that
    fired, beside the thresholds that its manifest names.

    Args:
        asker: where everything lies.
        found: the rows.
        now: the same as of the last build.
        run: a package's or an extract's run id, or its beginning.

    Raises:
        Misuse: no run is called so.
    """
    if not found:
        return []
    every = audit_search.of(asker.place, found[0].subject, asker.feed)
    chosen = _called(every, run)
    if not chosen:
        known = ", ".join(dict.fromkeys(each.run_id for each in every[:5]))
        raise Misuse(
            f"--run: expected a run such as {known or '(no package yet)'}; "
            f"found {run!r}"
        )
    return [
        _as_of(asker, found, match, dict(told), _fitting(match, chosen))
        for match, told in zip(found, now, strict=True)
    ]


def _called(every: Sequence[Package], run: str) -> list[Package]:
    """Return the packages of a run; failing that, those made from such an extract."""
    made = [package for package in every if package.run_id.startswith(run)]
    return made or [
        package
        for package in every
        if any(str(name).startswith(run) for name in package.extract_runs.values())
    ]


def _fitting(match: Match, chosen: Sequence[Package]) -> Package:
    """Return the newest package of a run that is about this row, else the newest."""
    fitting = [package for package in chosen if history.decided(match, package)]
    sent = [package for package in fitting if history.out(match, package)]
    return [*sent, *fitting, *chosen][0]


def _as_of(
    asker: Asker,
    found: Sequence[Match],
    match: Match,
    told: dict[str, Any],
    package: Package,
) -> dict[str, Any]:
    row = history.decided(match, package)
    file = duplicates.packed(str(package.folder / "audit.csv"))
    shared = (
        duplicates.duplicates_of(asker.connection, file, match.subject, row)
        if row
        else {}
    )
    fired = (row.get("reason_codes") or "").split("|")
    known = {rule["code"]: rule for rule in told["rules"]}
    decision = {name: row.get(name) or None for name in history.DECISION}
    extract = package.extract_runs.get(match.subject.source) or "-"
    went = history.out(match, package)
    return told | {
        "as_of": package.run_id,
        "decision": decision | asker.meaning(match.subject, row.get("reason_code")),
        "source": asker.sources(found, extract)[found.index(match)],
        "values": {
            name: value
            for name, value in row.items()
            if value and not name.endswith("_raw") and name not in decision
        },
        "rules": [
            {
                **{name: value for name, value in rule.items() if name != "twins"},
                "fired": True,
                "decided": code == fired[0],
                "values": [],
                **({"twins": shared[code]} if code in shared else {}),
            }
            for code, rule in known.items()
            if code in fired
        ],
        "limits": package.manifest.get("run", {}).get("thresholds", {}),
        "files": [went] if went else [],
    }
