"""Every step beside the same step of an earlier commit: `make bench BASE=COMMIT`, or

    python -m benchmarks.baseline COMMIT --items 1000000

The commit is checked out into a folder and gets an environment of its own, from its
own lock. Both take the same input and run in turn, and the first to run alternates. A
step of one is so close in time to the same step of the other that other work on the
machine bears on both. Each figure is the median of all rounds. CPU seconds are the
ones to trust; wall seconds are an indication.
"""

import statistics
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from benchmarks.ledger import write_deliveries
from benchmarks.measure import Cost
from benchmarks.steps import HERE, Place, place, stand_in

Costs = dict[str, Cost]
INVENTORY = "onpart_inventory"
HEADER = """\
| step | cpu s | wall s | peak MiB | ratio of cpu | of wall | of peak |
|---|---:|---:|---:|---:|---:|---:|"""


@click.command()
@click.argument("commit")
@click.option("--items", default=1_000_000, show_default=True, help="Part items.")
@click.option("--small", default=2_000, show_default=True, help="Records of a night.")
@click.option("--rounds", default=3, show_default=True, help="Runs of each step.")
@click.option(
    "--only",
    type=click.Choice(["extract", "inventory", "night", "start"]),
    multiple=True,
    help="Only these steps; extract is a part of inventory. Default: all.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="Keep the checkout of the baseline here. Default: a temporary folder.",
)
def bench(
    commit: str,
    items: int,
    small: int,
    rounds: int,
    only: tuple[str, ...],
    folder: Path | None,
) -> None:
    """Print the ratios of every step to the same step of COMMIT."""
    only = only or ("inventory", "night", "start")
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        roots = {"baseline": check_out(commit, folder / "baseline"), "this": HERE}
        print(f"medians of {rounds} rounds, beside {commit}\n\n{HEADER}")
        if "extract" in only or "inventory" in only:
            with stand_in("ordertime", "--items", str(items)) as source:
                run = _inventory if "inventory" in only else _extract
                _compare(roots, rounds, lambda here: run(here, source), items)
        if "night" in only:
            with _both_sources(small) as sources:
                _compare(roots, rounds, lambda here: _night(here, sources), small)
        if "start" in only:
            with _both_sources(small) as sources:
                _compare(roots, rounds, lambda here: _start(here, sources), small)


def check_out(commit: str, root: Path) -> Path:
    """Check out a commit and make its environment, unless both are there."""
    if not root.exists():
        _run("git", "clone", "--quiet", "--no-checkout", HERE, root)
    _run("git", "-C", root, "checkout", "--quiet", commit)
    _run("make", "--silent", "-C", root, ".venv/.ready")
    return root


def _run(*words: str | Path) -> None:
    subprocess.run(words, check=True)


def _compare(
    roots: Mapping[str, Path],
    rounds: int,
    run: Callable[[Place], Costs],
    size: int,
) -> None:
    """Run the steps of both checkouts in turn; print the medians and the ratios."""
    costs: dict[str, dict[str, list[Cost]]] = defaultdict(lambda: defaultdict(list))
    for round_ in range(rounds):
        for name in list(roots)[:: -1 if round_ % 2 else 1]:
            with place(roots[name]) as here:
                for step, cost in run(here).items():
                    costs[step][name].append(cost)
    for step, sides in costs.items():
        before, after = _median(sides["baseline"]), _median(sides["this"])
        print(_row(f"{step}, {size:,}: baseline", before))
        print(_row(f"{step}, {size:,}", after, before), flush=True)


def _median(costs: list[Cost]) -> Cost:
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


def _extract(here: Place, source: Mapping[str, str]) -> Costs:
    return {"extract": here.run("extract", "ordertime", "--quiet", **source)}


def _inventory(here: Place, source: Mapping[str, str]) -> Costs:
    return {
        **_extract(here, source),
        "dbt build": here.run("dbt", "--quiet", "build"),
        "publish --dry-run": here.run("publish", INVENTORY, "--dry-run", "--quiet"),
    }


def _night(here: Place, sources: Mapping[str, str]) -> Costs:
    """The first night of both feeds, delivered to a folder."""
    partner = here.folder / "partner"
    (partner / "dev/order-feed").mkdir(parents=True)
    to = {"DEST_ONPART_URL": partner.as_uri(), "DEST_ORDERS_URL": partner.as_uri()}
    costs = {
        "night: extract": here.run("extract", "--quiet", **sources),
        "night: dbt build": here.run("dbt", "--quiet", "build"),
        "night: publish": here.run("publish", "--quiet", **to),
    }
    return {**costs, "night": _sum(list(costs.values()))}


def _sum(costs: list[Cost]) -> Cost:
    return Cost(
        sum(cost.wall for cost in costs),
        sum(cost.cpu for cost in costs),
        max(cost.peak for cost in costs),
    )


def _start(here: Place, sources: Mapping[str, str]) -> Costs:
    """Two commands that a person waits for, with 300 deliveries in the ledger."""
    here.run("extract", "--quiet", **sources)
    here.run("dbt", "--quiet", "build")
    write_deliveries(here.data / "ledger.jsonl", INVENTORY, "onpart", 300)
    url = {"DEST_ONPART_URL": (here.folder / "partner").as_uri()}
    # 1: they report that no package of these deliveries is in the outbox.
    return {
        "publish status": here.run("publish", "status", codes=(0, 1), **url),
        "monitor health": here.run("monitor", "health", codes=(0, 1), **url),
    }


@contextmanager
def _both_sources(size: int) -> Iterator[dict[str, str]]:
    with (
        stand_in("ordertime", "--items", str(size)) as parts,
        stand_in("order-tool", "--orders", str(size)) as orders,
    ):
        yield {**parts, **orders}


if __name__ == "__main__":
    bench()
