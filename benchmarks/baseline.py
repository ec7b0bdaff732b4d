"""Every step beside the same step of an earlier commit: `make bench BASE=COMMIT`, or

    python -m benchmarks.baseline COMMIT --items 1000000

The commit is checked out into a folder and gets an environment of its own, from its
own lock. dlt's newest release gets one as well, and copies the same lists to Parquet.
Both sides take the same input and run in turn, and the first to run alternates. A step
of one is so close in time to the same step of the other that other work on the machine
bears on both. Each figure is the median of all rounds. CPU seconds are the ones to
trust; wall seconds are an indication.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import click

from benchmarks.ledger import write_deliveries
from benchmarks.measure import Cost, cost_of
from benchmarks.steps import HERE, Place, place, stand_in

Costs = dict[str, Cost]
Steps = Callable[[Place, Mapping[str, str]], Costs]
# A checkout, and what runs its steps.
Side = tuple[Path, Callable[[Place], Costs]]
INVENTORY, ORDERS = "onpart_inventory", "order_feed_full_file"
_PARTS = ("extract", "inventory", "orders", "night", "analyst", "start", "dlt")
# What dbt reads of a checkout, and the model that an analyst edits: the first that is
# there.
_PROJECT = (
    *("dbt_project.yml", "profiles.yml", "models", "seeds", "macros", "analyses"),
    "tests",
)
_EDITED = ("int_parts_08_item_codes", "int_parts_decided")
_DELIVERIES = 300
# How often a short command is run in each round.
_TIMES = 5
HEADER = """\
| step | cpu s | wall s | peak MiB | ratio of cpu | of wall | of peak |
|---|---:|---:|---:|---:|---:|---:|"""


@click.command()
@click.argument("commit")
@click.option("--items", default=1_000_000, show_default=True, help="Part items.")
@click.option("--orders", default=1_000_000, show_default=True, help="Orders.")
@click.option("--small", default=2_000, show_default=True, help="Records of a night.")
@click.option("--rounds", default=3, show_default=True, help="Runs of each step.")
@click.option(
    "--only",
    type=click.Choice(_PARTS),
    multiple=True,
    help="Only these; extract is a part of inventory.  [default: all but extract]",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Keep the checkout of the baseline here. Default: a temporary folder.",
)
def bench(
    commit: str,
    items: int,
    orders: int,
    small: int,
    rounds: int,
    only: Sequence[str],
    folder: Path | None,
) -> None:
    """Print the ratios of every step to the same step of COMMIT."""
    only = only or _PARTS[1:]
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        root = check_out(commit, folder / "baseline")
        print(f"medians of {rounds} rounds, beside {commit}\n\n{HEADER}")

        def beside_commit(run: Steps, sources: Mapping[str, str], size: int) -> None:
            def steps(here: Place) -> Costs:
                return run(here, sources)

            compare({"baseline": (root, steps), "this": (HERE, steps)}, rounds, size)

        if {"extract", "inventory"} & {*only}:
            with (
                stand_in("ordertime", "--items", str(items)) as source,
                stand_in("ordertime", "--items", str(small)) as first,
            ):
                inventory = partial(_inventory, first=first)
                run = inventory if "inventory" in only else _extract
                beside_commit(run, source, items)
        if "dlt" in only:
            copy = _dlt(install_dlt(folder / "dlt"))
            with stand_in("ordertime", "--items", str(items)) as source:
                sides: dict[str, Side] = {
                    "dlt": (HERE, lambda here: copy(here, source)),
                    "this": (HERE, lambda here: _extract(here, source)),
                }
                compare(sides, rounds, items)
        if "orders" in only:
            with (
                stand_in("order-tool", "--orders", str(orders)) as source,
                stand_in("order-tool", "--orders", str(small)) as first,
            ):
                beside_commit(partial(_orders, first=first), source, orders)
        if "night" in only:
            with both_sources(small) as first, both_sources(small, 1) as second:
                sides = {
                    "baseline": (root, lambda here: nights(here, first, second)),
                    "this": (HERE, lambda here: nights(here, first, second)),
                }
                compare(sides, rounds, small)
        if "analyst" in only:
            with stand_in("ordertime", "--items", str(small)) as source:
                beside_commit(_analyst, source, small)
        if "start" in only:
            with both_sources(small) as sources:
                beside_commit(_start, sources, small)


def check_out(commit: str, root: Path) -> Path:
    """Check out a commit and make its environment, unless both are there."""
    if not root.exists():
        _run("git", "clone", "--quiet", "--no-checkout", HERE, root)
    _run("git", "-C", root, "checkout", "--quiet", commit)
    _run("make", "--silent", "-C", root, ".venv/.ready")
    return root


def _run(*words: str | Path) -> None:
    subprocess.run(words, check=True)


def install_dlt(folder: Path) -> Path:
    """Install dlt's newest release, and return the Python that has it."""
    python = folder / "bin" / "python"
    if not python.exists():
        _run(sys.executable, "-m", "venv", folder)
        _run(python, "-m", "pip", "install", "--quiet", "dlt[parquet]")
    return python


def compare(sides: Mapping[str, Side], rounds: int, size: int) -> None:
    """Run the steps of two sides in turn; print the medians and the ratios.

    Args:
        sides: the baseline, and then ours.
        rounds: how often.
        size: of the input.
    """
    other, ours = sides
    costs: dict[str, dict[str, list[Cost]]] = defaultdict(lambda: defaultdict(list))
    for round_ in range(rounds):
        for name in (other, ours)[:: -1 if round_ % 2 else 1]:
            root, run = sides[name]
            with place(root) as here:
                for step, cost in run(here).items():
                    costs[step][name].append(cost)
    for step, both in costs.items():
        before, after = median_of(both[other]), median_of(both[ours])
        print(_row(f"{step}, {size:,}: {other}", before))
        print(_row(f"{step}, {size:,}", after, before), flush=True)


def median_of(costs: list[Cost]) -> Cost:
    """Return the median of each figure."""
    return Cost(
        *(
            statistics.median(getattr(cost, name) for cost in costs)
            for name in ("wall", "cpu", "peak")
        )
    )


def _row(name: str, cost: Cost, before: Cost | None = None) -> str:
    ratios = ["", "", ""]
    if before:
        ratios = [
            f"{new / old:.2f}"
            for new, old in (
                (cost.cpu, before.cpu),
                (cost.wall, before.wall),
                (cost.peak, before.peak),
            )
        ]
    figures = f"{cost.cpu:.2f} | {cost.wall:.2f} | {cost.peak:,.0f}"
    return f"| {name} | {figures} | {' | '.join(ratios)} |"


def _extract(here: Place, sources: Mapping[str, str]) -> Costs:
    # With 1 GB an earlier version may end for lack of memory at a million items.
    more = {} if here.root == HERE else {"FEEDS_MEMORY_LIMIT": "2GB"}
    return {"extract": here.run("extract", "ordertime", "--quiet", **sources, **more)}


def _dlt(python: Path) -> Steps:
    def copy(here: Place, sources: Mapping[str, str]) -> Costs:
        script = HERE / "benchmarks" / "dlt_copy.py"
        words = [str(python), str(script), str(here.folder)]
        return {"extract": cost_of(words, {**here.env, **sources})}

    return copy


def _inventory(
    here: Place, sources: Mapping[str, str], first: Mapping[str, str]
) -> Costs:
    """A night after a small one, in which the unit tests have passed."""
    _extract(here, first)
    _build(here)
    return {
        **_extract(here, sources),
        "build without unit tests": here.run(
            "dbt", "--quiet", "build", "--exclude-resource-type", "unit_test"
        ),
        "build, as the README says": _build(here),
        "publish --dry-run": here.run("publish", INVENTORY, "--dry-run", "--quiet"),
    }


def _orders(here: Place, sources: Mapping[str, str], first: Mapping[str, str]) -> Costs:
    """Build the order feed, and render its full file, after a small night."""
    here.run("extract", "order_tool", "--quiet", **first)
    _build(here)
    extracted = here.run("extract", "order_tool", "--quiet", **sources)
    costs = {
        "orders: build": _build(here),
        "orders: publish --dry-run": here.run(
            "publish", ORDERS, "--dry-run", "--quiet", "--at", _due(0)
        ),
    }
    both = _sum(list(costs.values()))
    return {"orders: extract": extracted, **costs, "orders: both": both}


def nights(here: Place, first: Mapping[str, str], second: Mapping[str, str]) -> Costs:
    """The first night of both feeds, and one like all others, as the README says.

    In the second some records have changed, and the unit tests have passed before.
    """
    (here.folder / "partner/dev/order-feed").mkdir(parents=True)
    return {
        **_night(here, "first night", first, _due(-1)),
        **_night(here, "second night", second, _due(0)),
    }


def _night(here: Place, name: str, sources: Mapping[str, str], at: str) -> Costs:
    url = (here.folder / "partner").as_uri()
    to = {"DEST_ONPART_URL": url, "DEST_ORDERS_URL": url}
    costs = {
        f"{name}: extract": here.run("extract", "--quiet", **sources),
        f"{name}: build": _build(here),
        f"{name}: publish": here.run("publish", "--quiet", "--at", at, **to),
    }
    return {**costs, name: _sum(list(costs.values()))}


def _due(day: int) -> str:
    """Return when files were due today, or some days later."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return f"{today + timedelta(days=day, hours=8):%FT%TZ}"


def _analyst(here: Place, sources: Mapping[str, str]) -> Costs:
    """One model is changed, and built as the CONTRIBUTING of the checkout says."""
    here.run("extract", "ordertime", "--quiet", **sources)
    # A copy, because a model of it is changed.
    project = here.folder / "project"
    project.mkdir()
    for name in _PROJECT:
        copy = shutil.copytree if (here.root / name).is_dir() else shutil.copy
        copy(here.root / name, project / name)
    folders = ("--project-dir", str(project), "--profiles-dir", str(project))
    here.run("dbt", "--quiet", "build", *folders)
    models = {path.stem: path for path in project.glob("models/**/*.sql")}
    model = next(name for name in _EDITED if name in models)
    with models[model].open("a", encoding="utf-8") as lines:
        lines.write("-- Changed.\n")
    chosen = ("--select", model) if _has_build_command(here) else ()
    built = here.run("dbt", "--quiet", "build", *folders, *chosen)
    return {"analyst: dbt build after a change": built}


def _build(here: Place) -> Cost:
    """Build as the README of the checkout says."""
    if _has_build_command(here):
        return here.run("publish", "build", "--quiet")
    return here.run("dbt", "--quiet", "build")


def _has_build_command(here: Place) -> bool:
    """Whether the checkout is of a version with `publish build`."""
    return (here.root / "publish" / "build.py").exists()


def _sum(costs: list[Cost]) -> Cost:
    return Cost(
        sum(cost.wall for cost in costs),
        sum(cost.cpu for cost in costs),
        max(cost.peak for cost in costs),
    )


def _start(here: Place, sources: Mapping[str, str]) -> Costs:
    """Two commands that a person waits for, with 300 deliveries in the ledger."""
    here.run("extract", "--quiet", **sources)
    here.run("dbt", "--quiet", "build", "--exclude-resource-type", "unit_test")
    ledger = here.data / "ledger.jsonl"
    write_deliveries(ledger, INVENTORY, "onpart", _DELIVERIES)
    url = {"DEST_ONPART_URL": (here.folder / "partner").as_uri()}
    # 1: they report that no package of these deliveries is in the outbox.
    return {
        f"{program} {command}": median_of(
            [here.report(program, command, **url) for _ in range(_TIMES)]
        )
        for program, command in (("publish", "status"), ("monitor", "health"))
    }


@contextmanager
def both_sources(size: int, day: int = 0) -> Iterator[dict[str, str]]:
    later = ("--day", str(day))
    with (
        stand_in("ordertime", "--items", str(size), *later) as parts,
        stand_in("order-tool", "--orders", str(size), *later) as orders,
    ):
        yield {**parts, **orders}


if __name__ == "__main__":
    bench()
