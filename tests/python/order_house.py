"""A house that publishes the order feed, a night in a fraction of a second.

`dbt build` runs once. What it compiled is then executed for every night against what
was landed, model by model and test by test, so that run_results.json is true; what dbt
would compile otherwise where no state was delivered yet is taken out here.

The suites have no expectation here: each is asked of its own, elsewhere. In a lenient
house two guards that speak of shares, which a handful of orders cannot keep, are taken
out; those that name orders stand. A patched house imports no Great Expectations, and
the clock of its ledger is its own, as nights pass faster than its seconds.
"""

import datetime as dt
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import ROOT, clean_environment

from publish import gate, transport
from publish.deliver import delivery
from publish.gate import dbt
from publish.run import Outcome, publish
from publish.settings import Settings
from publish.transport.folder import Folder
from runtime.environment import Environment, Limits, Place
from runtime.exits import Refused, Temporary
from store import chain, feeds, ledger
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

    @classmethod
    def once(cls, factory: pytest.TempPathFactory) -> "Template":
        """Build it, unless this process did before."""
        if not _BUILT:
            _BUILT.append(cls.build(factory.mktemp("template")))
        return _BUILT[0]

    def lenient(self) -> "Template":
        """The same without the guards that a handful of orders cannot keep."""
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
        done = subprocess.run(
            ["dbt", "--no-use-colors", "build", "--select", *(
                f"+exposure:{name.rpartition('.')[2]}" for name in EXPOSURES
            )],
            cwd=ROOT,
            env=clean_environment(
                FEEDS_DATA=data,
                DBT_TARGET_PATH=folder / "target",
                DBT_LOG_PATH=folder / "logs",
            ),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )  # fmt: skip
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
        """The nodes of a kind that the files need, in the order dbt took them."""
        nodes = self.manifest["nodes"]
        return [
            nodes[result["unique_id"]]
            for result in self.results["results"]
            if result["unique_id"] in self.needed & nodes.keys()
            and nodes[result["unique_id"]]["resource_type"] == kind
        ]


_BUILT: list[Template] = []


@dataclass
class Faulty:
    """A partner's folder in which the next connections go wrong, one word for each.

    refuse: there is no folder. put: the line breaks within the file. before, after:
    it breaks at the rename, which has not or has happened. lost: the same, and nobody
    can be asked until the run has ended. down: nobody can be asked, just this once.
    """

    words: list[str] = field(default_factory=list)
    gone: bool = False

    def connect(self, destination: transport.Destination, folder: str) -> Folder:
        word = self.words.pop(0) if self.words else "ok"
        if word == "refuse":
            raise Refused("the partner has no such folder")
        if self.gone or word == "down":
            raise Temporary("the partner does not answer")
        faulty = self

        class Line(Folder):
            def put(self, source: Path, name: str, tick: Callable) -> transport.Sent:
                if word == "put":
                    (self._path / name).write_bytes(source.read_bytes()[:10])
                    raise Temporary("the line broke within the file")
                return super().put(source, name, tick)

            def rename(self, old: str, new: str) -> None:
                if word == "before":
                    raise Temporary("the line broke before the rename")
                super().rename(old, new)
                faulty.gone = word == "lost"
                if word in ("after", "lost"):
                    raise Temporary("the line broke after the rename")

        return Line(destination, folder)


class OrderHouse:
    """A data directory, a partner's folder, and the steps of a night."""

    def __init__(self, folder: Path, template: Template) -> None:
        self._template = template
        self._folder = folder
        self.data = folder / "data"
        self.partner = folder / "partner/uat/order-feed"
        self.partner.mkdir(parents=True)
        self.data.mkdir()
        shutil.copy(template.data / "warehouse.duckdb", self.data)
        suites = folder / "tests/expectations"
        suites.mkdir(parents=True)
        (suites / "order_feed_v2.json").write_text('{"expectations": []}')
        self.line = Faulty()
        self.clock = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        self._builds = 0
        self.found = Artifacts(template.manifest, template.results)
        self.feeds = feeds.read(self.found)

    def patch(self, patched: pytest.MonkeyPatch) -> None:
        """Put the house's clock, line and gate in the place of the real ones."""
        house = self

        class Clock(dt.datetime):
            @classmethod
            def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
                house.clock += dt.timedelta(seconds=1)
                return house.clock

        patched.setattr(ledger, "datetime", Clock)
        patched.setattr(chain.os, "fsync", lambda _: None)
        patched.setattr(delivery, "connect", lambda *words: self.line.connect(*words))
        patched.setattr(gate.suite, "run", lambda *_: [])

    def build(self, source: Mapping[str, list[dict]], at: dt.datetime) -> None:
        """Land a source and build from it, at `at` or right after what was before."""
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
        self.found = Artifacts(self._template.manifest, deepcopy(told))

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
        """Do what `publish --due` does, in this process; outcomes by file."""
        self.clock = max(self.clock, at)
        self.line.words, self.line.gone = list(faults), False
        settings = Settings(
            root=self._folder,
            variables=Environment(
                {
                    "DEST_ORDERS_URL": (self._folder / "partner").as_uri(),
                    "FEEDS_COMMIT": "0" * 40,
                    "DEST_ORDERS_RETRIES": "0",
                }
            ),
            place=Place("uat", self.data),
            limits=Limits("1GB", 2),
            at=at,
            due=is_due,
            dry_run=False,
            accept_first=True,
            bar=False,
        )
        remembered = ledger.Ledger(settings.place.ledger)
        outcomes = [
            outcome
            for feed in self.feeds
            for outcome in publish(settings, self.found, remembered, feed)
        ]
        self.line.words, self.line.gone = [], False
        return {outcome.told["file"]: outcome for outcome in outcomes}

    @property
    def ledger(self) -> ledger.Ledger:
        """The ledger read anew, which verifies its chain."""
        return ledger.Ledger(self.data / "ledger.jsonl")
