"""A small project to publish from: a real warehouse and artifacts, without dbt.

The sample passes every gate. A test spoils one thing and says which gate closes.
"""

import datetime as dt
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Self

import duckdb
import yaml
from commands import ROOT
from project import Project

from publish import gate, render
from publish.gate.checks import Gates
from publish.run import Outcome, publish
from publish.settings import Settings
from runtime.environment import DataDirectory, Environment, Limits
from runtime.files import HashedFile
from store import feeds, mart, partner_state, sources
from store.feeds import artifacts
from store.ledger import Ledger
from store.partner_state import State
from store.records import RunValues

AT = "2026-01-15T07:00:00Z"
BUILT = "2026-01-15 06:30:00"
EXPOSURE = "exposure.partner_feeds.onpart_inventory"
MODEL = "model.partner_feeds.inventory_feed"
AUDIT = "model.partner_feeds.inventory_audit"
STAGING = "model.partner_feeds.stg_ordertime__part_items"
SEED = "seed.partner_feeds.part_types"
SOURCE = "source.partner_feeds.ordertime.part_items"
PUBLISHED = "source.partner_feeds.published.inventory_feed"
TEST = "test.partner_feeds.unique_inventory_feed.1"
SINGULAR = "test.partner_feeds.rows_balance"
UNIT = "unit_test.partner_feeds.inventory_feed.preview"

COLUMNS = {
    **dict.fromkeys(
        (
            *("supplier_code", "location_code", "supplier_sku", "part_type"),
            *("cieca_part_type", "certification", "condition", "brand"),
            *("mfr_part_number", "oem_part_number", "oem_part_number_key"),
            *("alt_part_numbers", "partslink_number", "gtin", "description"),
            *("part_category", "vehicle_make", "vehicle_model"),
        ),
        "varchar",
    ),
    "year_from": "integer",
    "year_to": "integer",
    "qty_on_hand": "integer",
    "list_price": "decimal(18,2)",
    "sell_price": "decimal(18,2)",
    "core_charge": "decimal(18,2)",
    "weight_lb": "decimal(18,2)",
    "updated_at": "timestamp",
}
META: dict[str, Any] = {
    "model": "inventory_feed",
    "audit": "inventory_audit",
    "file": "DEMO01_inventory_{timestamp}.csv",
    "dialect": {
        "encoding": "utf-8",
        "delimiter": ",",
        "quote": '"',
        "quoting": "minimal",
        "escape": '"',
        "null_text": "",
        "newline": "lf",
        "header": True,
        "timestamp_format": "%Y-%m-%dT%H:%M:%SZ",
        "date_format": "%Y-%m-%d",
    },
    "sort": ["supplier_code", "location_code", "supplier_sku"],
    "key": ["supplier_code", "location_code", "supplier_sku"],
    "suite": "onpart_inventory",
    "cadence": "0 6 * * *",
    "when_empty": "refuse",
    "guards": {
        "min_rows": 1,
        "max_rows_lost": 0.30,
        "max_keys_lost": 0.25,
        "max_total_drop": {"column": "qty_on_hand", "share": 0.50},
        "max_review_share": 0.20,
        "values_stay": ["part_type"],
        "max_age": {"column": "updated_at", "hours": 24},
        "source_complete": True,
    },
    "state": "inventory_feed",
    "destination": "onpart",
    "folder": "/",
    "manifest": "deliver",
}


def good_row(number: int) -> dict[str, Any]:
    """Return a lawful row; numbers run through the four part types."""
    part_type = ("OEM", "OD", "AM", "CAPA")[number % 4]
    aftermarket = part_type in ("AM", "CAPA")
    fitted = number % 3 == 0
    return {
        "supplier_code": "DEMO01",
        "location_code": ("MAIN", "EAST")[number % 2],
        "supplier_sku": f"100-{number:05d}",
        "part_type": part_type,
        "cieca_part_type": {"OEM": "PAN", "OD": "PAD"}.get(part_type, "PAA"),
        "certification": "CAPA" if part_type == "CAPA" else "NONE",
        "condition": "NEW",
        "brand": "Example Stamping",
        "mfr_part_number": f"EX-{number:04d}",
        "oem_part_number": f"00000-0X{number:03d}",
        "oem_part_number_key": f"000000X{number:03d}",
        "alt_part_numbers": "00000-0Y000|00000-0Y001" if number % 5 == 0 else None,
        "partslink_number": f"TO1000{number % 1000:03d}" if aftermarket else None,
        "gtin": "00012345678905" if number % 7 == 0 else None,
        "description": f'Front bumper cover, "primed" nº {number}',
        "part_category": "Bumper Cover - Front",
        "vehicle_make": "TOYOTA" if fitted else None,
        "vehicle_model": "EXAMPLE" if fitted else None,
        "year_from": 2018 if fitted else None,
        "year_to": 2020 if fitted else None,
        "qty_on_hand": 10,
        "list_price": "412.50",
        "sell_price": "231.00",
        "core_charge": "0.00",
        "weight_lb": "11.40" if number % 2 else None,
        "updated_at": "2026-01-15 06:00:00",
    }


def _model(name: str, above: list[str], columns: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "alias": name,
        "schema": "main",
        "resource_type": "model",
        "config": {"materialized": "table"},
        "depends_on": {"nodes": above},
        "columns": {
            column: {
                "name": column,
                "data_type": type_,
                "description": f"The {column}.",
            }
            for column, type_ in columns.items()
        },
    }


@cache
def why() -> dict[str, Any]:
    """Return what the project's audit of parts declares for `monitor why`."""
    path = ROOT / "models/marts/_marts__models.yml"
    models = yaml.safe_load(path.read_bytes())["models"]
    (audit,) = (each for each in models if each["name"] == "inventory_audit")
    declared: dict[str, Any] = audit["config"]["meta"]["why"]
    return declared


def _test(above: list[str], attached: str | None) -> dict[str, Any]:
    return {
        "name": "a test",
        "resource_type": "test",
        "config": {},
        "depends_on": {"nodes": above},
        "attached_node": attached,
    }


def manifest(
    meta: dict[str, Any], columns: Mapping[str, str] = COLUMNS
) -> dict[str, Any]:
    """Return the part of dbt's manifest.json that publish reads."""
    feed = _model("inventory_feed", [STAGING, SEED], columns)
    for name in {*META["key"]} & columns.keys():
        feed["columns"][name]["constraints"] = [{"type": "not_null"}]
    unique = {"name": "unique_combination", "kwargs": {"columns": META["key"]}}
    return {
        "nodes": {
            MODEL: feed,
            AUDIT: {
                **_model(
                    "inventory_audit",
                    [STAGING],
                    {"note": "varchar", "part_type": "varchar"},
                ),
                "meta": {"why": why()},
            },
            STAGING: _model("stg_ordertime__part_items", [SOURCE, PUBLISHED], {}),
            SEED: {**_model("part_types", [], {}), "resource_type": "seed"},
            "model.partner_feeds.other": _model("other", [STAGING], {}),
            TEST: {**_test([MODEL], MODEL), "test_metadata": unique},
            SINGULAR: _test([MODEL, AUDIT], None),
            "test.partner_feeds.of_other": _test(
                ["model.partner_feeds.other", STAGING], "model.partner_feeds.other"
            ),
        },
        "sources": {
            SOURCE: {
                "resource_type": "source",
                "name": "part_items",
                "source_name": "ordertime",
                "config": {
                    "meta": {"external_location": "x/landing/current/ordertime"}
                },
            },
            PUBLISHED: {
                "resource_type": "source",
                "name": "inventory_feed",
                "source_name": "published",
                "config": {"meta": {"external_location": "x/delivered/inventory_feed"}},
            },
        },
        "unit_tests": {UNIT: {"depends_on": {"nodes": [MODEL]}, "model": "feed"}},
        "exposures": {
            EXPOSURE: {
                "name": "onpart_inventory",
                "resource_type": "exposure",
                "label": "OnPart inventory",
                "description": "The stock we offer.",
                "depends_on": {"nodes": [MODEL, AUDIT]},
                "config": {"meta": meta},
            }
        },
    }


def run_results() -> dict[str, Any]:
    """Return the part of dbt's run_results.json that publish reads."""
    passed = [TEST, SINGULAR, UNIT]
    return {
        "metadata": {
            "invocation_id": "inv-1",
            "dbt_version": "1.11.16",
            "generated_at": "2026-01-15T06:30:01Z",
        },
        "args": {"which": "build", "empty": False, "vars": {}},
        "results": [
            {"unique_id": node, "status": status, "message": None, "failures": None}
            for nodes, status in (
                ([MODEL, AUDIT, STAGING, SEED], "success"),
                (passed, "pass"),
            )
            for node in nodes
        ],
    }


def record_build(
    connection: duckdb.DuckDBPyConnection,
    results: Mapping[str, Any],
    built_at: str,
    states: Iterable[State],
) -> None:
    """Record a verdict of dbt as macros/builds.sql does."""
    connection.execute(
        "create or replace table builds (invocation_id varchar, command varchar, "
        "built_at timestamp, ended_at timestamp, details varchar, states varchar)"
    )
    metadata, command = results["metadata"], results["args"]
    details = {
        "dbt_version": metadata["dbt_version"],
        "empty": command.get("empty", False),
        "vars": command.get("vars", {}),
        "results": results["results"],
    }
    ended_at = metadata["generated_at"].rstrip("Z") or None
    connection.execute(
        "insert into builds values (?, ?, ?, ?, ?, ?)",
        [
            metadata["invocation_id"],
            command["which"],
            built_at,
            ended_at,
            json.dumps(details),
            json.dumps([asdict(state) for state in states]),
        ],
    )


def extracted() -> dict[str, Any]:
    """Return an extract.json."""
    return {
        "run_id": "20260115T055500Z-abc123",
        "source": "ordertime",
        "status": "complete",
        "started_at": "2026-01-15T05:55:00Z",
        "finished_at": "2026-01-15T06:00:05Z",
        "entities": {
            "part_items": {
                "rows": 50,
                "count_before": 49,
                "count_after": 50,
                "sha256": "ab" * 32,
                "file": "part_items.parquet",
            }
        },
    }


@dataclass
class SampleProject(Project):
    """A project with one feed; `write` makes the files of what it holds."""

    rows: list[dict[str, Any]] = field(
        default_factory=lambda: [good_row(number) for number in range(40)]
    )
    review: int = 4
    meta: dict[str, Any] = field(default_factory=lambda: json.loads(json.dumps(META)))
    results: dict[str, Any] = field(default_factory=run_results)
    extract: dict[str, Any] = field(default_factory=extracted)
    invocation: str | None = "inv-1"
    at: str = AT
    columns: dict[str, str] = field(default_factory=lambda: dict(COLUMNS))

    def write(self) -> Self:
        """Write artifacts, the record of the extract, and the warehouse."""
        suites = self.root / "tests" / "expectations"
        if not suites.exists():
            shutil.copytree(ROOT / "tests" / "expectations", suites)
            (self.root / "dbt_project.yml").write_text("name: sample\n")
            self.partner.mkdir()
        target = self.root / "target"
        target.mkdir(exist_ok=True)
        content = manifest(self.meta, self.columns)
        (target / "manifest.json").write_text(json.dumps(content))
        (target / "run_results.json").write_text(json.dumps(self.results))
        landed = self.data / "landing" / "current" / "ordertime"
        landed.mkdir(parents=True, exist_ok=True)
        (landed / "extract.json").write_text(json.dumps(self.extract))
        self._warehouse()
        return self

    def _warehouse(self) -> None:
        path = self.data / "warehouse.duckdb"
        path.unlink(missing_ok=True)
        with duckdb.connect(str(path)) as connection:
            fill(connection, "inventory_feed", self.columns, self.rows)
            audit = [
                {
                    "location_code": row.get("location_code"),
                    "supplier_sku": row.get("supplier_sku"),
                    "part_type": row.get("part_type"),
                    "status": "ELIGIBLE",
                    "reason_code": "OK",
                }
                for row in self.rows
            ] + [
                {
                    "location_code": "MAIN",
                    "supplier_sku": f"R-{number}",
                    "part_type": ("OEM", "OD", "AM", "CAPA")[number % 4],
                    "status": "REVIEW",
                    "reason_code": "PRICE_ZERO",
                    "note": "look at it",
                }
                for number in range(self.review)
            ]
            names = (
                "location_code", "supplier_sku", "part_type", "status", "reason_code",
                "note",
            )  # fmt: skip
            fill(connection, "inventory_audit", dict.fromkeys(names, "varchar"), audit)
            if self.invocation:
                for table in ("inventory_feed", "inventory_audit"):
                    connection.execute(
                        f"comment on table {table} is '{self.invocation}'"
                    )
            states = partner_state.current(Ledger(self.data / "ledger.jsonl"))
            record_build(connection, self.results, BUILT, states)

    def publish(self, *words: object, **variables: object) -> dict[str, Any]:
        """Run `publish` at the project's logical time; return what it printed."""
        return self.run_json("publish", "--at", self.at, *words, **variables)

    @property
    def place(self) -> DataDirectory:
        """The data directory as commands read it."""
        variables = {k: str(v) for k, v in self.environment().items()}
        return DataDirectory.read(Environment(variables))

    def here(self, accept_first: bool = False, dry_run: bool = False) -> list[Outcome]:
        """Publish in this process, which spares the import of Great Expectations."""
        variables = self.environment()
        settings = Settings(
            root=self.root,
            variables=Environment({k: str(v) for k, v in variables.items()}),
            place=self.place,
            limits=Limits("1GB", 2),
            at=dt.datetime.fromisoformat(self.at),
            due=False,
            dry_run=dry_run,
            accept_first=accept_first,
            bar=False,
        )
        build_artifacts = artifacts.read(settings.root, settings.variables)
        ledger = Ledger(settings.place.ledger)
        return [
            outcome
            for feed in feeds.read(build_artifacts)
            for outcome in publish(settings, build_artifacts, ledger, feed)
        ]

    def judge_changed(self, change: Callable[[bytes], bytes]) -> Gates:
        """Judge the file with other bytes than were rendered; deliver nothing."""
        actual = artifacts.read(self.root, Environment({}))
        (feed,) = feeds.read(actual)
        folder = self.folder / "changed" / "package"
        folder.mkdir(parents=True, exist_ok=True)
        limits = Limits("1GB", 2)
        with mart.find(self.place).session(limits, folder.parent) as connection:
            path = folder / "feed"
            at = dt.datetime.fromisoformat(self.at)
            values = RunValues(at, "dev", path.name)
            rows = render.feed_file(connection, feed, None, path, values)
            path.write_bytes(change(path.read_bytes()))
            inputs = gate.GateInputs(
                artifacts=actual,
                build=gate.dbt.file_build(connection, actual, feed),
                root=self.root,
                landed=[sources.Source("ordertime", self.extract)],
                partner_rows=(),
                first=False,
                adopted=frozenset(),
                last_rows={},
                splits=(None,),
                at=at,
                accept_first=False,
            )
            hashed = HashedFile.read(path)
            file = gate.Rendered(feed, None, path, rows, hashed, values)
            return gate.judge(connection, inputs, file)

    def quick(self) -> Self:
        """Write it with one expectation in place of eighty, which saves time."""
        self.meta["suite"] = "quick"
        self.write()
        folder = self.root / "tests" / "expectations"
        suite = json.loads((folder / "onpart_inventory.json").read_bytes())
        short = {**suite, "name": "quick", "expectations": suite["expectations"][:1]}
        short["expectations"][0]["kwargs"]["column_list"] = list(self.columns)
        (folder / "quick.json").write_text(json.dumps(short))
        return self

    def first_delivery(self) -> None:
        """Deliver the sample, so that there is something to compare with."""
        (outcome,) = self.write().here(accept_first=True)
        assert outcome.summary["status"] == "delivered", outcome.text

    def each(self, spoil: Callable[[dict[str, Any]], object]) -> None:
        """Spoil every row."""
        for row in self.rows:
            spoil(row)

    def later(self, minutes: int = 10) -> None:
        """Move the logical time on."""
        moment = dt.datetime.fromisoformat(self.at) + dt.timedelta(minutes=minutes)
        self.at = f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def fill(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: dict[str, str],
    rows: list[dict[str, Any]],
) -> None:
    """Make a table of dictionaries."""
    spec = ", ".join(f'"{name}" {type_}' for name, type_ in columns.items())
    connection.execute(f"create table {table} ({spec})")
    if rows:
        marks = f"({', '.join('?' for _ in columns)})"
        # One statement: a statement for each row takes ten times as long.
        connection.execute(
            f"insert into {table} values {', '.join(marks for _ in rows)}",
            [row.get(name) for row in rows for name in columns],
        )
