"""Run a cell: copy the project, make the fault, run until all is sent, check."""

import queue
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import servers
from commands import Child

from faults import checker, places
from faults.cells import Cell
from faults.prepared import NEW_AT, Prepared, prepare, start

_RUNS = 4
_SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM}


@dataclass(frozen=True, slots=True)
class Result:
    """The exit codes of a cell's runs, what was wrong, how many seconds it took.

    `skipped` says what the machine lacks for the cell.
    """

    cell: Cell
    codes: tuple[int, ...] = ()
    wrong: tuple[str, ...] = ()
    seconds: float = 0.0
    skipped: str = ""
    output: str = ""


@dataclass
class Runner:
    """It runs cells one after another; servers stay up between them."""

    prepared: Prepared
    work: Path
    _places: dict[str, places.Place] = field(default_factory=dict)
    _count: int = 0
    # How long a run without a fault takes, and its delivery, by place.
    _lasts: dict[str, tuple[float, float]] = field(default_factory=dict)

    def close(self) -> None:
        """End the servers."""
        for place in self._places.values():
            place.close()

    def run(self, cell: Cell) -> Result:
        """Run one cell."""
        began = time.monotonic()
        try:
            place = self._place(cell.place)
        except servers.UnavailableError as lacking:
            return Result(cell, skipped=str(lacking))
        if cell.how == "random":
            self._learn(place)
        return self._judged(cell, place, began)

    def _place(self, kind: str) -> places.Place:
        if kind not in self._places:
            self._places[kind] = places.make(kind)
        return self._places[kind]

    def _copy(self, place: places.Place, cell: Cell) -> tuple[Path, dict[str, str]]:
        self._count += 1
        root = self.prepared.copy(self.work / f"{self._count}")
        place.reset(self.prepared.old)
        return root, {
            "FEEDS_DATA": str(root / "data dir"),
            "XDG_STATE_HOME": str(root / "state"),
            "DEST_ONPART_RETRIES": "2",
            "DEST_ONPART_RETRY_PAUSE": "0.05",
            "DEST_ONPART_TIMEOUT": "11",
            **place.variables,
        }

    def _learn(self, place: places.Place) -> None:
        """Measure a run without a fault; random moments are chosen within it."""
        if place.kind in self._lasts:
            return
        root, environment = self._copy(place, Cell(place.kind, "none"))
        began = time.monotonic()
        run = start(root, NEW_AT, environment)
        run.wait_for("ready file=")
        ready = time.monotonic()
        done = run.wait()
        assert done.returncode == 0, done
        end = time.monotonic()
        self._lasts[place.kind] = (end - began, end - ready)
        shutil.rmtree(root)

    def _judged(self, cell: Cell, place: places.Place, began: float) -> Result:
        root, environment = self._copy(place, cell)
        data = root / "data dir"
        traces = checker.Traces(
            place.folder, data / "ledger.jsonl", data, self.prepared.old,
            self.prepared.new, None, (places.PASSWORD,),
            codes=(2,) if cell.how == "raise" else (),
        )  # fmt: skip
        codes: list[int] = []
        wrong: list[str] = []
        output = ""
        try:
            for number in range(_RUNS):
                if number == 0:
                    done = self._with_fault(cell, place, root, environment)
                else:
                    done = start(root, NEW_AT, environment).wait()
                codes.append(done.returncode)
                output += f"{done.stdout}{done.stderr}\n"
                traces.outputs += [done.stdout.encode(), done.stderr.encode()]
                wrong += checker.after_a_run(traces, done.returncode)
                if number and done.returncode == 0:
                    break
            else:
                wrong.append("convergence: it never ended with 0")
            traces.log = place.logged()
            wrong += checker.in_the_end(traces)
        except TimeoutError as error:
            wrong.append(f"hang: {error}")
        shutil.rmtree(root)
        seconds = time.monotonic() - began
        return Result(cell, tuple(codes), tuple(wrong), seconds, output=output)

    def _with_fault(
        self, cell: Cell, place: places.Place, root: Path, environment: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        point, _, more = cell.point.partition("; ")
        filler = place.folder / "filler"
        if more.startswith("reply "):
            place.set_fault(more.removeprefix("reply "))
        if cell.how == "disk" or more == "disk":
            used = sum(len(content) for content in self.prepared.old.values())
            filler.write_bytes(b"x" * ((3 << 20) - used - used // 2))
        if cell.how == "reply":
            place.set_fault(point)
        name, _, visit = point.partition("@")
        action = "stop" if cell.how == "cut" else cell.how
        if action in ("kill", "term", "stop", "full", "raise"):
            term = f"{name}={action}" + (f"@{visit}" if visit else "")
            environment = {**environment, "FEEDS_FAILPOINT": term}
        run = start(root, NEW_AT, environment)
        if cell.how == "cut":
            _cut(run, place)
        elif cell.how == "random":
            self._at_some_moment(run, cell, place)
        done = run.wait()
        filler.unlink(missing_ok=True)
        if place.lab and place.lab.process is None:
            place.lab.start()
        place.set_fault("")
        return done

    def _at_some_moment(self, run: Child, cell: Cell, place: places.Place) -> None:
        """Half of the moments lie in the whole run, half while it delivers."""
        dice = random.Random(cell.seed)
        whole, delivery = self._lasts[place.kind]
        if cell.seed % 2:
            time.sleep(dice.uniform(0, 0.9 * whole))
        else:
            run.wait_for("ready file=")
            time.sleep(dice.uniform(0, 0.9 * delivery))
        run.signal(_SIGNALS[cell.point])


def _cut(run: Child, place: places.Place) -> None:
    """Kill the server and its sessions while `publish` is stopped."""
    assert place.lab is not None
    if run.stopped():
        place.lab.kill()
        run.signal(signal.SIGCONT)


def results(chosen: Sequence[Cell], workers: int) -> Iterator[Result]:
    """Run cells, as many at a time as there are workers; results as they come."""
    with tempfile.TemporaryDirectory(prefix="faults-") as place, ExitStack() as stack:
        prepared = prepare(Path(place))
        free: queue.SimpleQueue[Runner] = queue.SimpleQueue()
        for number in range(workers):
            work = Path(place) / f"w{number}"
            work.mkdir()
            free.put(stack.enter_context(closing(Runner(prepared, work))))

        def run(cell: Cell) -> Result:
            runner = free.get()
            try:
                return runner.run(cell)
            finally:
                free.put(runner)

        pool = stack.enter_context(ThreadPoolExecutor(workers))
        for done in as_completed([pool.submit(run, cell) for cell in chosen]):
            yield done.result()
