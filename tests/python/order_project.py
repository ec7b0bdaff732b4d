"""A project that publishes the order feed, a night in a fraction of a second.

`dbt build` runs once. What it compiled is then executed for every night against what
was landed, model by model and test by test, so that run_results.json is true; what dbt
would compile otherwise where no state was delivered yet is left out here.

The suites have no expectation: other tests check each of them. A lenient template
lacks two guards on shares, which a handful of orders cannot keep; the guards that name
orders stay. `speed_up` lists what is replaced in Python's library.
"""

import datetime as dt
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Any

import commands
import duckdb
import pytest
from project import Project
from servers.script import Script
from servers.stub import Stub

from publish.gate import dbt
from publish.run import Outcome, publish
from publish.settings import Settings
from runtime.environment import Environment, Limits, Place
from store import feeds, ledger
from store.feeds.artifacts import Artifacts

EXPOSURES = [
    f"exposure.partner_feeds.order_feed_{kind}_file" for kind in ("delta", "full")
]
LANDED = {
    "terms": {
        **dict.fromkeys(
            ["sis_term_id", "name", "ordering_opens_at", "ordering_closes_at"],
            "varchar",
        ),
        "is_archived": "boolean",
    },
    "orders": {
        "order_id": "bigint",
        **dict.fromkeys(
            ["sis_term_id", "created_at", "updated_at", "canceled_at"], "varchar"
        ),
        "is_royalty": "boolean",
        **dict.fromkeys(["sections", "catalog_items", "content_requests"], "json"),
    },
}
# What a delivered or landed file adds to a model; absent while there is no file.
UNION = re.compile(r"union all by name\s+select \* from '([^']*)'")


def land(data: Path, source: Mapping[str, list[dict]], finished: dt.datetime) -> None:
    """Land terms and orders as `extract order_tool` does, in one step."""
    folder = data / "landing/current/order_tool"
    folder.mkdir(parents=True, exist_ok=True)
    told = {}
    with duckdb.connect() as connection:
        for table, columns in LANDED.items():
            shape = json.dumps([{name: kind for name, kind in columns.items()}])
            file = folder / f"{table}.parquet"
            connection.execute(
                f"copy (select unnest(from_json($rows, '{shape}'), recursive := true),"
                " null::json as _unrecognised, 'run' as _extract_run_id,"
                " $at::timestamp as _extracted_at) to $file (format parquet)",
                {
                    "rows": json.dumps(source[table]),
                    "at": f"{finished:%Y-%m-%d %H:%M:%S}",
                    "file": str(file),
                },
            )
            told[table] = {"rows": len(source[table]), "sha256": "ab" * 32}
    extracted = {
        "run_id": f"{finished:%Y%m%dT%H%M%SZ}-test",
        "source": "order_tool",
        "status": "complete",
        "finished_at": f"{finished:%Y-%m-%dT%H:%M:%SZ}",
        "entities": told,
    }
    (folder / "extract.json").write_text(json.dumps(extracted))


@dataclass(frozen=True)
class Template:
    """What one `dbt build` leaves: artifacts, and a warehouse with the seeds."""

    data: Path
    manifest: dict[str, Any]
    results: dict[str, Any]
    needed: frozenset[str]

    def lenient(self) -> "Template":
        """Return the same without guards that a handful of orders cannot keep."""
        manifest = deepcopy(self.manifest)
        for name in EXPOSURES:
            guards = manifest["exposures"][name]["config"]["meta"]["guards"]
            del guards["max_review_share"]
            guards.pop("max_rows_lost", None)
        return replace(self, manifest=manifest)

    @classmethod
    def build(cls, folder: Path) -> "Template":
        """Run dbt, with a state delivered, so that its reading is compiled."""
        data = folder / "data"
        land(data, {"terms": [], "orders": []}, dt.datetime(2026, 1, 1))
        state = data / "delivered/order_feed_v2/current"
        state.mkdir(parents=True)
        with duckdb.connect() as connection:
            connection.execute(
                "copy (select 1::bigint as order_id where false) to $file",
                {"file": str(state / "none.parquet")},
            )
        names = [f"+exposure:{name.rpartition('.')[2]}" for name in EXPOSURES]
        done = commands.run(
            *("dbt", "--no-use-colors", "build", "--select", *names),
            env={
                "FEEDS_DATA": data,
                "DBT_TARGET_PATH": folder / "target",
                "DBT_LOG_PATH": folder / "logs",
            },
        )
        assert done.returncode == 0, done.stdout
        manifest = json.loads((folder / "target/manifest.json").read_bytes())
        results = json.loads((folder / "target/run_results.json").read_bytes())
        manifest["exposures"] = {
            name: manifest["exposures"][name] for name in EXPOSURES
        }
        found = Artifacts(manifest, results)
        needed = frozenset().union(
            *(dbt.nodes_needed(found, name) for name in EXPOSURES)
        )
        return cls(data, manifest, results, needed)

    def steps(self, kind: str) -> list[dict[str, Any]]:
        """Return the nodes of a kind that the files need, in the order of dbt."""
        nodes = self.manifest["nodes"]
        return [
            nodes[result["unique_id"]]
            for result in self.results["results"]
            if result["unique_id"] in self.needed & nodes.keys()
            and nodes[result["unique_id"]]["resource_type"] == kind
        ]


GOOD = Script(mode="plain", hash="right")
# What may go wrong on a connection.
FAULTS = {
    "ok": GOOD,
    "refuse": replace(GOOD, cwd="550 no such folder"),
    "put": replace(GOOD, keep=0.5, close="rst", cut="STOR"),
    "before": replace(GOOD, cut="RNTO", renames=False),
    "after": replace(GOOD, cut="RNTO"),
    # As "after", and no connection is served until the run has ended.
    "lost": replace(GOOD, cut="RNTO"),
    "down": replace(GOOD, login="421 come again"),
}


def _scripts(faults: Sequence[str]) -> Iterator[Script]:
    for fault in faults:
        yield FAULTS[fault]
        if fault == "lost":
            yield from repeat(FAULTS["down"])
    yield from repeat(GOOD)


class OrderProject(Project):
    """A project with both files of the order feed, and the steps of a night.

    Attributes:
        server: the partner's; without one its folder is on this machine.
    """

    def __init__(
        self, folder: Path, template: Template, server: Stub | None = None
    ) -> None:
        """Copy the template's warehouse, and make the partner's folder."""
        super().__init__(folder)
        self._template = template
        self.server = server
        if server:
            self.variables |= {
                **server.variables("ORDERS"),
                "DEST_ORDERS_ALLOW_PLAINTEXT": 1,
            }
        self.partner.mkdir(parents=True)
        self.data.mkdir(parents=True)
        shutil.copy(template.data / "warehouse.duckdb", self.data)
        suites = folder / "tests/expectations"
        suites.mkdir(parents=True)
        for kind in ("delta", "full"):
            (suites / f"order_feed_{kind}.json").write_text('{"expectations": []}')
        self.clock = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        self._builds = 0
        self.artifacts = Artifacts(template.manifest, template.results)
        self.feeds = feeds.read(self.artifacts)

    @property
    def partner(self) -> Path:
        """The folder of both files at the partner."""
        root = self.server.folder if self.server else super().partner
        return root / "uat/order-feed"

    def speed_up(self, patched: pytest.MonkeyPatch) -> None:
        """Replace fsync by nothing, and the ledger's clock by one of the project.

        Nights pass faster than the seconds in which the ledger counts.
        """
        project = self

        class Clock(dt.datetime):
            @classmethod
            def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
                project.clock += dt.timedelta(seconds=1)
                return project.clock

        patched.setattr(ledger, "datetime", Clock)
        patched.setattr(os, "fsync", lambda _: None)

    def build(self, source: Mapping[str, list[dict]], at: dt.datetime) -> None:
        """Land a source and build from it, at `at` or after the last event if later."""
        self.clock = max(self.clock + dt.timedelta(seconds=1), at)
        land(self.data, source, self.clock)
        self._builds += 1
        invocation = f"build-{self._builds}"
        results = [
            {"unique_id": result["unique_id"], "status": result["status"]}
            for result in self._template.results["results"]
            if result["unique_id"] in self._template.needed
        ]
        statuses = {result["unique_id"]: result for result in results}
        with duckdb.connect(
            str(self.data / "warehouse.duckdb"), config={"threads": 2}
        ) as connection:
            connection.execute("set TimeZone = 'UTC'; begin")
            for node in self._template.steps("model"):
                if statement := self._statement(node):
                    connection.execute(statement)
            for node in self._template.steps("test"):
                sql = self._compiled(node)
                (failures,) = connection.execute(
                    f"select count(*) from ({sql})"
                ).fetchall()[0]
                if failures:
                    statuses[node["unique_id"]] |= {"status": "fail"}
            connection.execute(
                "create or replace table build_record as select ? as invocation_id,"
                " 'build' as command, ?::timestamp as built_at",
                [invocation, f"{self.clock:%Y-%m-%d %H:%M:%S}"],
            )
            connection.execute("commit")
        metadata = {"invocation_id": invocation, "dbt_version": "1"}
        metadata["generated_at"] = f"{self.clock:%Y-%m-%dT%H:%M:%SZ}"
        told = {"metadata": metadata, "args": {"which": "build"}, "results": results}
        self.artifacts = Artifacts(self._template.manifest, deepcopy(told))

    def _compiled(self, node: Mapping[str, Any]) -> str:
        sql = node["compiled_code"].replace(str(self._template.data), str(self.data))

        def union(found: re.Match) -> str:
            pattern = Path(found[1])
            return found[0] if list(pattern.parent.glob(pattern.name)) else ""

        return UNION.sub(union, sql)

    def _statement(self, node: Mapping[str, Any]) -> str:
        name = f'"{node["schema"]}"."{node["alias"]}"'
        sql = self._compiled(node)
        if node["config"]["materialized"] == "view":
            reads_state = "published" in node["name"]
            return (
                f"create or replace view {name} as {sql}"
                if self._builds == 1 or reads_state
                else ""
            )
        if (node["config"].get("contract") or {}).get("enforced"):
            columns = ", ".join(
                f"cast({column['name']} as {column['data_type']}) as {column['name']}"
                for column in node["columns"].values()
            )
            sql = f"select {columns} from ({sql})"
        return f"create or replace table {name} as {sql}"

    def publish(
        self, at: dt.datetime, *faults: str, is_due: bool = True
    ) -> dict[str, Outcome]:
        """Do what `publish --due` does, in this process; return outcomes by file.

        Each word of `faults` is what goes wrong on one more connection.
        """
        self.clock = max(self.clock, at)
        if self.server:
            self.server.scripts = _scripts(faults)
        variables = {
            **self.environment(),
            "FEEDS_COMMIT": "0" * 40,
            "DEST_ORDERS_RETRIES": 0,
        }
        settings = Settings(
            root=self.root,
            variables=Environment({k: str(v) for k, v in variables.items()}),
            place=Place("uat", self.data),
            limits=Limits("1GB", 2),
            at=at,
            due=is_due,
            dry_run=False,
            accept_first=True,
            bar=False,
        )
        opened = ledger.Ledger(settings.place.ledger)
        outcomes = [
            outcome
            for feed in self.feeds
            for outcome in publish(settings, self.artifacts, opened, feed)
        ]
        return {outcome.told["file"]: outcome for outcome in outcomes}

    @property
    def ledger(self) -> ledger.Ledger:
        """The ledger, read anew, which verifies its chain."""
        return ledger.Ledger(self.data / "ledger.jsonl")


@pytest.fixture(scope="session")
def order_template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """What one `dbt build` leaves, for all tests of a process."""
    return Template.build(tmp_path_factory.mktemp("template"))


@pytest.fixture
def order_server() -> Iterator[Stub]:
    """The partner's server, whose connections go wrong as a test says."""
    with Stub(GOOD) as server:
        yield server


@pytest.fixture
def order_project(
    order_template: Template,
    order_server: Stub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> OrderProject:
    """A project for nights that pass quickly, without guards on shares."""
    project = OrderProject(tmp_path / "project", order_template.lenient(), order_server)
    project.speed_up(monkeypatch)
    return project
