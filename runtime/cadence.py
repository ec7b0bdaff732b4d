"""When a file is due: the latest time that five cron fields name."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from cronsim import CronSim, CronSimError

from runtime.exits import Misuse

_FIELDS = 5
_EXPECTED = "five cron fields, such as 0 6 * * *"


class Cron(msgspec.Struct, frozen=True):
    """A cadence in a time zone, by the rules of Debian's cron (package cronsim).

    Names such as MON are read. Where both the day and the weekday are restricted,
    either is enough, unless one of them begins with `*`: then both must match. An hour
    that the clocks skip is due when they have been put forward; one that comes twice is
    due once.

    Attributes:
        text: the five fields.
        zone: the IANA name of the time zone.
    """

    text: str
    zone: str = "UTC"

    @classmethod
    def parse(cls, text: str, where: str, zone: str = "UTC") -> "Cron":
        """Read `minute hour day month weekday`.

        Raises:
            Misuse: a field is wrong, no such day exists, or there is no such zone;
                begins with `where`.
        """
        # cronsim reads a sixth field as seconds.
        if len(text.split()) != _FIELDS:
            raise Misuse(f"{where}: expected {_EXPECTED}, found {text!r}")
        try:
            cron = cls(text, zone)
            exists = cron.latest(datetime(2024, 3, 1, tzinfo=UTC))
        except CronSimError as error:
            raise Misuse(
                f"{where}: expected {_EXPECTED}, found {text!r} ({error})"
            ) from None
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Misuse(
                f"{where}: expected a time_zone such as Europe/Berlin, found {zone!r}"
            ) from None
        if exists is None:
            raise Misuse(f"{where}: expected a day that exists, found {text!r}")
        return cron

    def last_due(self, at: datetime) -> datetime:
        """Return the latest due time that is not after `at`, in the zone of `at`."""
        due = self.latest(at)
        if due is None:
            raise Misuse(f"cadence {self.text!r} was never due before {at}")
        return due

    def latest(self, at: datetime) -> datetime | None:
        """Return the same, or None if there is none within fifty years."""
        after = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
        local = after.astimezone(ZoneInfo(self.zone))
        due = next(CronSim(self.text, local, reverse=True), None)
        return due and due.astimezone(at.tzinfo)
