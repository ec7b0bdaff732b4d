"""A benchmark at a size that measures nothing: every step works, and has its row."""

import re

import commands
import pytest

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
    for place, share in enumerate(match.groups(), 1):
        cost = [float(row[place]) for row in rows]
        assert float(share) == pytest.approx(100 * sum(cost[3:]) / sum(cost[:3]), abs=2)
