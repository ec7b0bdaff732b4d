"""Both feeds on DuckDB and on a real Spark cluster:

    python -m benchmarks.scale 200000 1000000

The cluster is a standalone master and two workers with a core each, on loopback. Each
engine builds the same extract after a small night, so no unit tests run, and publishes
to a folder. Every file that the partner gets must have the same bytes. At the first
size another build loses one of the workers while it writes the parts.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import click
import psutil

from benchmarks.baseline import both_sources
from benchmarks.measure import Cost, cost_of, resident
from benchmarks.steps import HERE, Place, begin, place, show
from runtime.files import sha256_of

SIZES = (200_000, 1_000_000)
SMALL = 1_000
FEED = "onpart_inventory"
# Killed with this table half written: models before it have shuffled most rows.
_MIDDLE = "int_parts_14_decided"
_SPARK = HERE / ".venv" / "spark"
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Cluster:
    """A standalone master and its workers, as processes of their own.

    Attributes:
        variables: lead dbt to it.
        processes: the master, then the workers.
    """

    variables: Mapping[str, str]
    processes: Sequence[psutil.Popen]

    def cpu(self) -> float:
        """The CPU seconds so far, with those of all executors that have ended."""
        self._wait_for_executors()
        return sum(sum(each.cpu_times()[:4]) for each in self.processes)

    def kill_worker(self) -> None:
        """Kill the last worker and its executors with SIGKILL."""
        worker = self.processes[-1]
        for each in (worker, *worker.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGKILL)
        worker.wait()

    def _wait_for_executors(self) -> None:
        psutil.wait_procs(
            [each for worker in self.processes for each in worker.children()],
            timeout=_SECONDS,
        )


@contextmanager
def cluster(memory: str) -> Iterator[Cluster]:
    """Start a master and two workers on loopback, and end them.

    Args:
        memory: of each executor, such as 2g.

    Raises:
        RuntimeError: a process of the cluster did not start.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spark ")))
        # Other users of the machine cannot run programs on it.
        (folder / "spark-defaults.conf").write_text(
            "spark.authenticate true\n"
            f"spark.authenticate.secret {secrets.token_hex(16)}\n"
            f"spark.executor.memory {memory}\n"
            "spark.executor.cores 1\n"
            # For the cores of a cluster with many of them Spark's default is 200.
            "spark.sql.shuffle.partitions 8\n"
        )
        settings = {
            "SPARK_CONF_DIR": str(folder),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(folder / "local"),
        }
        env = {**os.environ, **settings, "SPARK_HOME": str(_home())}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        url = f"spark://127.0.0.1:{port}"
        host = ("--host", "127.0.0.1", "--webui-port", "0")
        processes = [
            _started(
                stack, folder / "master.log", env, "Starting Spark master",
                "master.Master", *host, "--port", str(port),
            )
        ]  # fmt: skip
        for name in ("one", "two"):
            work = ("--cores", "1", "--memory", "8g", "--work-dir", str(folder / name))
            processes.append(
                _started(
                    stack, folder / f"{name}.log", env, "registered with",
                    "worker.Worker", *host, *work, url,
                )
            )  # fmt: skip
        yield Cluster({**settings, "MASTER": url}, processes)


def _home() -> Path:
    """Return the folder of pyspark in the environment of Spark."""
    (folder,) = _SPARK.glob("lib/python*/site-packages/pyspark")
    return folder


def _started(
    stack: ExitStack, log: Path, env: Mapping[str, str], ready: str, *words: str
) -> psutil.Popen:
    """Start a program of Spark, to be ended by `stack`; wait until it logs `ready`."""
    command = [_home() / "bin/spark-class", f"org.apache.spark.deploy.{words[0]}"]
    with log.open("w") as output:
        process = psutil.Popen(
            [*command, *words[1:]], env=env, stdout=output, stderr=subprocess.STDOUT
        )

    def end() -> None:
        if process.poll() is None:
            process.terminate()
            process.wait()

    stack.callback(end)
    limit = time.monotonic() + _SECONDS
    while ready not in log.read_text():
        if time.monotonic() > limit:
            raise RuntimeError(f"Spark did not start: {log.read_text()[-2000:]}")
        time.sleep(0.1)
    return process


@click.command()
@click.argument("sizes", nargs=-1, type=int)
@click.option("--memory", default="2g", show_default=True, help="Of each executor.")
@click.option("--no-kill", is_flag=True, help="Kill no worker.")
def bench(sizes: Sequence[int], memory: str, no_kill: bool) -> None:
    """Build items and orders of SIZES by both engines; compare what partners get."""
    sizes = sizes or SIZES
    begin("A master and two workers")
    same = True
    for size in sizes:
        with ExitStack() as stack:
            here, beside = (stack.enter_context(place()) for _ in range(2))
            running = stack.enter_context(cluster(memory))
            beside = _on_spark(beside, running.variables)
            _compare(size, here, beside, running)
            same &= _same(here, beside)
            if not no_kill and size == sizes[0]:
                same &= _without_a_worker(beside, running)
    sys.exit(0 if same else 1)


def _on_spark(here: Place, variables: Mapping[str, str]) -> Place:
    programs = f"{_SPARK / 'bin'}{os.pathsep}{here.env['PATH']}"
    env = {**here.env, **variables, "FEEDS_ENGINE": "spark", "PATH": programs}
    return replace(here, env=env)


def _compare(size: int, here: Place, beside: Place, running: Cluster) -> None:
    """Measure a night of each engine after a small one, on the same extract."""
    _extract(here, SMALL)
    shutil.copytree(here.data, beside.data, symlinks=True)
    _build(replace(beside, env={**beside.env, **_for_few_rows(beside.folder)}))
    here.run("publish", "build", "--quiet")
    _extract(here, size)
    shutil.rmtree(beside.data / "landing")
    shutil.copytree(here.data / "landing", beside.data / "landing", symlinks=True)
    built = here.run("publish", "build", "--quiet")
    show(f"DuckDB: publish build, {size:,} items and orders", built)
    sent = _publish(here)
    show("DuckDB: publish to a folder", sent)
    before = running.cpu()
    peak = _Peak(running)
    on_spark = _build(beside)
    on_spark = replace(
        on_spark,
        cpu=on_spark.cpu + running.cpu() - before,
        peak=on_spark.peak + peak.end() / 2**20,
    )
    show("Spark: publish build", on_spark, on_spark.over(built))
    sent_again = _publish(beside)
    show("Spark: publish to a folder", sent_again, sent_again.over(sent))


def _for_few_rows(folder: Path) -> Mapping[str, str]:
    """Return settings that run many queries of few rows fast: those of unit tests."""
    settings = folder / "settings"
    settings.mkdir()
    (settings / "spark-defaults.conf").write_text(
        "spark.sql.shuffle.partitions 1\n"
        "spark.sql.adaptive.enabled false\n"
        "spark.sql.codegen.wholeStage false\n"
    )
    return {
        "MASTER": "local[2]",
        "SPARK_CONF_DIR": str(settings),
        "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"
        " -XX:+UseSerialGC -Xss8m",
    }


def _without_a_worker(beside: Place, running: Cluster) -> bool:
    """Kill a worker in the middle of a build; return whether no file is wrong.

    The build ends with 0 or says what failed. In both cases `publish` makes the bytes
    that the partner has of this extract, or refuses.
    """
    earlier = {*(beside.data / "spark").glob(f"*/{_MIDDLE}")}
    ended = threading.Event()

    def kill() -> None:
        while not ended.wait(0.02):
            new = {*(beside.data / "spark").glob(f"*/{_MIDDLE}")} - earlier
            if any([*each.glob("_temporary/*/*")] for each in new):
                running.kill_worker()
                return

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        _build(beside)
        print("\nA worker was killed in the middle; the build ended with 0.")
    except RuntimeError as error:
        print(f"\nA worker was killed in the middle; the build failed: {error}")
    ended.set()
    killer.join()
    if running.processes[-1].is_running():
        print("No worker was killed.")
        return False
    try:
        beside.run("publish", FEED, "--dry-run", "--quiet", "--at", _at())
    except RuntimeError as refusal:
        print(f"publish refused: {refusal}")
        return True
    package = max((beside.data / "outbox" / FEED).iterdir())
    (name,) = package.glob("*inventory*.csv")
    sent = max((beside.folder / "partner").glob("*inventory*.csv"))
    same = sha256_of(name) == sha256_of(sent)
    print(f"publish: {'the same bytes' if same else 'OTHER BYTES'}.")
    return same


def _extract(here: Place, size: int) -> None:
    with both_sources(size) as sources:
        here.run("extract", "--quiet", **sources)


def _build(beside: Place) -> Cost:
    words = (str(_SPARK / "bin" / "publish"), "build", "--quiet")
    return cost_of(words, beside.env, HERE)


def _publish(here: Place) -> Cost:
    partner = here.folder / "partner"
    (partner / "dev/order-feed").mkdir(parents=True, exist_ok=True)
    to = {"DEST_ONPART_URL": partner.as_uri(), "DEST_ORDERS_URL": partner.as_uri()}
    return here.run("publish", "--quiet", "--at", _at(), **to)


def _at() -> str:
    """Return when files are due today."""
    today = datetime.now(UTC).replace(hour=8, minute=0, second=0, microsecond=0)
    return f"{today:%FT%TZ}"


def _same(here: Place, beside: Place) -> bool:
    """Print whether partners got the same bytes, and return it."""
    one, other = (
        {
            str(path.relative_to(each.folder)): sha256_of(path)
            for path in (each.folder / "partner").rglob("*.csv")
        }
        for each in (here, beside)
    )
    differing = sorted({name for name, _ in {*one.items()} ^ {*other.items()}})
    print(f"\n{len(one)} files, {len(differing)} differ {' '.join(differing)}\n")
    return bool(one) and not differing


class _Peak(threading.Thread):
    """Samples the resident memory of the processes of a cluster."""

    def __init__(self, running: Cluster) -> None:
        super().__init__(daemon=True)
        self._running = running
        self._peak = 0
        self._ended = threading.Event()
        self.start()

    def run(self) -> None:
        """Look until `end` is called."""
        while not self._ended.wait(0.2):
            self._peak = max(
                self._peak, sum(resident(each.pid) for each in self._running.processes)
            )

    def end(self) -> int:
        """Stop; return the largest sum, in bytes."""
        self._ended.set()
        self.join()
        return self._peak


if __name__ == "__main__":
    bench()
