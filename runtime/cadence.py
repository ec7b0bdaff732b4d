"""When a file is due: the latest time that five cron fields name."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from runtime.exits import Misuse

_RANGES = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12),
           ("weekday", 0, 7))  # fmt: skip
# 29 February on a given weekday comes back within 40 years, across 2100 too.
_HORIZON_DAYS = 40 * 366


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed cadence; POSIX crontab(5) without names, in UTC."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @classmethod
    def parse(cls, text: str, where: str) -> "Cron":
        """Read `minute hour day month weekday`, each `*`, `a`, `a-b`, `/n`, with `,`.

        Raises:
            Misuse: a field is wrong, or no day is ever meant; begins with `where`.
        """
        fields = text.split()
        if len(fields) != len(_RANGES):
            raise Misuse(f"{where}: expected five cron fields, found {text!r}")
        minutes, hours, days, months, weekdays = (
            _values(field, low, high, f"{where}, {name}")
            for field, (name, low, high) in zip(fields, _RANGES, strict=True)
        )
        # 7 is Sunday too. A full set stands for `*`; see `_meant`.
        cron = cls(
            text, minutes, hours, days, months, frozenset(d % 7 for d in weekdays)
        )
        if cron.latest(datetime(2024, 3, 1)) is None:
            raise Misuse(f"{where}: expected a day that exists, found {text!r}")
        return cron

    def last_due(self, at: datetime) -> datetime:
        """Return the latest due time that is not after `at`."""
        found = self.latest(at)
        if found is None:
            raise Misuse(f"cadence {self.text!r} was never due before {at}")
        return found

    def latest(self, at: datetime) -> datetime | None:
        """Return the same, or None if there is none within forty years."""
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        for _ in range(_HORIZON_DAYS):
            if self._meant(day):
                for hour in sorted(self.hours, reverse=True):
                    for minute in sorted(self.minutes, reverse=True):
                        if (due := day + timedelta(hours=hour, minutes=minute)) <= at:
                            return due
            day -= timedelta(days=1)
        return None

    def _meant(self, day: datetime) -> bool:
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        # POSIX: if both day and weekday are restricted, either is enough.
        if len(self.days) < 31 and len(self.weekdays) < 7:
            return in_month or in_week
        return in_month and in_week


def _values(field: str, low: int, high: int, where: str) -> frozenset[int]:
    chosen: set[int] = set()
    for part in field.split(","):
        match = re.fullmatch(r"(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?", part)
        if not match:
            raise Misuse(f"{where}: expected such as *, 5, 1-5 or */10, found {part!r}")
        first, last, step = (int(text) if text else None for text in match.groups())
        start = low if first is None else first
        # `5/10` means from 5 on, `5` means 5 alone.
        end = last if last is not None else high if first is None or step else start
        if not low <= start <= end <= high or step == 0:
            raise Misuse(f"{where}: expected {low} to {high}, found {part!r}")
        chosen.update(range(start, end + 1, step or 1))
    return frozenset(chosen)
