"""The inventory feed on a generated sample: `make bench`, or

    python -m benchmarks.inventory --items 1000000

Extract from a stand-in without latency, build, and publish without upload, each as
a user runs it and as a whole process; and the SQL of the build once more by hand.
"""

import click

from benchmarks.steps import begin, place, show, stand_in


@click.command()
@click.option("--items", default=1_000_000, show_default=True, help="Part items.")
@click.option("--latency-ms", default=0, show_default=True, help="Of every request.")
def bench(items: int, latency_ms: int) -> None:
    """Measure every step of the inventory feed."""
    words = ("ordertime", "--items", str(items), "--latency-ms", str(latency_ms))
    with place() as here:
        with stand_in(*words) as source:
            begin(f"{items:,} items")
            show("extract", here.run("extract", "--quiet", **source))
        here.build()
        show("publish --dry-run", here.run("publish", "--dry-run", "--quiet"))


if __name__ == "__main__":
    bench()
