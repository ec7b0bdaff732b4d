"""Draw series as SVG plots, declared in altair.

An SVG needs no script, so the page's Content-Security-Policy can forbid all scripts but
its own. It prints, and twelve plots are smaller than a plot library. Colours are
placeholders for the variables of the page's style sheet, so a plot is dark when the
page is.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt
import vl_convert

from monitor.report.html import value as figure
from monitor.report.trends import Series

_INK = {
    "#000001": "var(--mark)",
    "#000002": "var(--good)",
    "#000003": "var(--bad)",
    "#000004": "var(--soft)",
    "#000005": "var(--line)",
}
_MARK, _GOOD, _BAD, _SOFT, _LINE = _INK
_WIDE, _HIGH = 320, 150  # pixels, labels included: fits a phone


def svg(series: Series) -> str:
    """Return the SVG of a series. It has numbers and times, but no text of the data."""
    values: list[dict[str, Any]] = [
        {
            "at": point.at.isoformat(),
            "value": point.value,
            "outcome": "delivered" if point.outcome == "delivered" else "other",
        }
        for point in series.points
    ]
    at = alt.X(
        "at:T",
        title=None,
        scale=alt.Scale(type="utc", nice=False, padding=8),
        axis=alt.Axis(values=_ticks(series), labelExpr=_clock(series), grid=False),
    )
    value = alt.Y(
        "value:Q",
        title=None,
        scale=alt.Scale(zero=False, nice=True, padding=6),
        axis=alt.Axis(tickCount=4, format=".2~%" if series.share else ".4~s"),
    )
    base = alt.Chart(alt.InlineData(values=values)).encode(x=at, y=value)
    line = base.mark_line(color=_MARK, strokeWidth=1.5)
    outcomes = ["delivered", "other"]
    dots = base.mark_point(filled=True, opacity=1, size=34).encode(
        color=alt.Color(
            "outcome:N",
            legend=None,
            scale=alt.Scale(domain=outcomes, range=[_GOOD, _BAD]),
        ),
        # A shape too, for readers who do not see colours.
        shape=alt.Shape(
            "outcome:N",
            legend=None,
            scale=alt.Scale(domain=outcomes, range=["circle", "triangle-up"]),
        ),
    )
    chart = (
        (line + dots)
        .properties(
            width=_WIDE,
            height=_HIGH,
            background="transparent",
            # All plots have one size, whatever their labels.
            autosize=alt.AutoSizeParams(type="fit", contains="padding"),
        )
        .configure(font="sans-serif", padding=4)
        .configure_axis(
            labelColor=_SOFT,
            gridColor=_LINE,
            domain=False,
            ticks=False,
            labelFontSize=11,
            labelPadding=6,
        )
        .configure_view(stroke=None)
    )
    drawn: str = vl_convert.vegalite_to_svg(
        chart.to_dict(), vl_version=_version(vl_convert.get_vegalite_versions())
    )
    for placeholder, variable in _INK.items():
        drawn = drawn.replace(f'"{placeholder}"', f'"{variable}"')
    # A screen reader reads the figure's label and the table instead.
    return drawn.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def describe(series: Series) -> dict[str, Any]:
    """Return the texts and values that the page shows with a plot."""
    write = _percent if series.share else figure
    now, usual = write(series.points[-1].value), write(series.usual)
    values = [point.value for point in series.points]
    return {
        "name": series.name,
        "now": now,
        "usual": usual,
        "label": f"{series.name} over {len(values)} runs: {now} now, usually {usual}, "
        f"from {write(min(values))} to {write(max(values))}",
        "values": [
            (f"{point.at:%Y-%m-%d %H:%M}", point.outcome, write(point.value))
            for point in series.points
        ],
    }


def _percent(share: float) -> str:
    return f"{share:.2%}"


def _ticks(series: Series) -> list[Any]:
    """Return the times of at most four runs, for the labels of the axis."""
    times = sorted({point.at.timestamp() * 1000 for point in series.points})
    last = len(times) - 1
    return sorted({times[round(last * place / 3)] for place in range(4)})


def _clock(series: Series) -> str:
    """Return the Vega expression of a run's label: its hour, day or month."""
    days = {point.at.date() for point in series.points}
    length = (max(days) - min(days)).days
    ticks = len(_ticks(series))
    if len(days) == 1:
        return "utcFormat(datum.value, '%H:%M')"
    if length >= 300:
        return "utcFormat(datum.value, '%b %Y')"
    if len(days) < ticks:  # several runs of one day
        return "[utcFormat(datum.value, '%H:%M'), utcFormat(datum.value, '%-d %b')]"
    return "utcFormat(datum.value, '%-d %b')"


def _version(known: Sequence[str]) -> str:
    """Return altair's version of Vega-Lite, else the newest one."""
    version = alt.SCHEMA_VERSION.removeprefix("v").rpartition(".")[0]
    return version if version in known else known[-1]
