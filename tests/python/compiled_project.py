"""What one `dbt build` compiled, executed in a second over any data directory.

`dbt build` runs once. Its SQL is then executed node by node, in its order, with the
mark and the verdict that macros/builds.sql writes. What dbt makes a view is a table
here, so that it is computed once. `histories` prove on sampled nights that real dbt
makes the same tables and gives the same verdict.

Models of the past are left out: dbt compiles them for the files that exist.
"""

import datetime as dt
import functools
import json
import re
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import commands
import duckdb
import pytest
from landing import hold, land_orders, land_parts
from made_once import made_once

from publish.gate import dbt
from runtime import duck
from store import partner_state
from store.feeds.artifacts import Artifacts
from store.ledger import Ledger
from store.partner_state import State

# The exposure of the inventory names it, and the compiled SQL has its name.
DESTINATION = "onpart"
HELD = (
    *("inventory_feed", "confirmations"),
    *("order_feed_v1", "order_feed_v2", "order_feed_v3"),
)
# What a landed file and a state add to a model; absent while there is none.
_UNION = re.compile(r"union all by name\s+select \* from '([^']*)'")
_STATES = re.compile(
    r"union all by name\s+select\s+\* exclude \(filename\),[^)]*\) as _state\s+"
    r"from read_parquet\(\s*\['[^']*/(\w+)/\w+.parquet'\][^)]*\)"
)
# Of a build in a copy of the warehouse: it records that the unit tests passed.
NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
# Where a manifest has what is not in `nodes`.
KINDS = {"unit_test": "unit_tests", "exposure": "exposures"}
_PAST = "source.partner_feeds.publish."
Node = dict[str, Any]
Spoiled = Mapping[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Compiled:
    """What one `dbt build` leaves: artifacts, and a warehouse with the seeds.

    Attributes:
        folder: has `data` and `target`.
        manifest: of dbt.
        verdict: of the build, as macros/builds.sql recorded it, but for `results`.
        statuses: of each node, in the order of dbt.
    """

    folder: Path
    manifest: dict[str, Any]
    verdict: dict[str, Any]
    statuses: tuple[dict[str, Any], ...]

    @classmethod
    def build(cls, folder: Path) -> "Compiled":
        """Run dbt, with every file landed and every state delivered, all empty."""
        data = folder / "data"
        land_parts(data, [], [])
        land_orders(data, [], [])
        with duckdb.connect() as connection:
            for model in HELD:
                nothing = "select 1 as nothing where false"
                hold(connection, nothing, data, model, DESTINATION)
        done = commands.run(
            *("dbt", "--no-use-colors", "build"),
            env={
                "FEEDS_DATA": data,
                "DBT_TARGET_PATH": folder / "target",
                "DBT_LOG_PATH": folder / "logs",
            },
            seconds=900,
        )
        assert done.returncode == 0, done.stdout
        return cls.read(folder)

    @classmethod
    def read(cls, folder: Path) -> "Compiled":
        """Read what an earlier build left."""
        manifest = json.loads((folder / "target/manifest.json").read_bytes())
        with duckdb.connect(
            str(folder / "data/warehouse.duckdb"), read_only=True
        ) as connection:
            (details,) = connection.execute("select details from builds").fetchall()[0]
        verdict = json.loads(details)
        past: set[str] = set()
        statuses = []
        for result in verdict.pop("results"):
            id_ = result["unique_id"]
            kind = id_.partition(".")[0]
            node = manifest[KINDS.get(kind, "nodes")][id_]
            above = node["depends_on"].get("nodes", [])
            if past & {*above} or any(each.startswith(_PAST) for each in above):
                past.add(id_)
            else:
                statuses.append({"unique_id": id_, "status": result["status"]})
        return cls(folder, manifest, verdict, tuple(statuses))

    def only(self, *files: str) -> "Compiled":
        """Return what some files need."""
        exposures = {f"exposure.partner_feeds.{file}" for file in files}
        artifacts = Artifacts(self.manifest)
        needed = exposures.union(
            *(dbt.nodes_needed(artifacts, exposure) for exposure in exposures)
        )
        statuses = (each for each in self.statuses if each["unique_id"] in needed)
        return replace(self, statuses=tuple(statuses))

    def spoiled(self, spoiled: Spoiled) -> "Compiled":
        """Return the same with other SQL.

        Args:
            spoiled: what is replaced in the SQL of a model, and by what.
        """
        nodes = dict(self.manifest["nodes"])
        for name, changes in spoiled.items():
            id_ = f"model.partner_feeds.{name}"
            sql = nodes[id_]["compiled_code"]
            for before, after in changes:
                assert before in sql, (name, before)
                sql = sql.replace(before, after, 1)
            nodes[id_] = nodes[id_] | {"compiled_code": sql}
        return replace(self, manifest=self.manifest | {"nodes": nodes})

    @functools.cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every seed, model and test, in the order of dbt."""
        nodes = self.manifest["nodes"]
        return tuple(
            nodes[each["unique_id"]]
            for each in self.statuses
            if each["unique_id"] in nodes
        )

    @property
    def data(self) -> Path:
        """The data directory that it was compiled for."""
        return self.folder / "data"

    def copy_warehouse(self, data: Path) -> None:
        """Begin a data directory: a warehouse with the seeds."""
        data.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.data / "warehouse.duckdb", data)

    def execute(
        self, data: Path, at: dt.datetime, stop: int | None = None, threads: int = 2
    ) -> set[str]:
        """Build a data directory that has a copy of the warehouse.

        Args:
            data: the data directory.
            at: when the build begins and ends.
            stop: the build is killed after so many nodes; None for never.
            threads: of DuckDB.

        Returns:
            The unique ids of the tests that failed.
        """
        states = partner_state.current(Ledger(data / "ledger.jsonl"))
        time, build = f"{at:%Y-%m-%d %H:%M:%S}", str(uuid.uuid4())
        with duckdb.connect(
            str(data / "warehouse.duckdb"), config={"threads": threads}
        ) as connection:
            connection.execute("set TimeZone = 'UTC'; begin")
            connection.execute(
                "insert into builds (invocation_id, command, built_at, states) "
                "values (?, 'build', ?, ?)",
                [build, time, json.dumps([asdict(state) for state in states])],
            )
            failed = self._execute(connection, data, states, build, stop)
            if stop is None:
                self._record_verdict(connection, build, time, failed)
            connection.execute("commit")
        return failed

    def _execute(
        self,
        connection: duckdb.DuckDBPyConnection,
        data: Path,
        states: list[State],
        build: str,
        stop: int | None,
    ) -> set[str]:
        failed = set()
        views = {
            name
            for (name,) in connection.execute(
                "select view_name from duckdb_views() where not internal"
            ).fetchall()
        }
        for node in self.nodes[:stop]:
            name = f'"{node["schema"]}"."{node["alias"]}"'
            mark = f"comment on table {name} is '{build}'"
            if node["resource_type"] == "seed":  # its rows stay
                connection.execute(mark)
                continue
            sql = _compiled_for(node["compiled_code"], self.data, data, states)
            if node["resource_type"] == "test":
                query = f"select count(*) from ({sql})"
                if connection.execute(query).fetchall() != [(0,)]:
                    failed.add(node["unique_id"])
                continue
            if node["alias"] in views:
                connection.execute(f"drop view {name}")
            connection.execute(
                f"create or replace table {name} as {_typed(node, sql)}; {mark}"
            )
        return failed

    def _record_verdict(
        self,
        connection: duckdb.DuckDBPyConnection,
        build: str,
        time: str,
        failed: set[str],
    ) -> None:
        results = [
            each | ({"status": "fail"} if each["unique_id"] in failed else {})
            for each in self.statuses
        ]
        connection.execute(
            "update builds set ended_at = ?, details = ? where invocation_id = ?",
            [time, json.dumps({**self.verdict, "results": results}), build],
        )
        connection.execute(
            "delete from builds where invocation_id <> ? and invocation_id not in ("
            "select comment from duckdb_tables() where comment is not null union all "
            "select comment from duckdb_views() where comment is not null)",
            [build],
        )


def _compiled_for(
    sql: str, compiled_for: Path, data: Path, current: list[State]
) -> str:
    """Return compiled SQL for another data directory."""

    def union(match: re.Match[str]) -> str:
        pattern = Path(match[1])
        return match[0] if list(pattern.parent.glob(pattern.name)) else ""

    def states(match: re.Match[str]) -> str:
        of_model = [state for state in current if state.model == match[1]]
        files = partner_state.files(data / "delivered", of_model)
        if not files:
            return ""
        paths = ", ".join(duck.text(str(file)) for file in files)
        return (  # as macros/published.sql has it
            "union all by name select * exclude (filename), "
            f"list_position([{paths}], filename) as _state "
            f"from {duck.parquet(files)[:-1]}, filename = true)"
        )

    sql = sql.replace(str(compiled_for), str(data))
    return _STATES.sub(states, _UNION.sub(union, sql))


def _typed(node: Mapping[str, Any], sql: str) -> str:
    """Return the SQL of a node with the types of its contract, if that is enforced."""
    if not (node["config"].get("contract") or {}).get("enforced"):
        return sql
    columns = ", ".join(
        f"cast({column['name']} as {column['data_type']}) as {column['name']}"
        for column in node["columns"].values()
    )
    return f"select {columns} from ({sql})"


@pytest.fixture(scope="session")
def compiled_project(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """One for all processes of a test run."""
    folder = made_once(tmp_path_factory, "compiled project", Compiled.build)
    return Compiled.read(folder)


QuickBuild = Callable[..., set[str]]


@pytest.fixture
def quick_build(compiled_project: Compiled, data: Path) -> QuickBuild:
    """Build what was landed by the SQL that dbt compiled, with DuckDB alone.

    Returns the names of the data tests that failed. `spoiled` replaces SQL of models.
    Contracts cast, but refuse nothing.
    """

    def run(threads: int = 2, spoiled: Spoiled | None = None) -> set[str]:
        compiled = compiled_project.spoiled(spoiled or {})
        if not (data / "warehouse.duckdb").exists():
            compiled.copy_warehouse(data)
        failed = compiled.execute(data, dt.datetime.now(dt.UTC), threads=threads)
        return {compiled.manifest["nodes"][id_]["name"] for id_ in failed}

    return run
