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
        axis=alt.Axis(tickCount=4, labelOverlap=True, grid=False, tickColor=_LINE),
    )
    value = alt.Y(
        "value:Q",
        title=None,
        scale=alt.Scale(zero=False, nice=True, padding=6),
        axis=alt.Axis(tickCount=4, format=".1%" if series.share else "~s"),
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


def _version(known: Sequence[str]) -> str:
    """Choose the version that altair speaks, else the newest one."""
    spoken = alt.SCHEMA_VERSION.removeprefix("v").rpartition(".")[0]
    return spoken if spoken in known else known[-1]
