"""What is open, and what each channel was told of it: `alerts/state.json`.

A problem is open from the first look that finds it until a look that could have found
it does not. A channel is told of what it was not told yet, so that one that fails is
tried again by the next run, and a crash repeats a word rather than lose one.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from monitor.catalogue import CATALOGUE
from monitor.context import CLOCK, Context
from monitor.findings import CheckResult, Finding
from runtime.exits import Refused
from runtime.files import parse_time, write_json

START, REMINDER, CLEAR = "start", "reminder", "all-clear"


@dataclass(frozen=True, slots=True)
class Word:
    """One thing to tell a channel."""

    kind: str
    key: str
    problem: Mapping[str, Any]


def taken(problem: Mapping[str, Any], at: datetime) -> Mapping[str, Any] | None:
    """Return who has taken a problem over at a moment; None if nobody has."""
    told: Mapping[str, Any] | None = problem.get("acknowledged")
    if told and (until := told.get("until")) and at >= parse_time(until):
        return None
    return told


@dataclass
class State:
    """Problems by key, what each channel was told, and which channels fail.

    Attributes:
        problems: key -> the finding as told, `first` and `last` seen, `ended`,
            `acknowledged` (by, because, at, and until, which may be None).
        told: channel -> key -> when it was last told of it.
        failing: channel -> since, why.
    """

    path: Path
    problems: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: dict[str, dict[str, str]] = field(default_factory=dict)
    failing: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "State":
        """Read the state; none is an empty one.

        Raises:
            Refused: it is damaged.
        """
        if not path.exists():
            return cls(path)
        try:
            kept = json.loads(path.read_bytes())
            return cls(path, kept["problems"], kept["told"], kept["failing"])
        except (ValueError, KeyError, TypeError) as why:
            raise Refused(
                f"{path} is not what `monitor alert` wrote: {why!r}. Remove it: open "
                "problems are then told once more."
            ) from None

    def keep(self) -> None:
        """Write it, whole."""
        kept = {
            "problems": self.problems,
            "told": self.told,
            "failing": self.failing,
        }
        write_json(self.path, kept)

    def see(
        self, findings: Iterable[Finding], blind: frozenset[str], at: datetime
    ) -> None:
        """Take in what a look found.

        Args:
            findings: those that raise alerts.
            blind: areas that could not be seen: nothing in them has ended.
            at: when.
        """
        now = f"{at:{CLOCK}}"
        found = {finding.key: finding for finding in findings}
        for key, finding in found.items():
            before = self.problems.get(key, {})
            if before.get("ended"):
                # Whoever was not told that it ended need not hear that it began.
                before = {}
            self.problems[key] = {
                **before,
                **finding.told(),
                "first": before.get("first", now),
                "last": now,
            }
        for key, problem in self.problems.items():
            kind = CATALOGUE.get(problem["id"])
            if key not in found and not (kind and kind.area in blind):
                problem.setdefault("ended", now)

    def words(self, channel: str, at: datetime, remind: timedelta) -> list[Word]:
        """Return what a channel has to be told now."""
        told = self.told.get(channel, {})
        words = []
        for key, problem in sorted(self.problems.items()):
            if key == f"ALERT_FAILED:{channel}":
                continue  # that it failed is for the others
            last = told.get(key)
            if problem.get("ended"):
                if last:
                    words.append(Word(CLEAR, key, problem))
            elif last is None:
                if not taken(problem, at):
                    words.append(Word(START, key, problem))
            elif at - parse_time(last) >= remind and not taken(problem, at):
                words.append(Word(REMINDER, key, problem))
        return words

    def said(self, channel: str, words: Iterable[Word], at: datetime) -> None:
        """Remember that a channel has taken these words."""
        told = self.told.setdefault(channel, {})
        for word in words:
            if word.kind == CLEAR:
                told.pop(word.key, None)
            else:
                told[word.key] = f"{at:{CLOCK}}"
        self.failing.pop(channel, None)

    def nothing(self, channel: str) -> None:
        """Remember that a channel knows all: what it did not take is over."""
        self.failing.pop(channel, None)

    def failed(self, channel: str, why: str, at: datetime) -> None:
        """Remember that a channel did not take them."""
        since = self.failing.get(channel, {}).get("since", f"{at:{CLOCK}}")
        self.failing[channel] = {"since": since, "why": why}

    def tidy(self, channels: Iterable[str]) -> None:
        """Forget what has ended and was told, and channels that are no more."""
        known = set(channels)
        self.told = {name: told for name, told in self.told.items() if name in known}
        self.failing = {n: why for n, why in self.failing.items() if n in known}
        waiting = {key for told in self.told.values() for key in told}
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
    ) -> list[str]:
        """Let a person take over a problem: no reminders until it ends.

        Args:
            name: its key, or its id where only one problem has that.
            by: who.
            because: why, or what is being done.
            at: when.
            until: when reminders begin again, if it has not ended by then.

        Raises:
            Refused: no open problem, or more than one, is called so.
        """
        open_ = [key for key, each in self.problems.items() if not each.get("ended")]
        chosen = [key for key in open_ if key == name] or [
            key for key in open_ if key.partition(":")[0] == name
        ]
        if len(chosen) != 1:
            listed = ", ".join(sorted(chosen or open_))
            listed = listed or "none that `monitor alert` has told"
            raise Refused(
                f"expected the name of one open problem, found {name!r}; open are: "
                f"{listed}."
            )
        self.problems[chosen[0]]["acknowledged"] = {
            "by": by,
            "because": because,
            "at": f"{at:{CLOCK}}",
            "until": f"{until:{CLOCK}}" if until else None,
        }
        return chosen


STATE = Path("alerts") / "state.json"


def check(evidence: Context) -> CheckResult:
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
    return CheckResult({"acknowledged": acknowledged}, findings)
