"""When a file is due: the latest time that five cron fields name."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cronsim import CronSim, CronSimError

from runtime.exits import Misuse

_FIELDS = 5


@dataclass(frozen=True, slots=True)
class Cron:
    """A cadence in UTC, by the rules of Debian's cron (package cronsim).

    Names such as MON are read. Where both the day and the weekday are restricted,
    either is enough, unless one of them begins with `*`: then both must match.
    """

    text: str

    @classmethod
    def parse(cls, text: str, where: str) -> "Cron":
        """Read `minute hour day month weekday`.

        Raises:
            Misuse: a field is wrong, or no such day exists; begins with `where`.
        """
        # cronsim reads a sixth field as seconds.
        if len(text.split()) != _FIELDS:
            raise Misuse(f"{where}: expected five cron fields, found {text!r}")
        try:
            cron = cls(text)
            exists = cron.latest(datetime(2024, 3, 1))
        except CronSimError as error:
            raise Misuse(
                f"{where}: expected five cron fields, found {text!r} ({error})"
            ) from None
        if exists is None:
            raise Misuse(f"{where}: expected a day that exists, found {text!r}")
        return cron

    def last_due(self, at: datetime) -> datetime:
        """Return the latest due time that is not after `at`."""
        due = self.latest(at)
        if due is None:
            raise Misuse(f"cadence {self.text!r} was never due before {at}")
        return due

    def latest(self, at: datetime) -> datetime | None:
        """Return the same, or None if there is none within fifty years."""
        after = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
        # Given a time with a zone, cronsim would compute in that zone.
        plain = after.replace(tzinfo=None)
        due = next(CronSim(self.text, plain, reverse=True), None)
        return due and due.replace(tzinfo=at.tzinfo)
