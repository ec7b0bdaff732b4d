"""All looks together: what is well, what is not, and the exit code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from monitor.context import CLOCK, Context
from monitor.findings import CheckResult, Finding
from monitor.health import builds, destinations, feeds, machine, sources
from runtime.exits import Stop

_ORDER = ("act", "unsure", "warn", "note")
_STATUS = {0: "well", 1: "somebody must act", 75: "could not tell"}
_SIGNS = {"act": "ACT ", "unsure": "?   ", "warn": "warn", "note": "-   "}
_UNSEEN = " cannot be seen: "
Look = Callable[[Context], CheckResult]


@dataclass(frozen=True, slots=True)
class Report:
    """What was seen; `blind` are the areas that could not be looked at whole."""

    at: str
    facts: dict[str, Any]
    findings: tuple[Finding, ...]

    @property
    def blind(self) -> frozenset[str]:
        """Areas in which a problem may be hidden."""
        return frozenset(finding.blind for finding in self.findings if finding.blind)

    def taken(self, finding: Finding) -> Mapping[str, Any] | None:
        """Who has taken a problem over: by, because, at, until; None if nobody has."""
        found: Mapping[str, Any] | None = self.facts.get("acknowledged", {}).get(
            finding.key
        )
        return found

    @property
    def exit_code(self) -> int:
        """0 well, 1 somebody must act, 75 could not tell.

        A problem that somebody has taken over is a problem until it is over.
        """
        worst = {finding.kind.severity for finding in self.findings}
        return 1 if "act" in worst else 75 if "unsure" in worst else 0

    def told(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "status": _STATUS[self.exit_code],
            "exit_code": self.exit_code,
            "at": self.at,
            "findings": [
                {**finding.told(), "acknowledged": self.taken(finding)}
                for finding in self.findings
            ],
            **self.facts,
        }

    def words(self) -> str:
        """Return it for a person."""
        lines = [f"{_STATUS[self.exit_code]}{self._who()}, {self.at}"]
        reasons: set[str] = set()
        for finding in self.findings:
            _, unseen, reason = finding.says.partition(_UNSEEN)
            if unseen and reason in reasons:
                lines.append(
                    f"  ?    {finding.id} {finding.about}: for the same reason"
                )
                continue
            reasons.add(reason)
            sign = _SIGNS[finding.kind.severity]
            since = f" (since {finding.since})" if finding.since else ""
            lines.append(
                f"  {sign} {finding.id} {finding.about}: {finding.says}{since}"
            )
            lines += [f"         such as {each}" for each in finding.examples]
            if taken := self.taken(finding):
                until = taken.get("until") or "it is over"
                lines.append(
                    f"         taken over by {taken['by']} at {taken['at']} until "
                    f"{until}: {taken['because']}"
                )
            if finding.kind.severity != "note":
                lines.append(f"         -> {finding.do}")
        return "\n".join([*lines, *_well(self.facts)])

    def _who(self) -> str:
        """Say that somebody acts already, if all that is urgent was taken over."""
        urgent = [f for f in self.findings if f.kind.severity in ("act", "unsure")]
        by = {taken["by"] for f in urgent if (taken := self.taken(f))}
        if not urgent or not all(map(self.taken, urgent)):
            return ""
        return f" (taken over by {', '.join(sorted(by))})"


def ask(evidence: Context, more: tuple[tuple[str, str, Look], ...] = ()) -> Report:
    """Look at everything; what cannot be read is a finding, not an end.

    Args:
        evidence: where everything lies.
        more: further looks: area, name, function.
    """
    looks: tuple[tuple[str, str, Look], ...] = (
        ("machine", "disk and lock", machine.check),
        ("machine", "ledger", machine.look_at_ledger),
        ("build", "dbt's artifacts", builds.check),
        ("source", "sources", sources.check),
        ("feed", "feeds", feeds.check),
        ("destination", "destinations", destinations.check),
        *more,
    )
    facts: dict[str, Any] = {}
    findings: list[Finding] = []
    for area, name, look in looks:
        try:
            seen = look(evidence)
        except (OSError, LookupError, ValueError, TypeError, Stop, duckdb.Error) as why:
            # Our own words are a sentence; those of others need their kind.
            kind = "" if isinstance(why, Stop) else f"{type(why).__name__}: "
            says = f"{name}{_UNSEEN}{kind}{why}"
            seen = CheckResult(
                findings=(Finding("CANNOT_TELL", name, says, blind=area),)
            )
        facts |= seen.facts
        findings += seen.findings
    findings.sort(key=lambda f: (_ORDER.index(f.kind.severity), f.id, f.about))
    return Report(f"{evidence.at:{CLOCK}}", facts, tuple(findings))


def _well(facts: dict[str, Any]) -> list[str]:
    """Write what was seen, a line each."""
    lines = []
    for name, told in facts.get("sources", {}).items():
        if told["run_id"]:
            rows = sum(each["landed"] for each in told["entities"].values())
            lines.append(
                f"source {name}: run {told['run_id']}, {rows:,} records, "
                f"{told['age_hours']} h old of {told['allowed_hours']} h"
            )
    if built := facts.get("build"):
        lines.append(f"build: {built['built_at']}, {built['nodes']} nodes")
    for name, told in facts.get("feeds", {}).items():
        last = told["last_delivered"]
        sent = (
            f"{last['name']} ({last['rows']:,} rows) at {last['at']}"
            if last
            else "nothing sent"
        )
        lines.append(f"feed {name}: {sent}; last due {told['last_due']}")
    for name, told in facts.get("destinations", {}).items():
        seen = [
            f"{folder} {check['verdict']} at {check['at']}"
            + (
                f", certificate {check['certificate_days_left']} days"
                if check["certificate_days_left"] is not None
                else ""
            )
            + (f", mode {check['mode']}" if check["mode"] else "")
            for folder, check in told["checks"].items()
        ]
        lines.append(f"destination {name}: {'; '.join(seen) or 'not checked'}")
    if "disk_free_bytes" in facts:
        lock = (facts["lock"] or {}).get("command", "free")
        lines.append(f"disk: {facts['disk_free_bytes'] >> 20:,} MiB free; lock: {lock}")
    if ledger := facts.get("ledger"):
        whole = "intact" if ledger["intact"] else "BROKEN"
        lines.append(f"ledger: {ledger['records']:,} records, {whole}")
    return lines
