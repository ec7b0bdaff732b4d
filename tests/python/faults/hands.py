"""Cells dealt out to worker processes."""

import multiprocessing
import queue
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import warm

from faults.bench import Bench, Result
from faults.cells import Cell
from faults.ground import Ground, prepare


def results(chosen: Sequence[Cell], workers: int) -> Iterator[Result]:
    """Run cells, dealt out to worker processes; results as they come."""
    with tempfile.TemporaryDirectory(prefix="faults-") as place:
        warm.warm()
        ground = prepare(Path(place))
        hands = [list(chosen[index::workers]) for index in range(workers)]
        # spawn: a worker must have one thread and nobody's open files.
        context = multiprocessing.get_context("spawn")
        with context.Manager() as manager:
            done = manager.Queue()
            with ProcessPoolExecutor(workers, context) as pool:
                jobs = [
                    pool.submit(_work, ground, Path(place) / f"w{number}", hand, done)
                    for number, hand in enumerate(hands)
                ]
                for _ in chosen:
                    yield _next(done, jobs)


def _work(
    ground: Ground, work: Path, hand: Sequence[Cell], done: "queue.Queue[Result]"
) -> None:
    warm.warm()
    work.mkdir()
    bench = Bench(ground, work)
    try:
        for cell in hand:
            done.put(bench.run(cell))
    finally:
        bench.close()


def _next(done: "queue.Queue[Result]", jobs: Sequence[Future[None]]) -> Result:
    while True:
        try:
            return done.get(timeout=1)
        except queue.Empty:
            for job in jobs:
                if job.done():
                    job.result()  # raises what a worker died of
