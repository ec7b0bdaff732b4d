"""A project with both feeds, whose nights take a fraction of a second.

`dbt build` runs once; `compiled_project` executes what it compiled. A build that dies
leaves the tables of the nodes before. `Project.same_as_dbt` proves on sampled nights
that real dbt makes the same tables.

`publish` is the real command. It runs in this process, or in a child where a failpoint
kills it. `speed_up` lists what is replaced in Python's library.
"""

import datetime as dt
import functools
import json
import os
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import commands
import duckdb
import pytest
from click.testing import CliRunner
from compiled_project import Compiled
from servers.stub import Stub

import monitor.context
import monitor.report.index
import monitor.why.explain
import publish.__main__ as publish_command
import publish.check.command
import publish.hold
import publish.prune.command
from extract import runs
from extract.complete import Complete
from extract.custom_fields import custom_fields
from extract.entities import SOURCES
from extract.landing import land
from extract.pages import Listing, packed
from publish import selection
from runtime import failpoints
from runtime.environment import Environment, Limits
from runtime.exits import Stop
from store import confirmations, ledger

UTC = dt.UTC
LONG_AGO = dt.datetime(2023, 1, 1, tzinfo=UTC)
LIMITS = Limits("1GB", 1)
FILES = ("onpart_inventory", "order_feed_delta_file", "order_feed_full_file")
Records = Mapping[str, Sequence[Mapping[str, Any]]]


class Clock(dt.datetime):
    """The clock of the nights: they pass faster than the ledger's seconds."""

    moment = LONG_AGO

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
        """Return the time, a second later at each call."""
        Clock.moment += dt.timedelta(seconds=1)
        return Clock.moment


def speed_up(patch: pytest.MonkeyPatch) -> None:
    """Replace fsync by nothing, and the clock of each command by that of the nights."""
    patch.setattr(os, "fsync", lambda _: None)
    for module in (
        *(ledger, confirmations, selection, publish_command, runs),
        *(publish.hold, publish.prune.command, publish.check.command),
        *(monitor.context, monitor.report.index, monitor.why.explain),
    ):
        patch.setattr(module, "datetime", Clock)


def memory() -> Path | None:
    """Return a folder in memory, where there is one: a night writes many files."""
    folder = Path("/dev/shm")
    return folder if folder.is_dir() else None


def run_dbt(data: Path, folder: Path, *words: str) -> Any:
    """Run `dbt build` over a data directory, for all three files."""
    select = [f"+exposure:{name}" for name in FILES]
    return commands.run(
        *("dbt", "--no-use-colors", "build", "--select", *select, *words),
        env={
            "FEEDS_DATA": data,
            "DBT_TARGET_PATH": folder / "target",
            "DBT_LOG_PATH": folder / "logs",
        },
    )


def land_source(
    data: Path,
    records: Records,
    moment: dt.datetime,
    source_clock: dt.datetime | None = None,
) -> None:
    """Land the records of both sources as `extract` does, a run each.

    Args:
        data: the data directory.
        records: by entity.
        moment: when they were read.
        source_clock: the time that the sources say; None for the same.
    """
    for source, entities in SOURCES.items():
        run = runs.begin(
            *(data / "landing", source, {}, dt.timedelta(0)),
            anew=True,
            keep_pages=False,
        )
        run.pages.mkdir(parents=True)
        landed = {}
        for entity in entities:
            page = run.pages / f"{entity.name}.json.zst"
            rows = records.get(entity.name, ())
            page.write_bytes(packed(json.dumps(rows).encode()))
            listing = Listing(page.parent, len(rows), moment, ())
            complete = Complete(listing, len(rows), 1, (page,))
            done = land(
                entity,
                [],
                functools.partial(_same, complete),
                run.folder / f"{entity.name}.parquet",
                run.run_id,
                _columns(source, entity.name) if entity.custom_fields else {},
                LIMITS,
            )
            landed[entity.name] = {
                "rows": done.rows, "count_after": len(rows), "sha256": done.sha256,
                "unmatched": done.unmatched, "captions": done.captions,
            }  # fmt: skip
        time = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        report = {
            "run_id": run.run_id, "source": source, "status": "complete",
            "started_at": time, "finished_at": time, "entities": landed,
            "source_clock": f"{source_clock or moment:%Y-%m-%dT%H:%M:%SZ}",
        }  # fmt: skip
        runs.finish(run, source, report, data / "landing", keep_pages=False)


def _same(complete: Complete) -> Complete:
    return complete


@functools.cache  # it reads YAML
def _columns(source: str, entity: str) -> dict[str, str]:
    return custom_fields(commands.ROOT / "models", source, entity)


@dataclass(frozen=True)
class Ended:
    """How a run of `publish` ended: its exit code, and what it printed as JSON."""

    code: int
    result: dict[str, Any]
    log: str

    @property
    def statuses(self) -> dict[str, str]:
        """The status of each file, by label."""
        return {file["file"]: file["status"] for file in self.files.values()}

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        """The summary of each file, by label."""
        return {file["file"]: file for file in self.result.get("files", ())}


class Project:
    """A data directory with both feeds, and the steps of a night.

    Attributes:
        data: the data directory.
        server: the partner's; both feeds are delivered there.
    """

    def __init__(self, folder: Path, compiled: Compiled, server: Stub) -> None:
        """Begin long ago with the compiled warehouse; empty the partner's folder."""
        Clock.moment = LONG_AGO
        self.folder, self.server = folder, server
        self._compiled = compiled.only(*FILES)
        self.data = folder / "data"
        compiled.copy_warehouse(self.data)
        self.root = folder / "project"
        suites = self.root / "tests/expectations"
        suites.mkdir(parents=True)
        shutil.copy(commands.ROOT / "dbt_project.yml", self.root)
        for name in ("onpart_inventory", "order_feed_v2"):
            (suites / f"{name}.json").write_text('{"expectations": []}')
        shutil.rmtree(server.folder)
        self.orders.mkdir(parents=True)

    @property
    def orders(self) -> Path:
        """The partner's folder of the order feed."""
        return self.server.folder / "dev/order-feed"

    @property
    def ledger(self) -> ledger.Ledger:
        """The ledger, read anew, which verifies its chain."""
        return ledger.Ledger(self.data / "ledger.jsonl")

    # ------------------------------------------------------------ extract and build
    @property
    def nodes(self) -> tuple[dict[str, Any], ...]:
        """Every seed, model and test, in the order of dbt."""
        return self._compiled.nodes

    def build(
        self,
        records: Records | None,
        moment: dt.datetime,
        nodes: int | None = None,
        source_clock: dt.datetime | None = None,
    ) -> None:
        """Land the records, if any are given, and build.

        Args:
            records: of both sources; None builds what was landed before.
            moment: when; or after the last event, if that is later.
            nodes: the build is killed after so many of them; None for never.
            source_clock: the time that the sources say; None for the true one.
        """
        Clock.moment = max(Clock.now(), moment)
        if records is not None:
            land_source(self.data, records, Clock.moment, source_clock)
        self._build(nodes)

    def _build(self, stop: int | None) -> None:
        self._compiled.execute(self.data, Clock.moment, stop, threads=1)

    # --------------------------------------------------------------------- real dbt
    def same_as_dbt(self, at: dt.datetime) -> Ended:
        """Build a copy by real dbt, compare every table, and judge its files.

        Returns:
            The end of a dry run of `publish` over the copy, with the real suites.
        """
        folder = self.folder / "real"
        shutil.rmtree(folder, ignore_errors=True)  # of an earlier night
        shutil.copytree(self._compiled.folder / "target", folder / "target")
        shutil.copytree(self.data, folder / "data", symlinks=True)
        run_dbt(folder / "data", folder)
        # Views name the database that they are in, so the real one is opened by name.
        with duckdb.connect(
            str(folder / "data/warehouse.duckdb"), read_only=True
        ) as connection:
            connection.execute(
                f"attach '{self.data / 'warehouse.duckdb'}' as ours (read_only)"
            )
            for node in self._compiled.nodes:
                if node["resource_type"] == "model":
                    name = f"{node['schema']}.{node['alias']}"
                    ours, theirs = f"from ours.{name}", f"from warehouse.{name}"
                    query = (
                        f"({ours} except all {theirs}) union all "
                        f"({theirs} except all {ours})"
                    )
                    rows = connection.execute(query).fetchall()
                    assert not rows, (name, rows)
            verdicts = [
                connection.execute(
                    f"select details, states from {database}.builds "
                    "where invocation_id = (select comment from duckdb_tables() "
                    "where database_name = ? and table_name = 'inventory_feed')",
                    [database],
                ).fetchall()[0]
                for database in ("ours", "warehouse")
            ]
        statuses = [
            {(each["unique_id"], each["status"]) for each in
             json.loads(details)["results"]}
            for details, _ in verdicts
        ]  # fmt: skip
        assert statuses[0] == statuses[1], statuses[0] ^ statuses[1]
        states = [json.loads(each) for _, each in verdicts]
        assert states[0] == states[1]
        return self.publish(
            *("--due", "--dry-run", "--at", f"{at:%Y-%m-%dT%H:%M:%SZ}"),
            root=commands.ROOT, FEEDS_DATA=str(folder / "data"),
            FEEDS_ACCEPT_FIRST="1",
        )  # fmt: skip

    # ---------------------------------------------------------------------- publish
    def publish(self, *words: str, root: Path | None = None, **variables: str) -> Ended:
        """Run a command of `publish` in this process, in the folder `root`."""
        with chdir(root or self.root):
            environment = self._environment(variables)
            runner = CliRunner(env=environment)
            done = runner.invoke(publish_command.cli, [*words, "--json"])
        error = done.exception
        if isinstance(error, Stop):
            return Ended(error.code, {"message": str(error)}, done.stderr)
        if error is not None and not isinstance(error, SystemExit):
            raise error
        return Ended(done.exit_code, json.loads(done.stdout), done.stderr)

    def publish_killed(self, failpoint: str, *words: str, **variables: str) -> int:
        """Run `publish` in a child that may die at a failpoint; return its end.

        Returns:
            The exit code, or the negative number of the signal that killed it.
        """
        environment = self._environment(variables | {"FEEDS_FAILPOINT": failpoint})
        return self._child(_publish, [*words], self.root, environment)

    def extract_killed(
        self, failpoint: str, records: Records, moment: dt.datetime
    ) -> int:
        """Land the records in a child that may die at a failpoint; return its end."""
        Clock.moment = max(Clock.now(), moment)
        return self._child(_extract, self.data, records, failpoint)

    def _child(self, target: Callable[..., None], *args: object) -> int:
        output = self.folder / "child.log"
        output.touch()
        child = commands._FORKS.Process(
            target=target, args=(*args, Clock.moment, output)
        )
        child.start()
        child.join(60)
        code = child.exitcode
        assert code is not None, output.read_text()
        child.close()
        Clock.moment += dt.timedelta(minutes=1)
        assert code in (0, 1, 75, 143, -signal.SIGKILL), output.read_text()
        return code

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        variables: dict[str, object] = {
            "FEEDS_DATA": self.data,
            "DBT_TARGET_PATH": self._compiled.folder / "target",
            "FEEDS_COMMIT": "0" * 40,
            "XDG_STATE_HOME": self.folder / "state",
        }
        for name in ("ORDERS", "ONPART"):
            variables |= self.server.variables(name)
            variables |= {f"DEST_{name}_ALLOW_PLAINTEXT": 1, f"DEST_{name}_RETRIES": 0}
        return commands.clean_environment(**{**variables, **more})


def _publish(
    words: Sequence[str],
    root: Path,
    environment: dict[str, str],
    moment: dt.datetime,
    output: Path,
) -> None:
    Clock.moment = moment
    speed_up(pytest.MonkeyPatch())
    commands._publish(words, root, environment, [output, output])


def _extract(
    data: Path, records: Records, failpoint: str, moment: dt.datetime, _: Path
) -> None:
    Clock.moment = moment
    speed_up(pytest.MonkeyPatch())
    failpoints.arm(Environment({"FEEDS_FAILPOINT": failpoint}))
    land_source(data, records, moment)
