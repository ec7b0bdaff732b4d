"""Series as plots: declared in altair, drawn as SVG, coloured by the page.

An SVG needs no script, so the page's Content-Security-Policy can forbid all but its
own few lines, it prints, and twelve of them are smaller than the library alone.
Colours are placeholders, which become the variables of the page's style sheet: so a
plot is dark where the page is.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt
import vl_convert

from monitor.report.history import Series

_INK = {
    "#000001": "var(--mark)",
    "#000002": "var(--good)",
    "#000003": "var(--bad)",
    "#000004": "var(--soft)",
    "#000005": "var(--line)",
}
_MARK, _GOOD, _BAD, _SOFT, _LINE = _INK
_WIDE, _HIGH = 270, 110  # pixels: fits a phone


def svg(series: Series) -> str:
    """Draw a series. What it holds is numbers and times only, no text of the data."""
    values: list[dict[str, Any]] = [
        {
            "at": point.at.isoformat(),
            "value": point.value,
            "fate": "delivered" if point.fate == "delivered" else "other",
        }
        for point in series.points
    ]
    at = alt.X(
        "at:T",
        title=None,
        scale=alt.Scale(type="utc", nice=False, padding=8),
        axis=alt.Axis(values=_ticks(series), format=_clock(series), grid=False),
    )
    value = alt.Y(
        "value:Q",
        title=None,
        scale=alt.Scale(zero=False, nice=True, padding=6),
        axis=alt.Axis(tickCount=4, format=".2~%" if series.share else ".4~s"),
    )
    base = alt.Chart(alt.InlineData(values=values)).encode(x=at, y=value)
    line = base.mark_line(color=_MARK, strokeWidth=1.5)
    fates = ["delivered", "other"]
    dots = base.mark_point(filled=True, opacity=1, size=34).encode(
        color=alt.Color(
            "fate:N", legend=None, scale=alt.Scale(domain=fates, range=[_GOOD, _BAD])
        ),
        # Never by colour alone.
        shape=alt.Shape(
            "fate:N",
            legend=None,
            scale=alt.Scale(domain=fates, range=["circle", "triangle-up"]),
        ),
    )
    chart = (
        (line + dots)
        .properties(width=_WIDE, height=_HIGH, background="transparent")
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
    # Told as one picture by its figure; the table behind it has every value.
    return drawn.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def _ticks(series: Series) -> list[Any]:
    """Return which runs are named below a plot: four at most."""
    times = sorted({point.at.timestamp() * 1000 for point in series.points})
    last = len(times) - 1
    return sorted({times[round(last * place / 3)] for place in range(4)})


def _clock(series: Series) -> str:
    """Return how a run is named: by its hour, its day or its month."""
    days = (series.points[-1].at - series.points[0].at).days
    return "%H:%M" if days < 2 else "%-d %b" if days < 300 else "%b %Y"


def _version(known: Sequence[str]) -> str:
    """Choose the version that altair speaks, else the newest one."""
    spoken = alt.SCHEMA_VERSION.removeprefix("v").rpartition(".")[0]
    return spoken if spoken in known else known[-1]
