"""The report of `monitor health`: all checks, their findings, the exit code."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from monitor.context import CLOCK, Context
from monitor.findings import CheckResult, Finding
from monitor.health import (
    builds,
    certificates,
    confirmations,
    destinations,
    feeds,
    machine,
    pickups,
    seed_entries,
    sources,
)
from runtime.duck import any_error
from runtime.exits import Stop

_ORDER = ("act", "unsure", "warn", "note")
_STATUS = {0: "well", 1: "somebody must act", 75: "could not tell"}
_SIGNS = {"act": "ACT ", "unsure": "?   ", "warn": "warn", "note": "-   "}
_FAILED = " cannot be checked: "
Check = Callable[[Context], CheckResult]


class Report(msgspec.Struct, frozen=True):
    """Facts and findings at a time (UTC)."""

    at: str
    facts: dict[str, Any]
    findings: tuple[Finding, ...]

    @property
    def unchecked(self) -> frozenset[str]:
        """The areas in which a check failed: they may have more problems."""
        return frozenset(f.unchecked for f in self.findings if f.unchecked)

    def acknowledgement(self, finding: Finding) -> Mapping[str, Any] | None:
        """Return who acknowledged a problem: by, because, at, until; None if nobody."""
        acknowledged: Mapping[str, Any] = self.facts.get("acknowledged", {})
        return acknowledged.get(finding.key)

    @property
    def exit_code(self) -> int:
        """0 well, 1 somebody must act, 75 could not tell.

        An acknowledged problem counts until it ends.
        """
        worst = {finding.kind.severity for finding in self.findings}
        return 1 if "act" in worst else 75 if "unsure" in worst else 0

    @property
    def verdict(self) -> str:
        """The exit code in words."""
        return _STATUS[self.exit_code]

    def to_json(self) -> dict[str, Any]:
        """Return the report for `monitor health --json`."""
        return {
            "status": self.verdict,
            "exit_code": self.exit_code,
            "at": self.at,
            "findings": [
                {**finding.to_json(), "acknowledged": self.acknowledgement(finding)}
                for finding in self.findings
            ],
            **self.facts,
        }

    def to_text(self) -> str:
        """Return the report for a person."""
        lines = [f"{self.verdict}{self._acknowledged_by()}, {self.at}"]
        reasons: set[str] = set()
        for finding in self.findings:
            _, failed, reason = finding.message.partition(_FAILED)
            if failed and reason in reasons:
                lines.append(
                    f"  ?    {finding.id} {finding.about}: for the same reason"
                )
                continue
            reasons.add(reason)
            sign = _SIGNS[finding.kind.severity]
            since = f" (since {finding.since})" if finding.since else ""
            lines.append(
                f"  {sign} {finding.id} {finding.about}: {finding.message}{since}"
            )
            lines += [f"         such as {each}" for each in finding.examples]
            if ack := self.acknowledgement(finding):
                until = ack.get("until") or "it ends"
                lines.append(
                    f"         acknowledged by {ack['by']} at {ack['at']} until "
                    f"{until}: {ack['because']}"
                )
            if finding.kind.severity != "note":
                lines.append(f"         -> {finding.remedy}")
        return "\n".join([*lines, *_facts(self.facts)])

    def _acknowledged_by(self) -> str:
        """Return who acts, if every urgent problem is acknowledged."""
        urgent = [f for f in self.findings if f.kind.severity in ("act", "unsure")]
        acks = [ack for f in urgent if (ack := self.acknowledgement(f))]
        if not urgent or len(acks) < len(urgent):
            return ""
        return f" (acknowledged by {', '.join(sorted({ack['by'] for ack in acks}))})"


def run_checks(
    context: Context, more: tuple[tuple[str, str, Check], ...] = ()
) -> Report:
    """Run every check. A check that fails is a finding, and the others still run.

    Args:
        context: the files and settings.
        more: further checks: area, name, function.
    """
    checks: tuple[tuple[str, str, Check], ...] = (
        ("machine", "disk and lock", machine.check),
        ("machine", "ledger", machine.check_ledger),
        ("build", "dbt's artifacts", builds.check),
        ("source", "sources", sources.check),
        ("build", "seeds", seed_entries.check),
        ("feed", "feeds", feeds.check),
        ("feed", "confirmations", confirmations.check),
        ("destination", "destinations", destinations.check),
        ("destination", "pick-ups", pickups.check),
        ("destination", "certificates", certificates.check),
        *more,
    )
    facts: dict[str, Any] = {}
    findings: list[Finding] = []
    for area, name, check in checks:
        try:
            result = check(context)
        except (OSError, LookupError, ValueError, TypeError, Stop, any_error()) as why:
            # Our own messages are sentences; those of libraries need their class.
            kind = "" if isinstance(why, Stop) else f"{type(why).__name__}: "
            message = f"{name}{_FAILED}{kind}{why}"
            finding = Finding("CANNOT_TELL", name, message, unchecked=area)
            result = CheckResult(findings=(finding,))
        facts |= result.facts
        findings += result.findings
    findings.sort(key=lambda f: (_ORDER.index(f.kind.severity), f.id, f.about))
    return Report(f"{context.at:{CLOCK}}", facts, tuple(findings))


def _facts(facts: dict[str, Any]) -> list[str]:
    """Return the facts for a person, one line each."""
    lines = []
    for name, source in facts.get("sources", {}).items():
        if source["run_id"]:
            rows = sum(each["landed"] for each in source["entities"].values())
            lines.append(
                f"source {name}: run {source['run_id']}, {rows:,} records, "
                f"{source['age_hours']} h old, at most {source['allowed_hours']} h"
            )
    if built := facts.get("build"):
        lines.append(f"build: {built['built_at']}, {built['nodes']} nodes")
    for name, seed in facts.get("seeds", {}).items():
        if seed["unmatched"]:
            lines.append(
                f"seed {name}: {seed['unmatched']} of {seed['entries']} entries match "
                f"no record, such as {', '.join(seed['examples'])}"
            )
    for name, feed in facts.get("feeds", {}).items():
        last = feed["last_delivered"]
        sent = (
            f"{last['name']} ({last['rows']:,} rows) at {last['at']}"
            if last
            else "nothing sent"
        )
        sent = "; ".join((sent, *feed["adopted"]))
        lines.append(f"feed {name}: {sent}; last due {feed['last_due']}")
    for name, destination in facts.get("destinations", {}).items():
        checks = [
            f"{folder} {check['verdict']} at {check['at']}"
            + (
                f", certificate {check['certificate_days_left']} days"
                if check["certificate_days_left"] is not None
                else ""
            )
            + (f", mode {check['mode']}" if check["mode"] else "")
            for folder, check in destination["checks"].items()
        ]
        lines.append(f"destination {name}: {'; '.join(checks) or 'not checked'}")
    if "disk_free_bytes" in facts:
        lock = (facts["lock"] or {}).get("command", "free")
        lines.append(f"disk: {facts['disk_free_bytes'] >> 20:,} MiB free; lock: {lock}")
    if ledger := facts.get("ledger"):
        whole = "intact" if ledger["intact"] else "BROKEN"
        lines.append(f"ledger: {ledger['records']:,} records, {whole}")
    return lines
