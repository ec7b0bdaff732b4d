"""How values, times and endings are written on every page."""

import json
import re

from markupsafe import Markup, escape

from monitor.report.preview import clean

FATES = {"delivered": "good", "not sent": "open", "nothing to send": "open"}


def tone(fate: str) -> str:
    """Return the colour of how a run ended."""
    return FATES.get(fate, "bad")


def value(told: object) -> str:
    """Write any value of the evidence on one line."""
    if told is None:
        return ""
    if isinstance(told, str):
        return clean(told)
    if isinstance(told, bool) or not isinstance(told, int | float):
        return clean(json.dumps(told, ensure_ascii=False))
    if isinstance(told, int):
        return f"{told:,}"
    # Sums of money have two decimals; shares and medians as many as they need.
    whole = told.is_integer() or abs(told) < 100
    return f"{told:,.10g}" if whole else f"{told:,.2f}"


def coded(told: str) -> Markup:
    """Escape a sentence of ours; what stands between backticks becomes code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(told))))  # noqa: S704


def breaking(name: str) -> Markup:
    """Escape a name, which may break after each underscore."""
    return Markup(escape(name).replace("_", Markup("_<wbr>")))  # noqa: S704


def when(night: str) -> str:
    """Write `20260115T060000Z` as people do; a name of another form as it is."""
    if not re.fullmatch("[0-9]{8}T[0-9]{6}Z", night):
        return night
    return f"{night[:4]}-{night[4:6]}-{night[6:8]} {night[9:11]}:{night[11:13]}"
