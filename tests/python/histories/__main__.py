"""Run many histories in several processes, and say what happened in them."""

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from histories import machine, nights

CHUNK = 5
# So many histories have everything in them.
MANY = 100


def main() -> None:
    """Run what the command line asks for; exit 1 if it fails or leaves a step out."""
    parser = argparse.ArgumentParser(prog="histories", description=__doc__)
    parser.add_argument("--histories", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="of the first five")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=60, help="begin none later")
    parser.add_argument("--compiled", type=Path, help="a folder that is kept")
    parser.add_argument("--shrink", action="store_true", help="shorten a failure")
    given = parser.parse_args()
    began, counts, failures = time.monotonic(), Counter[str](), []
    with tempfile.TemporaryDirectory(prefix="compiled-") as place:
        folder = given.compiled or Path(place)
        if not (folder / "target/run_results.json").exists():
            nights.Compiled.build(folder)
        size = min(CHUNK, given.histories)
        seeds = range(given.seed, given.seed + given.histories // size)
        pool = ProcessPoolExecutor(
            given.workers, multiprocessing.get_context("spawn"), max_tasks_per_child=1
        )
        waiting = [
            pool.submit(machine.chunk, folder, size, seed, given.shrink)
            for seed in seeds
        ]
        for done in as_completed(waiting):
            happened, failure = done.result()
            counts += happened
            failures += [failure] if failure else []
            sys.stdout.write(f"{failure}\n" if failure else ".")
            sys.stdout.flush()
            if time.monotonic() - began > 60 * given.minutes:
                pool.shutdown(cancel_futures=True)
                break
    report = machine.summary(counts, time.monotonic() - began)
    sys.stdout.write(f"\n{report}\n{len(failures)} failures\n")
    never = machine.never(counts) if counts["histories"] >= MANY else []
    if never:
        sys.stdout.write(f"it never happened: {', '.join(never)}\n")
    sys.exit(bool(failures or never))


if __name__ == "__main__":
    main()
