"""DateMacroEnum: the words for spans of days, as dates.

Weeks begin on Sunday and days are UTC days: neither is established for Order Time.
"""

from datetime import date, timedelta

CUSTOM = 25
_DAY = timedelta(days=1)
_FOUR_WEEKS = timedelta(weeks=4)


def span(macro: int, today: date) -> tuple[date | None, date | None]:
    """Return first and last day of a macro; None for an open end.

    Args:
        macro: 0 to 24 of DateMacroEnum; 25 (custom) has its days in the filter.
        today: the day on the server's clock.

    Raises:
        ValueError: for a number that the enumeration does not have.
    """
    if macro == 0:
        return None, None
    if macro in (1, 10):
        day = today - _DAY if macro == 10 else today
        return day, day
    if macro == 20:
        return today, today + _FOUR_WEEKS
    if macro == 24:
        return _add_months(today, -12) + _DAY, today
    if macro not in _SPANS:
        raise ValueError(f"{macro} is not a DateMacroEnum value")
    unit, shift, to_date = _SPANS[macro]
    first, last = _period(unit, shift, today)
    if to_date:
        elapsed = today - _period(unit, 0, today)[0]
        last = min(last, first + elapsed)
    return first, last


# Macro: unit, how many units from now, and whether only up to the same point in it.
_SPANS = {
    2: ("week", 0, False),
    3: ("week", 0, True),
    4: ("month", 0, False),
    5: ("month", 0, True),
    6: ("quarter", 0, False),
    7: ("quarter", 0, True),
    8: ("year", 0, False),
    9: ("year", 0, True),
    11: ("week", -1, False),
    12: ("week", -1, True),
    13: ("month", -1, False),
    14: ("month", -1, True),
    15: ("quarter", -1, False),
    16: ("quarter", -1, True),
    17: ("year", -1, False),
    18: ("year", -1, True),
    19: ("week", 1, False),
    21: ("month", 1, False),
    22: ("quarter", 1, False),
    23: ("year", 1, False),
}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def _period(unit: str, shift: int, today: date) -> tuple[date, date]:
    if unit == "week":
        sunday = today - (today.isoweekday() % 7) * _DAY + shift * timedelta(weeks=1)
        return sunday, sunday + 6 * _DAY
    months = _MONTHS[unit]
    start = today.replace(day=1, month=(today.month - 1) // months * months + 1)
    first = _add_months(start, shift * months)
    return first, _add_months(first, months) - _DAY


def _add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    # 29 February and the 31st: the last day that the other month has.
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
