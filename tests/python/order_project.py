"""A project that publishes the order feed, a night in a fraction of a second.

`dbt build` runs once; `compiled_project` executes what it compiled for every night.

The suites have no expectation: other tests check each of them. A lenient project
lacks two guards on shares, which a handful of orders cannot keep; the guards that name
orders stay. `speed_up` lists what is replaced in Python's library.
"""

import datetime as dt
import json
import os
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import duckdb
import landing
import pytest
from compiled_project import Compiled
from connection_faults import GOOD, scripts
from order_consumer import Consumer
from project import Project
from servers.stub import Stub

from publish.run import Outcome, publish
from publish.settings import Redelivery, Settings
from runtime.environment import DataDirectory, Environment, Limits
from store import feeds, ledger, partner_state
from store.feeds.artifacts import Artifacts

FILES = ("order_feed_delta_file", "order_feed_full_file")
EXPOSURES = [f"exposure.partner_feeds.{file}" for file in FILES]
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


def lenient(compiled: Compiled) -> Compiled:
    """Return the same without guards that a handful of orders cannot keep."""
    exposures = deepcopy(compiled.manifest["exposures"])
    for name in EXPOSURES:
        guards = exposures[name]["config"]["meta"]["guards"]
        del guards["max_review_share"]
        del guards["max_unassigned"], guards["max_cells_lost"]
        guards.pop("max_rows_lost", None)
    return replace(compiled, manifest=compiled.manifest | {"exposures": exposures})


class OrderProject(Project):
    """A project with both files of the order feed, and the steps of a night.

    Attributes:
        server: the partner's; without one its folder is on this machine.
    """

    def __init__(
        self, folder: Path, compiled: Compiled, server: Stub | None = None
    ) -> None:
        """Copy the compiled warehouse, and make the partner's folder."""
        super().__init__(folder)
        self._compiled = compiled
        self.server = server
        if server:
            self.variables |= {
                **server.variables("ORDERS"),
                "DEST_ORDERS_ALLOW_PLAINTEXT": 1,
            }
        self.partner.mkdir(parents=True)
        compiled.copy_warehouse(self.data)
        suites = folder / "tests/expectations"
        suites.mkdir(parents=True)
        (suites / "order_feed_v2.json").write_text('{"expectations": []}')
        self.clock = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        self.use(Artifacts(compiled.manifest))

    @property
    def partner(self) -> Path:
        """The folder of both files at the partner."""
        root = self.server.folder if self.server else super().partner
        return root / "uat/order-feed"

    def use(self, artifacts: Artifacts) -> None:
        """Publish the exposures of a manifest from now on."""
        self.artifacts = artifacts
        self.feeds = feeds.read(artifacts)

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
        self._compiled.execute(self.data, self.clock)

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
def order_template(compiled_project: Compiled) -> Compiled:
    """What both files of the order feed need, and no other file."""
    compiled = compiled_project.only(*FILES)
    exposures = {name: compiled.manifest["exposures"][name] for name in EXPOSURES}
    return replace(compiled, manifest=compiled.manifest | {"exposures": exposures})


@pytest.fixture
def order_server() -> Iterator[Stub]:
    """The partner's server, whose connections go wrong as a test says."""
    with Stub(GOOD) as server:
        yield server


@pytest.fixture
def order_project(
    order_template: Compiled,
    order_server: Stub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> OrderProject:
    """A project for nights that pass quickly, without guards on shares."""
    project = OrderProject(tmp_path / "project", lenient(order_template), order_server)
    project.speed_up(monkeypatch)
    return project
