"""A benchmark at a size that measures nothing: every step works, and has its row."""

import re
from collections.abc import Callable

import commands
import pytest

from benchmarks.baseline import both_sources, compare, median_of, nights
from benchmarks.measure import Cost
from benchmarks.steps import HERE, Place, place

STEPS = [
    "extract",
    "publish to a folder, full",
    "the same rows, copied plainly to CSV",
    "dbt build",
    "the same SQL by hand",
    "the delta alone",
    "both states, read once",
    "publish --dry-run, delta",
]


def printed(*words: str) -> str:
    """What a benchmark prints."""
    done = commands.run("python", "-m", *words, seconds=590)
    assert done.returncode == 0, done.stderr
    return done.stdout


# Two builds, and a stand-in for each of two nights.
@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_benchmark_of_orders_prints_what_each_step_cost():
    output = printed("benchmarks.orders", "--orders", "400")
    rows = re.findall(r"^\| (.+?) \| [0-9.]+ \| [0-9.]+ \| ", output, re.M)
    assert rows == STEPS
    match = re.search(r"delta: ([0-9]+) orders", output)
    assert match, output
    # Two new ones, and what the sample promises to change in its first night.
    assert 2 < int(match[1]) < 100


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_benchmark_of_pages_says_what_looking_costs_of_a_run():
    output = printed("benchmarks.pages", "--items", "400")
    rows = re.findall(r"^\| (.+?) \| ([0-9.]+) \| ([0-9.]+) \| ", output, re.M)
    assert [name for name, *_ in rows] == [
        "extract", "dbt build", "publish", "monitor drift", "monitor report"
    ]  # fmt: skip
    match = re.search(r"([0-9.]+)% of its wall, ([0-9.]+)% of its cpu", output)
    assert match, output
    for column, share in enumerate(match.groups(), 1):
        cost = [float(row[column]) for row in rows]
        assert float(share) == pytest.approx(100 * sum(cost[3:]) / sum(cost[:3]), abs=2)


# A build with unit tests and one without, each after an extract of both sources.
@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_second_night_leaves_out_the_unit_tests() -> None:
    with (
        both_sources(400) as first,
        both_sources(400, day=1) as second,
        place() as here,
    ):
        costs = nights(here, first, second)
        files = {path.name for path in (here.folder / "partner").rglob("*.csv")}
    builds = [costs[f"{night} night: build"].cpu for night in ("first", "second")]
    assert builds[1] < 0.7 * builds[0]
    steps = ("extract", "build", "publish")
    total = sum(costs[f"second night: {step}"].cpu for step in steps)
    assert costs["second night"].cpu == pytest.approx(total)
    # Of both nights: one inventory, and orders of each term.
    assert sum("inventory" in name for name in files) == 2
    assert any("delta" in name for name in files)


def test_a_step_is_printed_beside_the_same_step_of_the_baseline(
    capsys: pytest.CaptureFixture[str],
) -> None:
    order = []

    def run(side: str) -> Callable[[Place], dict[str, Cost]]:
        def step(here: Place) -> dict[str, Cost]:
            order.append(side)
            return {"start": here.run("python", "-c", "sum(range(10**6))")}

        return step

    sides = {name: (HERE, run(name)) for name in ("baseline", "this")}
    compare(sides, 2, 1000)
    assert order == ["baseline", "this", "this", "baseline"]
    before, after = capsys.readouterr().out.splitlines()
    number = r"[0-9,.]+"
    figures = rf"({number}) \| ({number}) \| ({number})"
    other = re.fullmatch(
        rf"\| start, 1,000: baseline \| {figures} \|  \|  \|  \|", before
    )
    ours = re.fullmatch(rf"\| start, 1,000 \| {figures} \| {figures} \|", after)
    assert other
    assert ours
    ratio = float(ours[1]) / float(other[1])
    assert float(ours[4]) == pytest.approx(ratio, rel=0.6)


def test_a_figure_is_the_median_of_all_rounds() -> None:
    costs = [Cost(3, 1, 20), Cost(1, 2, 10), Cost(2, 9, 90)]
    assert median_of(costs) == Cost(2, 2, 20)
