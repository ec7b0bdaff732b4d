"""A year of nights of both feeds: what both partners have, and what it costs.

    make year                        # 365 nights
    python -m histories.year --nights 120 --csv year.csv

The orchestrator starts at nine in the morning in Berlin, so that its time in UTC moves
by an hour twice. `Random` draws the edits and the events of every night. On the first
of each month the sources are repaired, and both partners must have all that is right.
`publish prune` runs each week. The cost of every command is CPU time in this process;
that of the build is the time of the compiled SQL. Costs must not grow with the nights.
What is kept on purpose grows: records of the ledger, which each command reads once
(`read`), the proofs of pruned packages, and pages. There each one must cost the same.
"""

import argparse
import csv
import datetime as dt
import gc
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from connection_faults import GOOD
from hypothesis.internal.conjecture.data import ConjectureData
from servers.stub import Stub

import monitor.__main__ as monitor_command
from histories import nights
from histories.events import EFFECTS, EVENTS, Nights
from histories.nights import Compiled, Ended, Project
from histories.source import BEGINNING, DAY, EDITS, Source

PLACE = ZoneInfo("Europe/Berlin")
STARTS_AT = dt.time(9, tzinfo=PLACE)
DBT_EVERY = 60  # nights
PRUNE_EVERY = 7
LOOK_EVERY = 3
KEEP = {"FEEDS_KEEP_DAYS": "30", "FEEDS_KEEP_RUNS": "10"}
COMMANDS = ("build", "publish", "status", "health", "why", "page", "prune")
FLAT = ("state", "landing", "outbox", "warehouse", "rest")
STORED = ("ledger", "proofs", "pages")
YEAR = 365
# What every year has, besides all events, edits and effects.
SURE = ("leap days", "changes of the clocks", "upgrades of the sources")
# Greatest cost of a month in the second half, as a share of that in the first half,
# without the first month, in which the data directory is filled.
LIMIT = 1.5


@dataclass
class Month:
    """What the nights of a month cost.

    Attributes:
        seconds: of CPU, by command, for each of its runs.
        bytes: at most, by part of the data directory.
        numbers: at the end of the month, of each thing that is kept on purpose.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    bytes: dict[str, int] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    def median(self, command: str) -> float:
        """Return the CPU seconds of a run of a command; 0 if it never ran."""
        return statistics.median(self.seconds[command] or [0])

    def own(self, command: str) -> float:
        """Return the CPU seconds of a run without reading the ledger once."""
        return self.median(command) - (self.median("read") if command != "build" else 0)

    def look(self, project: Project) -> None:
        """Measure the data directory."""
        for name, size in sizes(project.data).items():
            self.bytes[name] = max(size, self.bytes.get(name, 0))
        self.numbers = numbers(project)

    def each(self, name: str) -> float:
        """Return the bytes of one thing that is kept on purpose."""
        return self.bytes[name] / max(self.numbers[name], 1)


class MeasuredProject(Project):
    """A project that measures its commands.

    Attributes:
        month: of the night that passes.
    """

    month = Month()

    @contextmanager
    def measured(self, command: str) -> Iterator[None]:
        """Measure a command as in a process of its own.

        A search for garbage passes over what this process made before.
        """
        gc.freeze()
        began = time.process_time()
        yield
        self.month.seconds[command].append(time.process_time() - began)
        gc.unfreeze()

    def publish(self, *words: str, root: Path | None = None, **variables: str) -> Ended:
        """Measure a run of `publish`."""
        command = words[0] if words[0] in ("status", "prune") else "publish"
        if command == "publish" and not words[0].startswith("--"):
            return super().publish(*words, root=root, **variables)
        with self.measured(command):
            return super().publish(*words, root=root, **variables)

    def _build(self, *arguments: Any) -> None:
        with self.measured("build"):
            super()._build(*arguments)

    def monitor(self, name: str, command: str, *words: str) -> None:
        """Measure a run of `monitor`."""
        runner = CliRunner(env=self._environment({}))
        with chdir(self.root), self.measured(name):
            done = runner.invoke(monitor_command.cli, [command, *words, "--quiet"])
        assert done.exit_code in (0, 1), (done.output, done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit)


class Year(Nights):
    """Nights by the clock of a place."""

    def next_day(self) -> None:
        """Let the orchestrator start at the same time of the next day."""
        before = self.source.at.astimezone(PLACE)
        day = before.date() + dt.timedelta(days=1)
        now = dt.datetime.combine(day, STARTS_AT)
        self.counts["leap days"] += (day.month, day.day) == (2, 29)
        self.counts["changes of the clocks"] += now.utcoffset() != before.utcoffset()
        self.source.at = now.astimezone(dt.UTC)


def run(
    compiled: Compiled,
    folder: Path,
    count: int,
    first: dt.date,
    seed: int = 1,
    say: Callable[[str], object] = lambda _: None,
) -> tuple[dict[str, Month], Counter[str]]:
    """Let nights pass; return what they cost, by month, and what happened.

    Args:
        compiled: of a real build.
        folder: for the data directory.
        count: how many nights.
        first: the day of the first night.
        seed: of what is drawn.
        say: takes a line when a month has ended.

    Raises:
        AssertionError: a partner has something else than what is right; its notes
            name the last records and what was drawn.
    """
    months: dict[str, Month] = {}
    counts: Counter[str] = Counter()
    lines: deque[str] = deque(maxlen=80)
    with Stub(GOOD) as server:
        project = MeasuredProject(folder, compiled, server)
        source = Source(0)
        source.at = dt.datetime.combine(first, STARTS_AT).astimezone(dt.UTC)
        source.at -= dt.timedelta(days=1)
        year = Year(project, source, counts, lines.append, eager=True)
        try:
            for number in range(1, count + 1):
                name = f"{source.at + dt.timedelta(days=1):%Y-%m}"
                if name not in months and months:
                    last = [*months][-1]
                    say(line(last, months[last]))
                project.month = months.setdefault(name, Month())
                _night(year, number, count, Random(seed * 1000 + number))
                project.month.look(project)
            say(line(name, months[name]))
        except BaseException as error:
            error.add_note(f"night {number}\n" + "\n".join(lines))
            raise
        finally:
            year.consumer.close()
    return months, counts


def _night(year: Year, number: int, count: int, random: Random) -> None:
    """Let one night pass, and look at it as an operator does."""
    project = year.project
    assert isinstance(project, MeasuredProject)
    drawn = ConjectureData(random=random)

    def draw(strategy: Any, label: str | None = None) -> Any:
        value = drawn.draw(strategy)
        year.note(f"  {label}: {value!r}")
        return value

    edits = random.sample([n for names in EDITS.values() for n in names], 3)
    coming = year.source.at + dt.timedelta(days=2)
    if number == count // 2:
        year.source.upgrade()
        year.counts["upgrades of the sources"] += 1
    if (coming - dt.timedelta(days=1)).day == 1:
        year.next_day()
        year.arrive()
    else:
        plain = coming.day == 1 or number % DBT_EVERY == 0
        year.with_dbt = number % DBT_EVERY == 0
        year.night(edits, "good_night" if plain else random.choice(EVENTS), draw)
        year.with_dbt = False
    if number % PRUNE_EVERY == 0:
        assert project.publish("prune", **KEEP).code == 0
    if number % LOOK_EVERY == 0:
        assert project.publish("status").code == 0
        project.monitor("health", "health")
        project.monitor("why", "why", "SKU-1")
        project.monitor("page", "report")
        with project.measured("read"):
            assert project.ledger.last


def sizes(data: Path) -> dict[str, int]:
    """Return the bytes of the parts of a data directory."""
    total: Counter[str] = Counter()
    pruned = {path.parent for path in data.glob("outbox/*/*/pruned.json")}
    for path in data.rglob("*"):
        if path.is_file() and not path.is_symlink():
            part = path.relative_to(data).parts[0]
            name = "proofs" if path.parent in pruned else _PARTS.get(part, "rest")
            total[name] += path.stat().st_size
    return {name: total[name] for name in (*STORED, *FLAT)}


_PARTS = {"ledger.jsonl": "ledger", "delivered": "state", "report": "pages"}
_PARTS |= {name: name for name in ("landing", "outbox")}
_PARTS["warehouse.duckdb"] = "warehouse"


def numbers(project: Project) -> dict[str, int]:
    """Return how many there are of each thing that is kept on purpose."""
    return {
        "ledger": len(project.ledger.all()),
        "proofs": len([*project.data.glob("outbox/*/*/pruned.json")]),
        "pages": len([*project.data.glob("report/**/*.html")]),
    }


def line(name: str, month: Month) -> str:
    """Return a line of the table: CPU milliseconds of a run, then kilobytes."""
    cells = [f"{1000 * month.median(command):8.0f}" for command in (*COMMANDS, "read")]
    cells += [f"{size / 1000:10,.0f}" for size in month.bytes.values()]
    return f"{name:9}" + "".join(cells)


def title(month: Month) -> str:
    """Return the heads of the columns of `line`."""
    heads = [f"{command:>8}" for command in (*COMMANDS, "read")]
    return f"{'ms, kB':9}" + "".join([*heads, *(f"{name:>10}" for name in month.bytes)])


def growing(months: dict[str, Month]) -> dict[str, float]:
    """Return what costs too much in the second half, and how many times as much."""
    costs: dict[str, Callable[[Month], float]] = {
        **{name: partial(Month.own, command=name) for name in COMMANDS},
        **{name: partial(_bytes, name=name) for name in FLAT},
        **{name: partial(Month.each, name=name) for name in STORED},
        "read": lambda month: month.median("read") / month.numbers["ledger"],
    }
    _, *rest = months.values()
    if not (half := len(rest) // 2):
        return {}
    ratios = {
        name: max(map(cost, rest[half:])) / (max(map(cost, rest[:half])) or 1)
        for name, cost in costs.items()
    }
    return {name: round(each, 2) for name, each in ratios.items() if each > LIMIT}


def _bytes(month: Month, name: str) -> float:
    return month.bytes[name]


def missing(counts: Counter[str]) -> list[str]:
    """Return what never happened, and must happen in a year."""
    edits = [f"edit {name}" for names in EDITS.values() for name in names]
    events = [f"night {event}" for event in EVENTS]
    steps = dict.fromkeys([*events, *edits, *EFFECTS, *SURE])
    return [step for step in steps if not counts[step]]


def main() -> None:
    """Run what the command line asks for; exit 1 on growth or a missing step."""
    parser = argparse.ArgumentParser(prog="year", description=__doc__)
    parser.add_argument("--nights", type=int, default=YEAR)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--compiled", type=Path, help="a folder that is kept")
    parser.add_argument("--csv", type=Path, help="write the table there too")
    given = parser.parse_args()
    nights.speed_up(pytest.MonkeyPatch())
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="year-", dir=nights.memory()) as place:
        folder = given.compiled or Path(place, "compiled")
        if not (folder / "target/run_results.json").exists():
            Compiled.build(folder)
        months, counts = run(
            Compiled.read(folder), Path(place), given.nights, (BEGINNING + DAY).date(),
            given.seed, _say,
        )  # fmt: skip
    _say(title(next(iter(months.values()))))
    _say(f"{dict(sorted(counts.items()))}")
    _say(f"{given.nights} nights in {time.monotonic() - began:,.0f} s")
    if given.csv:
        _write(months, given.csv)
    grown = growing(months)
    _say(f"costs that are over {LIMIT} times those of the first half: {grown}")
    never = missing(counts) if given.nights >= YEAR else []
    if never:
        _say(f"it never happened: {', '.join(never)}")
    sys.exit(bool(grown or never))


def _write(months: dict[str, Month], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        parts = [*next(iter(months.values())).bytes]
        commands = (*COMMANDS, "read")
        writer.writerow(["month", *(f"{c}_s" for c in commands), *parts])
        for name, month in months.items():
            seconds = [round(month.median(command), 4) for command in commands]
            writer.writerow([name, *seconds, *month.bytes.values()])


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
