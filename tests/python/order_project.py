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
import shutil
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import commands
import duckdb
import landing
import pytest
from compiled_sql import compiled_for
from connection_faults import GOOD, scripts
from order_consumer import Consumer
from project import Project
from sample_project import record_build
from servers.stub import Stub

from publish.gate import dbt
from publish.run import Outcome, publish
from publish.settings import Redelivery, Settings
from runtime.environment import DataDirectory, Environment, Limits
from store import feeds, ledger, partner_state
from store.feeds.artifacts import Artifacts

EXPOSURES = [
    f"exposure.partner_feeds.order_feed_{kind}_file" for kind in ("delta", "full")
]
STATE = ("sis_term_id", "order_id", "sis_section_id", "is_deleted", "ci_offer_price")
MONDAY = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def term(name: str = "4218") -> dict:
    """Return a term that is open for years."""
    return landing.term(
        name,
        name=name,
        ordering_opens_at="2026-01-01T00:00:00Z",
        ordering_closes_at="2030-01-01T00:00:00Z",
    )


def order(number: int, *titles: str, sections: str = "S1", **fields: object) -> dict:
    """Return an order of catalog items; the names of its sections are one text."""
    items = tuple(
        {
            "content_id": f"c-{place}",
            "author": [],
            "title": title,
            "offer_price": None,
            "offer_price_original": None,
        }
        for place, title in enumerate(titles)
    )
    defaults = {
        "sis_term_id": "4218",
        "created_at": "2026-11-01T09:30:00Z",
        "updated_at": None,
    }
    return landing.order(
        number, items, sections=tuple(sections.split()), **{**defaults, **fields}
    )


def land(data: Path, source: Mapping[str, list[dict]], finished: dt.datetime) -> None:
    """Land terms and orders as `extract order_tool` does."""
    read_at = f"{finished:%Y-%m-%d %H:%M:%S}"
    landing.land_orders(data, source["orders"], source["terms"], read_at=read_at)
    entities = {table: {"rows": len(rows)} for table, rows in source.items()}
    run, at = f"{finished:%Y%m%dT%H%M%SZ}-test", f"{finished:%Y-%m-%dT%H:%M:%SZ}"
    landing.write_extract(data, "order_tool", entities, run, at)


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
            del guards["max_unassigned"], guards["max_cells_lost"]
            guards.pop("max_rows_lost", None)
        return replace(self, manifest=manifest)

    @classmethod
    def build(cls, folder: Path) -> "Template":
        """Run dbt, with a state delivered, so that its reading is compiled."""
        data = folder / "data"
        land(data, {"terms": [], "orders": []}, dt.datetime(2026, 1, 1))
        nothing = "select 1::bigint as order_id where false"
        landing.hold(duckdb.connect(), nothing, data, "order_feed_v2", "orders")
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
        artifacts = Artifacts(manifest)
        needed = frozenset().union(
            *(dbt.nodes_needed(artifacts, name) for name in EXPOSURES)
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
        (suites / "order_feed_v2.json").write_text('{"expectations": []}')
        self.clock = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        self._builds = 0
        self.artifacts = Artifacts(template.manifest)
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
            for node in self._template.steps("model"):
                if node["config"]["materialized"] == "table":
                    name = f'"{node["schema"]}"."{node["alias"]}"'
                    connection.execute(f"comment on table {name} is '{invocation}'")
            metadata = {"invocation_id": invocation, "dbt_version": "1"}
            metadata["generated_at"] = f"{self.clock:%Y-%m-%dT%H:%M:%SZ}"
            record_build(
                connection,
                {"metadata": metadata, "args": {"which": "build"}, "results": results},
                f"{self.clock:%Y-%m-%d %H:%M:%S}",
                partner_state.current(self.ledger),
            )
            connection.execute("commit")

    def _compiled(self, node: Mapping[str, Any]) -> str:
        return compiled_for(node["compiled_code"], self._template.data, self.data)

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

    def write_artifacts(self) -> None:
        """Write what a command reads of dbt."""
        (self.root / "dbt_project.yml").write_text("name: orders\n")
        (self.root / "target").mkdir()
        manifest = json.dumps(self.artifacts.manifest)
        (self.root / "target/manifest.json").write_text(manifest)

    def publish(
        self,
        at: dt.datetime,
        *faults: str,
        is_due: bool = True,
        again: Redelivery | None = None,
    ) -> dict[str, Outcome]:
        """Do what `publish --due` does, in this process; return outcomes by file.

        Each word of `faults` is what goes wrong on one more connection.
        """
        self.clock = max(self.clock, at)
        if self.server:
            self.server.scripts = scripts(faults)
        variables = {
            **self.environment(),
            "FEEDS_COMMIT": "0" * 40,
            "DEST_ORDERS_RETRIES": 0,
        }
        settings = Settings(
            root=self.root,
            variables=Environment({k: str(v) for k, v in variables.items()}),
            place=DataDirectory("uat", self.data),
            limits=Limits("1GB", 2),
            at=at,
            due=is_due,
            dry_run=False,
            accept_first=True,
            bar=False,
            redelivery=again,
        )
        opened = ledger.Ledger(settings.place.ledger)
        outcomes = [
            outcome
            for feed in self.feeds
            for outcome in publish(settings, self.artifacts, opened, feed)
        ]
        return {outcome.summary["file"]: outcome for outcome in outcomes}

    def state(self) -> list[tuple[str | None, ...]]:
        """Return what a reader has by our record, in the columns `STATE`, sorted."""
        current = partner_state.current(self.ledger, "order_feed_v2")
        files = partner_state.files(self.data / "delivered", current)
        if not files:
            return []
        columns = ", ".join(f"{column}::varchar" for column in STATE)
        rows = partner_state.rows(files, ("order_id",))
        return sorted(duckdb.sql(f"select {columns} from {rows}").fetchall(), key=str)

    @property
    def ledger(self) -> ledger.Ledger:
        """The ledger, read anew, which verifies its chain."""
        return ledger.Ledger(self.data / "ledger.jsonl")


def night(
    project: OrderProject, at: dt.datetime, *orders: dict, faults: tuple[str, ...] = ()
) -> dict[str, str]:
    """Build and publish; return the status of each kind of file."""
    project.build({"terms": [term()], "orders": list(orders)}, at)
    outcomes = project.publish(at, *faults)
    return {label.split("_")[2]: o.summary["status"] for label, o in outcomes.items()}


def held_after(project: OrderProject, reader: Consumer) -> set[tuple]:
    """Let a reader take the files; return the order, section and title of its rows."""
    files = sorted(project.partner.glob("*.csv"))
    reader.take(files)
    for file in files:
        file.unlink()
    rows = reader.rows("4218")
    return {(row["order_id"], row["sis_section_id"], row["ci_title"]) for row in rows}


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
