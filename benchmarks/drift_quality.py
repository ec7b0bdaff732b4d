"""Measure how many spoiled files guards and drift find, and their false alarms.

    python -m benchmarks.drift_quality [--runs 200] [--parts 2500] [--every 2]

A history is replayed and spoiled in every way. Each run is judged by the guards, with
the limits of the exposure `onpart_inventory`, and by `monitor.drift`, on the profile of
the file. The suite is left out: it would hold most files with many wrong values.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from benchmarks import drift_world
from monitor.drift import profile
from monitor.drift.compare import compare
from monitor.drift.limits import Tolerance
from publish.gate import guards
from publish.gate.checks import GuardContext
from publish.package.manifest import Resource, build_manifest
from runtime.duck import name, names, text
from runtime.environment import Limits
from runtime.files import sha256_of
from store import feeds
from store.feeds.artifacts import Artifacts
from store.package import Package

FEED = "onpart_inventory"
WARM = 28  # runs before anything is judged


@dataclass
class Bench:
    """One history: a connection, the feed, where files are written."""

    connection: duckdb.DuckDBPyConnection
    feed: feeds.Feed
    folder: Path
    seed: int

    def judge(self, at: datetime, last_rows: int | None) -> tuple[list[str], Any]:
        """Return the guards that would hold `today`, and its profile."""
        self.connection.execute("create or replace view feed as select * from today")
        # The guards read the mart too.
        self.connection.execute("attach if not exists ':memory:' as warehouse")
        self.connection.execute(
            f"create or replace table {self.feed.state.sql} as from today"
        )
        checks = guards.run_guards(
            GuardContext(
                self.connection, self.feed, None, (None,), at, last_rows is not None,
                last_rows, False, False,
            )
        )  # fmt: skip
        holding = [check.id for check in checks if not check.passed]
        return holding, self._profile(at)

    def _profile(self, at: datetime) -> Any:
        run_id = f"{at:%Y%m%dT%H%M%SZ}-0"
        folder = self.folder / FEED / run_id
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "file.csv"
        order = names(self.feed.sort)
        self.connection.execute(
            f"copy (select * from today order by {order}) to {text(str(path))} "
            "(header, delimiter ',', quote '\"', escape '\"', nullstr '')"
        )
        (rows,) = self.connection.execute("select count(*) from today").fetchone() or ()
        file = Resource(
            FEED, path, rows, self.feed.columns, self.feed.dialect, sha256_of(path),
            self.feed.key,
        )  # fmt: skip
        run = {
            "run_id": run_id, "logical_time": f"{at:%Y-%m-%dT%H:%M:%SZ}", "split": None,
            "counts": [], "changes": self._changes(rows),
        }  # fmt: skip
        document = build_manifest(self.feed, file, {}, run)
        (folder / "file.manifest.json").write_text(json.dumps(document))
        return profile.profile(Package(folder), Limits("1GB", 1), self.folder)

    def _changes(self, rows: int) -> dict[str, Any]:
        """Count what changes.csv would list, as `publish` does."""
        key = names(self.feed.key)
        columns = [c.name for c in self.feed.columns if c.name not in self.feed.key]
        moved = ", ".join(
            f"count(*) filter (t.{name(c)} is distinct from h.{name(c)})"
            for c in columns
        )
        counted = self.connection.execute(
            f"select count(*), {moved} from today as t "
            f"join partner_rows as h using ({key})"
        ).fetchone()
        before = self.connection.execute("select count(*) from partner_rows").fetchone()
        if not counted or not before or not before[0]:
            return {}
        same = " or ".join(f"t.{name(c)} is distinct from h.{name(c)}" for c in columns)
        changed = self.connection.execute(
            f"select count(*) from today as t "
            f"join partner_rows as h using ({key}) where {same}"
        ).fetchone()
        return {
            "first": False, "rows_before": before[0], "rows_after": rows,
            "added": rows - counted[0], "removed": before[0] - counted[0],
            "changed": changed[0] if changed else 0,
            "columns": dict(zip(columns, counted[1:], strict=True)),
        }  # fmt: skip

    def deliver(self) -> int:
        """Let the partner hold `today`; return its rows."""
        self.connection.execute(
            "create or replace table partner_rows as select * from today"
        )
        (rows,) = self.connection.execute(
            "select count(*) from partner_rows"
        ).fetchone() or (0,)
        return int(rows)


@dataclass
class Tally:
    """The results of the trials of one kind."""

    trials: int = 0
    held: int = 0
    reported: int = 0
    caught: int = 0
    by: Counter[str] = field(default_factory=Counter)

    def count(self, holding: list[str], drifting: list[str]) -> None:
        """Count one trial."""
        self.trials += 1
        self.held += bool(holding)
        self.reported += bool(drifting)
        self.caught += bool(holding or drifting)
        self.by.update({*holding, *drifting})

    @property
    def share(self) -> float:
        """The share that was held or reported."""
        return self.caught / self.trials if self.trials else 0.0


def feed_of(artifacts: Path) -> feeds.Feed:
    """Return the declared feed of a manifest.json."""
    content = json.loads(artifacts.read_bytes())
    (feed,) = (f for f in feeds.read(Artifacts(content)) if f.name == FEED)
    return feed


def measure(
    artifacts: Path, runs: int, parts: int, every: int, seed: int = 7
) -> dict[str, Tally]:
    """Replay a history and spoil it.

    Args:
        artifacts: dbt's manifest.json.
        runs: clean runs to judge, after 28 of warm-up.
        parts: how many parts there are; most of them are in the file.
        every: every so many runs each fault is tried.
        seed: of the history.

    Returns:
        A tally for each fault and decay, and "clean".
    """
    feed = feed_of(artifacts)
    allowed = Tolerance.from_declaration(feed.drift, feed.state == feed.model)
    tallies = {kind: Tally() for kind in ("clean", *drift_world.FAULTS)}
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        bench = Bench(connection, feed, Path(folder), seed)
        _prepare(connection, feed, parts, seed)
        past: list[Any] = []
        last: int | None = None
        for number in range(WARM + runs):
            at = drift_world.day(connection, number, seed)
            if last is None:
                connection.execute("create table partner_rows as from today limit 0")
            holding, now = bench.judge(at, last)
            if number >= WARM:
                tallies["clean"].count(holding, _reported(now, past, allowed))
                if number % every == 0:
                    _spoil(bench, number, last, past, allowed, tallies)
                drift_world.day(connection, number, seed)
            past.append(now)
            last = bench.deliver()
        for kind, sql in drift_world.DECAYS.items():
            tallies[f"decay: {kind}"] = _decay(bench, sql, past[:72], allowed)
    return tallies


def _prepare(
    connection: duckdb.DuckDBPyConnection, feed: feeds.Feed, parts: int, seed: int
) -> None:
    connection.execute("set TimeZone = 'UTC'; attach ':memory:' as warehouse")
    if feed.audit:
        connection.execute(f"create table {feed.audit.sql} as select 'ELIGIBLE' status")
    drift_world.make(connection, parts, seed)


def _reported(now: Any, past: list[Any], allowed: Tolerance) -> list[str]:
    return sorted({d.id for d in compare(now, past, allowed) if d.unusual})


def _spoil(
    bench: Bench,
    number: int,
    last: int | None,
    past: list[Any],
    allowed: Tolerance,
    tallies: dict[str, Tally],
) -> None:
    for kind, ways in drift_world.FAULTS.items():
        at = drift_world.day(bench.connection, number, bench.seed)
        trial = tallies[kind].trials
        bench.connection.execute(ways[trial % len(ways)].replace("{n}", str(trial)))
        holding, now = bench.judge(at, last)
        tallies[kind].count(holding, _reported(now, past, allowed))


def _decay(bench: Bench, sql: str, before: list[Any], allowed: Tolerance) -> Tally:
    """Let a file decay for 40 runs; stop at the first report."""
    past, tally = list(before), Tally()
    drift_world.day(bench.connection, len(before) - 1, bench.seed)
    last = bench.deliver()
    holding: list[str] = []
    drifting: list[str] = []
    for step in range(41):
        at = drift_world.day(bench.connection, len(before) + step, bench.seed)
        bench.connection.execute(sql.replace("{k}", str(step)))
        held, now = bench.judge(at, last)
        figures = _reported(now, past, allowed)
        holding += held
        drifting += figures
        if figures or held:
            tally.by[f"after {step} runs"] += 1
            break
        past.append(now)
        last = bench.deliver()
    tally.count(holding, drifting)
    return tally


def table(tallies: dict[str, Tally]) -> Iterator[str]:
    """Write the tallies as a Markdown table."""
    yield "| history | runs | held by guards | reported by drift | caught | by |"
    yield "|---|---|---|---|---|---|"
    for kind, tally in tallies.items():
        by = ", ".join(f"{id_} {count}" for id_, count in tally.by.most_common(4))
        yield (
            f"| {kind} | {tally.trials} | {tally.held} | {tally.reported} | "
            f"{tally.share:.1%} | {by} |"
        )


def parsed(folder: Path) -> Path:
    """Let dbt write the manifest into a folder of our own; return it."""
    subprocess.run(
        ["dbt", "--quiet", "parse", "--target-path", str(folder)],
        check=True,
        stdout=sys.stderr,
    )
    return folder / "manifest.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--parts", type=int, default=2500)
    parser.add_argument("--every", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        manifest_file = parsed(Path(folder))
        tallies = measure(
            manifest_file,
            arguments.runs,
            arguments.parts,
            arguments.every,
            arguments.seed,
        )
    print("\n".join(table(tallies)))


if __name__ == "__main__":
    main()
