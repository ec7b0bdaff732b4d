"""The open problems, and what each channel knows of them: `alerts/state.json`.

A problem is open from the first check that reports it. It ends at the first complete
check of its area that does not report it. Each channel gets the events that it has not
accepted yet. So a channel that failed gets them from the next run. After a crash an
event may be sent twice, and none is lost.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from monitor.catalogue import CATALOGUE
from monitor.context import CLOCK, Context
from monitor.findings import CheckResult, Finding
from runtime import formats
from runtime.exits import Refused
from runtime.files import DamagedError, parse_time, write_json

STATE = Path("alerts") / "state.json"
START, REMINDER, CLEAR = "start", "reminder", "all-clear"


class Event(msgspec.Struct, frozen=True):
    """The start, a reminder or the end of a problem, for one channel."""

    kind: str
    key: str
    problem: Mapping[str, Any]


def acknowledgement(
    problem: Mapping[str, Any], at: datetime
) -> Mapping[str, Any] | None:
    """Return who has acknowledged a problem at a time; None if nobody has."""
    ack: Mapping[str, Any] | None = problem.get("acknowledged")
    if ack and (until := ack.get("until")) and at >= parse_time(until):
        return None
    return ack


@dataclass
class State:
    """Problems by key, what each channel knows, and which channels fail.

    Attributes:
        path: of the file.
        problems: key -> the finding, `first` and `last` time of it, `ended`, and
            `acknowledged` (by, because, at, until).
        sent: channel -> key -> time of the last event that the channel accepted.
        failing: channel -> since, why.
    """

    path: Path
    problems: dict[str, dict[str, Any]] = field(default_factory=dict)
    sent: dict[str, dict[str, str]] = field(default_factory=dict)
    failing: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "State":
        """Read the state; without a file it is empty.

        Raises:
            Refused: the file is damaged, or a newer version wrote it.
        """
        if not path.exists():
            return cls(path)
        try:
            state = formats.read("alerts", path)
        except DamagedError as error:
            raise Refused(
                f"{error}. Remove it: open problems are then sent once more."
            ) from None
        return cls(path, state["problems"], state["told"], state["failing"])

    def write(self) -> None:
        """Write the file."""
        state = {
            "format": formats.VERSIONS["alerts"],
            "problems": self.problems,
            "told": self.sent,
            "failing": self.failing,
        }
        write_json(self.path, state)

    @property
    def open_keys(self) -> list[str]:
        """The keys of all open problems."""
        return sorted(k for k, each in self.problems.items() if not each.get("ended"))

    def update(
        self, findings: Iterable[Finding], unchecked: frozenset[str], at: datetime
    ) -> None:
        """Open and end problems by the findings of a check.

        Args:
            findings: those that raise alerts.
            unchecked: areas that could not be checked: no problem of them ends.
            at: time of the check.
        """
        now = f"{at:{CLOCK}}"
        current = {finding.key: finding for finding in findings}
        for key, finding in current.items():
            before = self.problems.get(key, {})
            if before.get("ended"):
                # No channel waits for its end any more, or it gets only a start.
                before = {}
            self.problems[key] = {
                **before,
                **finding.to_json(),
                "first": before.get("first", now),
                "last": now,
            }
        for key, problem in self.problems.items():
            kind = CATALOGUE.get(problem["id"])
            if key not in current and not (kind and kind.area in unchecked):
                problem.setdefault("ended", now)

    def events(self, channel: str, at: datetime, remind: timedelta) -> list[Event]:
        """Return what a channel must get now."""
        sent = self.sent.get(channel, {})
        events = []
        for key, problem in sorted(self.problems.items()):
            if key == f"ALERT_FAILED:{channel}":
                continue  # the other channels report that this one failed
            last = sent.get(key)
            if problem.get("ended"):
                if last:
                    events.append(Event(CLEAR, key, problem))
            elif acknowledgement(problem, at):
                continue
            elif last is None:
                events.append(Event(START, key, problem))
            elif at - parse_time(last) >= remind:
                events.append(Event(REMINDER, key, problem))
        return events

    def accepted(self, channel: str, events: Iterable[Event], at: datetime) -> None:
        """Record that a channel accepted these events; no event is no failure either.

        Args:
            channel: its name.
            events: what it accepted.
            at: time of the check.
        """
        sent = self.sent.setdefault(channel, {})
        for event in events:
            if event.kind == CLEAR:
                sent.pop(event.key, None)
            else:
                sent[event.key] = f"{at:{CLOCK}}"
        self.failing.pop(channel, None)

    def failed(self, channel: str, why: str, at: datetime) -> None:
        """Record that a channel did not accept its events."""
        since = self.failing.get(channel, {}).get("since", f"{at:{CLOCK}}")
        self.failing[channel] = {"since": since, "why": why}

    def clean_up(self, channels: Iterable[str]) -> None:
        """Remove channels that are not configured, and ended problems that all know."""
        names = set(channels)
        self.sent = {name: keys for name, keys in self.sent.items() if name in names}
        self.failing = {n: why for n, why in self.failing.items() if n in names}
        waiting = {key for keys in self.sent.values() for key in keys}
        self.problems = {
            key: problem
            for key, problem in self.problems.items()
            if not problem.get("ended") or key in waiting
        }

    def acknowledge(
        self,
        name: str,
        by: str,
        because: str,
        at: datetime,
        until: datetime | None = None,
    ) -> str:
        """Acknowledge a problem: no reminders until it ends. Return its key.

        Args:
            name: its key, or its id if only one problem has that id.
            by: the person.
            because: the reason, or what the person does about it.
            at: time of the acknowledgement.
            until: time from which reminders are sent again.

        Raises:
            Refused: no open problem has this name, or more than one has.
        """
        keys = [key for key in self.open_keys if key == name] or [
            key for key in self.open_keys if key.partition(":")[0] == name
        ]
        if len(keys) != 1:
            listed = ", ".join(keys or self.open_keys)
            listed = listed or "none that `monitor alert` has sent"
            raise Refused(
                f"expected the name of one open problem, found {name!r}; open are: "
                f"{listed}."
            )
        self.problems[keys[0]]["acknowledged"] = {
            "by": by,
            "because": because,
            "at": f"{at:{CLOCK}}",
            "until": f"{until:{CLOCK}}" if until else None,
        }
        return keys[0]


def check(context: Context) -> CheckResult:
    """Report failing channels, and who acknowledged which problem."""
    state = State.read(context.place.data / STATE)
    findings = tuple(
        Finding("ALERT_FAILED", name, failure["why"], failure["since"])
        for name, failure in sorted(state.failing.items())
    )
    acknowledged: dict[str, Any] = {
        key: ack
        for key in state.open_keys
        if (ack := acknowledgement(state.problems[key], context.at))
    }
    return CheckResult({"acknowledged": acknowledged}, findings)
