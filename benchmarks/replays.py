"""A history of runs over changing data, and every run made again: `make replays`, or

    python -m benchmarks.replays --runs 50 --folder data/replays

Each night the stand-ins say what they say on that day; extract, dbt build and publish
run as a user runs them. Then `publish replay` makes every package again, on 1, 2 and 4
threads and in 512 MB; the data directory must be left as it was. A history that lies
in the folder already is taken up.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import click

from runtime.files import sha256_of
from store import outbox

LIMITS = (("1", "2GB"), ("2", "2GB"), ("4", "2GB"), ("4", "512MB"))
_STEPS = """
set -e
export DEST_ONPART_URL="$PARTNER" DEST_ORDERS_URL="$PARTNER"
extract --quiet
dbt --quiet build
publish --quiet --due --at "$AT" || [ $? -eq 1 ]
"""


@click.command()
@click.option("--runs", default=50, show_default=True, help="Packages to make again.")
@click.option("--items", default=300, show_default=True, help="Part items a night.")
@click.option("--orders", default=300, show_default=True, help="Orders a night.")
@click.option("--in-turn", is_flag=True, help="Each run under one of the limits.")
@click.option("--folder", type=click.Path(path_type=Path), help="Keeps the history.")
def bench(
    runs: int, items: int, orders: int, in_turn: bool, folder: Path | None
) -> None:
    """Make a history, then make every run of it again and compare all bytes."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="replays-") as name:
            sys.exit(_bench(runs, items, orders, in_turn, Path(name)))
    folder.mkdir(parents=True, exist_ok=True)
    sys.exit(_bench(runs, items, orders, in_turn, folder.resolve()))


def _bench(runs: int, items: int, orders: int, in_turn: bool, folder: Path) -> int:
    env = environment(folder)
    counter = folder / "nights"
    nights = int(counter.read_text()) if counter.exists() else 0
    while len(packages(folder)) < runs:
        night(folder, env, nights, items, orders)
        nights += 1
        counter.write_text(str(nights))
        _say(f"night {nights}: {len(packages(folder))} packages")
    chosen = packages(folder)[:runs]
    files = Counter(package.parent.name.partition(".")[0] for package in chosen)
    _say(", ".join(f"{count} of {name}" for name, count in sorted(files.items())))
    before = _tree(folder / "data")
    seconds: dict[tuple[str, str], list[float]] = {limit: [] for limit in LIMITS}
    identical: Counter[tuple[str, str]] = Counter()
    for number, package in enumerate(chosen):
        for limit in LIMITS[number % len(LIMITS) :][:1] if in_turn else LIMITS:
            began = time.monotonic()
            identical[limit] += again(package, env, limit)
            seconds[limit].append(time.monotonic() - began)
        tally = ", ".join(f"{identical[each]}/{len(seconds[each])}" for each in LIMITS)
        _say(f"{number + 1} {package.parent.name}/{package.name}: {tally}")
    print(
        "| threads | memory | runs | identical | seconds each |\n|---|---|---|---|---|"
    )
    for limit, took in seconds.items():
        each = f"{median(took):.1f}" if took else ""
        print(f"| {' | '.join(limit)} | {len(took)} | {identical[limit]} | {each} |")
    if before != _tree(folder / "data"):
        _say("expected the data directory as it was, found it changed")
        return 1
    return int(any(identical[limit] != len(seconds[limit]) for limit in LIMITS))


def _tree(folder: Path) -> dict[str, str]:
    """Return every path below a folder with its target, its digest or nothing."""
    return {
        str(path.relative_to(folder)): str(path.readlink())
        if path.is_symlink()
        else sha256_of(path)
        if path.is_file()
        else ""
        for path in folder.rglob("*")
    }


def environment(folder: Path) -> dict[str, str]:
    """Name the folder's data directory and partner, and no real ones."""
    partner = folder / "partner"
    (partner / "dev" / "order-feed").mkdir(parents=True, exist_ok=True)
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "FEEDS_ENVIRONMENT": "dev",
        "FEEDS_DATA": str(folder / "data"),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "FEEDS_ACCEPT_FIRST": "1",
        # One code for the whole history, whatever is committed meanwhile.
        "FEEDS_COMMIT": "0" * 40,
        "PARTNER": partner.as_uri(),
    }


def night(
    folder: Path, env: Mapping[str, str], day: int, items: int, orders: int
) -> None:
    """Run one day: extract, build, publish."""
    begin = datetime.now(UTC) - timedelta(days=120)
    first_day = folder / "begin"
    if not first_day.exists():
        first_day.write_text(f"{begin:%Y-%m-%d}")
    begin = datetime.fromisoformat(first_day.read_text()).replace(tzinfo=UTC)
    at = f"{begin + timedelta(days=day, hours=8):%Y-%m-%dT%H:%M:%SZ}"
    subprocess.run(
        [
            *(sys.executable, "-m", "sandbox", "run", "--day", str(day)),
            *("--items", str(items), "--orders", str(orders)),
            *("--now", f"{begin:%Y-%m-%d}", "--", "sh", "-c", _STEPS),
        ],
        env={**env, "AT": at}, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def packages(folder: Path) -> list[Path]:
    """Return the folder of every package, by run id."""
    every = outbox.packages(folder / "data" / "outbox")
    return sorted((p.folder for p in every), key=lambda path: (path.name, path.parent))


def again(package: Path, env: Mapping[str, str], limit: tuple[str, str]) -> bool:
    """Make a run again under a limit; say whether every byte is the same."""
    threads, memory = limit
    done = subprocess.run(
        [
            *(sys.executable, "-m", "publish", "replay", "--json", "--quiet"),
            f"{package.parent.name}/{package.name}",
        ],
        env={**env, "FEEDS_THREADS": threads, "FEEDS_MEMORY_LIMIT": memory},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        _say(done.stdout + done.stderr)
    return done.returncode == 0 and bool(json.loads(done.stdout)["identical"])


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    bench()
