"""What changed between two sorted files of ten million rows: the merge and the join.

    python -m benchmarks.changes --rows 10000000

Makes two snapshots in one form, 1 % of rows changed, 0.5 % added, 0.5 % cut, and
compares them in processes of their own, in one run: by `publish.package.line_diff` and
by DuckDB's full join on keys and stored hashes, which then fetches the rows.
"""

import os
import sys
import tempfile
from pathlib import Path
from statistics import median

import click

from benchmarks.measure import HEADER, Cost, cost_of

_TEXT = [f"c{number}" for number in range(23)]


@click.command()
@click.option("--rows", default=10_000_000, show_default=True)
@click.option("--runs", default=3, show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), help="Keep the files here.")
def bench(rows: int, runs: int, folder: Path | None) -> None:
    """Measure both ways, alternating; the median of the runs is shown."""
    with tempfile.TemporaryDirectory(prefix="bench ") as name:
        place = folder or Path(name)
        place.mkdir(exist_ok=True)
        if not (place / "new.csv").exists():
            # In a process of its own: a child starts with the peak of its parent.
            words = "import sys; from benchmarks.changes import *; "
            words += "make(Path(sys.argv[1]), int(sys.argv[2]))"
            cost_of([sys.executable, "-c", words, str(place), str(rows)], os.environ)
        size = sum((place / f"{day}.csv").stat().st_size for day in ("old", "new"))
        print(f"{rows:,} against {rows:,} rows, {size / 1e9:.2f} GB\n\n{HEADER}")
        costs: dict[str, list[Cost]] = {"merge": [], "join": []}
        for _ in range(runs):
            for way, took in costs.items():
                words = [sys.executable, "-c", SCRIPTS[way], str(place)]
                took.append(cost_of(words, os.environ))
        for way, took in costs.items():
            middle = Cost(
                *(median(getattr(c, f) for c in took) for f in ("wall", "cpu", "peak"))
            )
            print(middle.row(way, f"median of {runs}"))
        wall = [c.wall for c in costs["merge"]], [c.wall for c in costs["join"]]
        print(f"\nmerge / join: {median(wall[0]) / median(wall[1]):.2f} x wall")
        counts = [
            (place / f"{way}.count").read_text().split() for way in ("merge", "join")
        ]
        print(f"rows that differ (old, new): {counts[0]}, the join: {counts[1]}")
        assert counts[0] == counts[1]


def make(place: Path, rows: int) -> None:
    """Write old.csv and new.csv, sorted, and the stored hashes of the old rows."""
    import duckdb  # not above: its memory would be counted as the merge's

    cells = ", ".join(
        f"'text ' || (hash(n, {column}) % 100000)::varchar as {name}"
        for column, name in enumerate(_TEXT)
    )
    with duckdb.connect() as connection:
        connection.execute(f"set temp_directory = '{place}/spill'")
        for day, changed, cut in (
            ("old", "0", 3),
            ("new", "hash(n, 1) % 100 = 0", 7),
        ):
            connection.execute(
                f"copy (select 'DEMO01' as k, printf('%010d', n) as l, "
                f"{cells}, case when {changed} then 'new' else 'old' end as last "
                f"from range({rows}) as r(n) where hash(n, 2) % 1000 "
                f"not between {cut} and {cut + 4} order by k, l) "
                f"to '{place}/{day}.csv' (format csv, header)"
            )
        columns = [*("k", "l"), *_TEXT, "last"]
        spec = ", ".join(f"'{name}': 'varchar'" for name in columns)
        connection.execute(
            f"copy (select k, l, hash({', '.join(columns)}) as h from "
            f"read_csv('{place}/old.csv', columns = {{{spec}}}, header = true, "
            f"auto_detect = false)) to '{place}/old.parquet' "
            "(format parquet, compression zstd)"
        )


SCRIPTS = {
    "merge": """
import sys
from pathlib import Path
from publish import merge
place = Path(sys.argv[1])
key = merge.Form(",", '"', '"').key([0, 1], [False, False])
cut, come = place / "cut.csv", place / "come.csv"
merge.subtract(place / "old.csv", place / "new.csv", cut, come, True, key)
with cut.open("rb") as one, come.open("rb") as two:
    counts = [sum(1 for _ in side) - 1 for side in (one, two)]
(place / "merge.count").write_text(f"{counts[0]} {counts[1]}")
""",
    "join": """
import sys
import duckdb
place = sys.argv[1]
columns = ["k", "l", *(f"c{n}" for n in range(23)), "last"]
spec = ", ".join(f"'{name}': 'varchar'" for name in columns)
read = (
    "read_csv('{0}/{1}.csv', columns = {{{2}}}, header = true, auto_detect = false)"
)
old, new = (read.format(place, day, spec) for day in ("old", "new"))
connection = duckdb.connect()
connection.execute(f"set temp_directory = '{place}/spill'")
hashed = f"(select k, l, hash({', '.join(columns)}) as h from {new})"
connection.execute(
    "create temp table differing as select coalesce(o.k, n.k) as k, "
    "coalesce(o.l, n.l) as l, o.h is not null as o, n.h is not null as n "
    f"from '{place}/old.parquet' as o full join {hashed} as n "
    "on o.k = n.k and o.l = n.l where o.h is distinct from n.h"
)
counts = []
for side, source in (("o", old), ("n", new)):
    counts.append(connection.execute(
        f"copy (select f.* from {source} as f join differing as d "
        f"on f.k = d.k and f.l = d.l where d.{side} order by f.k, f.l) "
        f"to '{place}/join_{side}.csv' (format csv, header)"
    ).fetchone()[0])
with open(f"{place}/join.count", "w") as file:
    file.write(f"{counts[0]} {counts[1]}")
""",
}


if __name__ == "__main__":
    bench()
