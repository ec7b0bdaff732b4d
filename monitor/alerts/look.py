"""What `monitor health` says of alerts: who took what over, and which channel fails."""

from pathlib import Path
from typing import Any

from monitor.alerts.state import State, taken
from monitor.health.evidence import Evidence
from monitor.health.finding import Finding, Seen

STATE = Path("alerts") / "state.json"


def look(evidence: Evidence) -> Seen:
    """Look at the state of alerts."""
    state = State.read(evidence.place.data / STATE)
    findings = tuple(
        Finding("ALERT_FAILED", name, told["why"], told["since"])
        for name, told in sorted(state.failing.items())
    )
    acknowledged: dict[str, Any] = {
        key: by
        for key, problem in sorted(state.problems.items())
        if not problem.get("ended") and (by := taken(problem, evidence.at))
    }
    return Seen({"acknowledged": acknowledged}, findings)
