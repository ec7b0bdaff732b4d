"""What looking costs beside the run that is looked at: `make bench`, or

    python -m benchmarks.pages --items 1000000

Two days of the inventory feed, delivered to a folder; on the second, records have
come, gone and changed. Then what an orchestrator adds after `publish`: `monitor drift`
profiles the new file and its source, `monitor report` writes the page of the new
package and the index. Each is a whole process, its start included.
"""

from dataclasses import dataclass

import click

from benchmarks.measure import Cost
from benchmarks.steps import Place, begin, place, show, stand_in

# What the two may cost together, of the run: extract, build and publish.
GOAL = 0.05


@dataclass
class _Sum:
    """Seconds of several processes, one after the other."""

    wall: float = 0
    cpu: float = 0

    def add(self, name: str, cost: Cost, note: str = "") -> None:
        show(name, cost, note)
        self.wall += cost.wall
        self.cpu += cost.cpu


@click.command()
@click.option("--items", default=1_000_000, show_default=True, help="Part items.")
def bench(items: int) -> None:
    """Measure profile and page against extract, build and publish of the same rows."""
    sample = ("ordertime", "--items", str(items))
    with place() as here:
        (here.folder / "partner").mkdir()
        begin(f"{items:,} items, the second day")
        with stand_in(*sample) as source:
            here.run("extract", "ordertime", "--quiet", **source)
        here.run("dbt", "--quiet", "build")
        _publish(here)
        for words in (("drift",), ("report",)):
            here.run("monitor", *words, "--quiet")

        run, look = _Sum(), _Sum()
        with stand_in(*sample, "--day", "1") as source:
            run.add("extract", here.run("extract", "ordertime", "--quiet", **source))
        run.add("dbt build", here.run("dbt", "--quiet", "build"))
        run.add("publish", _publish(here))
        for name in ("drift", "report"):
            cost = here.run("monitor", name, "--quiet")
            shares = f"{cost.wall / run.wall:.1%} of wall, {cost.cpu / run.cpu:.1%}"
            look.add(f"monitor {name}", cost, f"{shares} of cpu")
    wall, cpu = look.wall / run.wall, look.cpu / run.cpu
    print(f"\nrun: {run.wall:.1f} s wall, {run.cpu:.1f} s cpu")
    print(f"profile and page: {wall:.1%} of its wall, {cpu:.1%} of its cpu ", end="")
    print(f"(goal: at most {GOAL:.0%})")


def _publish(here: Place) -> Cost:
    partner = (here.folder / "partner").as_uri()
    return here.run("publish", "onpart_inventory", "--quiet", DEST_ONPART_URL=partner)


if __name__ == "__main__":
    bench()
