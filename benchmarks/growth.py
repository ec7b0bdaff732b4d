"""How the cost of each step grows with the number of items: `make growth`, or

    python -m benchmarks.growth 1000 1000000 --csv growth.csv --plot growth.svg

Each size is a night after a small one, so no unit tests run. The exponent is that of
the CPU seconds since the size before: 1 is linear.
"""

import csv
import math
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import altair as alt
import click
import vl_convert

from benchmarks.measure import Cost
from benchmarks.steps import place, stand_in

FEED = "onpart_inventory"
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
SMALL = 1_000
FIELDS = ("step", "items", "cpu_s", "wall_s", "peak_mib", "exponent")


@click.command()
@click.argument("sizes", nargs=-1, type=int)
@click.option("--csv", "path", type=click.Path(path_type=Path), required=True)
@click.option("--plot", type=click.Path(path_type=Path), required=True)
@click.option("--draw", is_flag=True, help="Measure nothing; draw the CSV.")
def grow(sizes: Sequence[int], path: Path, plot: Path, draw: bool) -> None:
    """Run extract, build and publish at each of SIZES, and write what they cost."""
    if not draw:
        measure(sizes or SIZES, path)
    with path.open(encoding="utf-8", newline="") as file:
        plot.write_text(svg(list(csv.DictReader(file))), encoding="utf-8")


def measure(sizes: Sequence[int], path: Path) -> None:
    """Write a row of FIELDS for each size and step as soon as it is known."""
    before: dict[str, tuple[int, Cost]] = {}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FIELDS)
        for size in sizes:
            for step, cost in night(size).items():
                exponent = ""
                if step in before:
                    smaller, last = before[step]
                    growth = math.log(cost.cpu / last.cpu) / math.log(size / smaller)
                    exponent = f"{growth:.2f}"
                before[step] = size, cost
                figures = f"{cost.cpu:.1f}", f"{cost.wall:.1f}", f"{cost.peak:.0f}"
                row = (step, size, *figures, exponent)
                writer.writerow(row)
                file.flush()
                print(*row, sep=" | ", flush=True)


def night(size: int) -> dict[str, Cost]:
    """Return what each step costs at a size."""
    with ExitStack() as stack:
        here = stack.enter_context(place())
        first, source = (
            stack.enter_context(stand_in("ordertime", "--items", str(items)))
            for items in (SMALL, size)
        )
        here.run("extract", "ordertime", "--quiet", **first)
        here.run("publish", "build", "--quiet")
        return {
            "extract": here.run("extract", "ordertime", "--quiet", **source),
            "publish build": here.run("publish", "build", "--quiet"),
            "publish --dry-run": here.run("publish", FEED, "--dry-run", "--quiet"),
        }


def svg(rows: Sequence[dict[str, str]]) -> str:
    """Draw CPU seconds, wall seconds and peak memory by size, on logarithmic axes."""
    titles = {"cpu_s": "CPU s", "wall_s": "wall s", "peak_mib": "peak MiB"}
    values = [
        {
            "step": row["step"],
            "items": int(row["items"]),
            "figure": title,
            "value": float(row[name]),
        }
        for row in rows
        for name, title in titles.items()
    ]
    # The axis has a mark at each size, and no other.
    sizes = sorted({int(row["items"]) for row in rows})
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_line(point=True)
        .encode(
            x=alt.X(
                "items:Q",
                title="items",
                scale=alt.Scale(type="log"),
                axis=alt.Axis(values=sizes, format="~s"),
            ),
            y=alt.Y("value:Q", title=None, scale=alt.Scale(type="log")),
            color=alt.Color(
                "step:N", title=None, legend=alt.Legend(orient="top", columnPadding=24)
            ),
            shape=alt.Shape("step:N", legend=None),
            column=alt.Column(
                "figure:N",
                title=None,
                sort=list(titles.values()),
                header=alt.Header(labelFontSize=13),
            ),
        )
        .properties(width=230, height=230, background="white")
        .resolve_scale(y="independent")
        .configure(font="sans-serif", padding=8)
    )
    drawn: str = vl_convert.vegalite_to_svg(chart.to_dict())
    return drawn


if __name__ == "__main__":
    grow()
