"""Profiles have the right figures; drift reports unusual figures and no others."""

import datetime as dt
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import ROOT
from delivered_project import DeliveredProject

from monitor.catalogue import CATALOGUE
from monitor.drift import profile
from monitor.drift.compare import Drift, compare
from monitor.drift.limits import FLOORS, Tolerance
from runtime.environment import Limits
from store.feeds.declaration import schema
from store.package import Package

Profile = dict[str, Any]
MONDAY = dt.datetime(2026, 1, 5, 6, tzinfo=dt.UTC)
QUOTED = {"delimiter": ",", "quoteChar": '"', "header": True, "nullSequence": "null"}
PLAIN = {**QUOTED, "nullSequence": ""}
NOT_COMPARED = {"DRIFT_NOT_PROFILED"}


def packed(folder: Path, dialect: Profile, content: str, **fields: str) -> Package:
    """A package of one file."""
    run = folder / "feed" / "20260105T060000Z-0"
    run.mkdir(parents=True)
    (run / "x.csv").write_bytes(content.encode())
    columns = [{"name": name, "type": type_} for name, type_ in fields.items()]
    manifest = {
        "resources": [
            {
                "path": "x.csv",
                "rows": content.count("\n") - 1,
                "hash": "sha256:00",
                "dialect": dialect,
                "schema": {"fields": columns},
            }
        ],
        "run": {
            "logical_time": "2026-01-05T06:00:00Z",
            "counts": [
                {"status": "ELIGIBLE", "reason": "OK", "rows": 3},
                {"status": "REVIEW", "reason": "PRICE", "rows": 1},
            ],
            "changes": {"rows_before": 4, "added": 1, "columns": {"price": 2}},
        },
    }
    (run / "x.manifest.json").write_text(json.dumps(manifest))
    return Package(run)


def test_a_profile_has_the_figures_of_the_file(tmp_path: Path):
    content = (
        '"id","said","price","on"\n'
        '"1","a \\"b\\", c","10.50","2026-01-01"\n'
        '"2","two\nlines","0","2026-01-03"\n'
        '"3","null","null","null"\n'
    )
    package = packed(
        tmp_path, {**QUOTED, "escapeChar": "\\"}, content,
        id="integer", said="string", price="number", on="date",
    )  # fmt: skip
    figures = profile.profile(package, Limits("256MB", 1), tmp_path)
    assert figures["rows"] == 3
    text, price, on = (figures["columns"][name] for name in ("said", "price", "on"))
    assert (text["nulls"], text["distinct"], text["length"]) == (0.333333, 2, 8.5)
    assert (price["zeros"], price["nulls"]) == (0.5, 0.333333)
    low, high = price["middle"]
    assert 0 <= low <= price["median"] <= high <= 10.5
    assert on == {"kind": "time", "nulls": 0.333333}
    assert figures["reasons"] == {"OK": 0.75, "PRICE": 0.25}
    assert figures["moves"]["added"] == 0.25
    assert figures["moves"]["changed price"] == 0.5
    assert not list(tmp_path.glob("*duckdb*"))  # nothing is left behind


def test_an_empty_text_counts_as_empty(tmp_path: Path):
    rows = "".join(f'{n},"",\n' for n in range(500))
    package = packed(
        tmp_path, PLAIN, f"id,empty,price\n{rows}",
        id="string", empty="string", price="number",
    )  # fmt: skip
    columns = profile.profile(package, Limits("256MB", 1), tmp_path)["columns"]
    assert columns["empty"]["nulls"] == columns["price"]["nulls"] == 1
    assert columns["id"]["distinct"] == 500
    assert columns["price"]["median"] is columns["price"]["middle"] is None


def test_a_text_among_numbers_counts_as_missing(tmp_path: Path):
    content = 'id,price\n1,10.50\n2,"12,50"\n3,n/a\n4,1e1\n'
    package = packed(tmp_path, PLAIN, content, id="integer", price="number")
    price = profile.profile(package, Limits("256MB", 1), tmp_path)["columns"]["price"]
    assert (price["nulls"], price["zeros"]) == (0.5, 0)


def a_profile(day: int, **changes: Any) -> Profile:
    """A profile of a file as it usually is."""
    price: Profile = {
        "kind": "number", "nulls": 0.02, "median": 100.0 + day % 3, "zeros": 0.0,
        "middle": [96.0, 104.0],
    }  # fmt: skip
    part_type: Profile = {
        "kind": "text", "nulls": 0.0, "distinct": 2, "length": 3.0,
    }  # fmt: skip
    profile: Profile = {
        "run_id": f"r{day:03}",
        "logical_time": (MONDAY + dt.timedelta(days=day)).isoformat(),
        "rows": 10_000 + 20 * (day % 5),
        "columns": {"price": price, "part_type": part_type},
        "reasons": {"OK": 0.9, "NO_STOCK": 0.1},
        "moves": {"added": 0.01, "removed": 0.01, "changed": 0.05},
    }
    for path, value in changes.items():
        *way, last = path.split("__")
        at = profile
        for step in way:
            at = at[step]
        at[last] = value
    return profile


def reported(now: Profile, before: list[Profile], **allowed: Any) -> set[str]:
    return {d.id for d in compare(now, before, Tolerance(**allowed)) if d.unusual}


USUAL = [a_profile(day) for day in range(60)]
OFF: dict[str, tuple[str, Any]] = {
    "DRIFT_ROWS": ("rows", 8_000),
    "DRIFT_NULLS": ("columns__part_type__nulls", 0.05),
    "DRIFT_REASONS": ("reasons", {"OK": 0.8, "NO_STOCK": 0.2}),
    "DRIFT_NUMBERS": ("columns__price__median", 80.0),
    "DRIFT_TEXT": ("columns__part_type__length", 4.0),
    "DRIFT_MOVES": ("moves__changed", 0.4),
}


@pytest.mark.parametrize("id_", OFF)
def test_each_kind_of_drift_has_its_finding(id_: str):
    path, value = OFF[id_]
    assert reported(a_profile(60), USUAL) == set()
    assert reported(a_profile(60, **{path: value}), USUAL) == {id_}


def test_every_kind_of_drift_is_tried():
    kinds = {id_ for id_ in CATALOGUE if id_.startswith("DRIFT_")}
    assert kinds == OFF.keys() | NOT_COMPARED


def test_rows_that_went_and_texts_that_changed_have_lower_limits_than_prices():
    for moved in ({"removed": 0.15}, {"changed part_type": 0.15}):
        usual = {"added": 0.01, "removed": 0.01, "changed": 0.05}
        assert reported(a_profile(60, moves={**usual, **moved}), USUAL) == {
            "DRIFT_MOVES"
        }
    usual["changed price"] = 0.2
    assert reported(a_profile(60, moves=usual), USUAL) == set()


def test_many_zeros_are_reported():
    off = a_profile(60, columns__price__zeros=1.0)
    assert reported(off, USUAL) == {"DRIFT_NUMBERS"}


@pytest.mark.parametrize(
    "spread", [{"middle": [1, 3]}, {"quantiles": [n // 8 - 1 for n in range(41)]}]
)
def test_a_median_may_move_inside_the_middle_fifth(spread: Profile):
    def pieces(day: int, median: float) -> Profile:
        profile = a_profile(day, columns__price__median=median)
        del profile["columns"]["price"]["middle"]
        profile["columns"]["price"] |= spread
        return profile

    before = [pieces(day, 2.0) for day in range(60)]
    assert reported(pieces(60, 2.9), before) == set()
    assert reported(pieces(60, 3.1), before) == {"DRIFT_NUMBERS"}


def test_a_reason_that_appears_grows_or_vanishes_is_reported():
    for reasons, code in (
        ({"OK": 0.8, "NO_STOCK": 0.1, "PRICE_ZERO": 0.1}, "PRICE_ZERO"),
        ({"OK": 1.0}, "NO_STOCK"),
    ):
        off = a_profile(60, reasons=reasons)
        drifts = [d for d in compare(off, USUAL, Tolerance()) if d.unusual]
        assert {d.id for d in drifts} == {"DRIFT_REASONS"}
        assert code in {d.column for d in drifts}
    (drift,) = (d for d in drifts if d.column == "NO_STOCK")
    assert drift.message.startswith("NO_STOCK, share of source rows 0, usually 0.1 ")


def test_a_feed_without_an_audit_has_no_reasons():
    before = [a_profile(day, reasons={}) for day in range(60)]
    assert reported(a_profile(60, reasons={}), before) == set()


def series(*rows: int) -> list[Profile]:
    return [a_profile(day, rows=count) for day, count in enumerate(rows)]


def test_the_loss_of_all_rows_is_reported_even_if_rows_vary_widely():
    wild = series(*[500, 1000, 1500, 200, 2000] * 3)
    assert reported(a_profile(15, rows=20), wild) == {"DRIFT_ROWS"}
    assert reported(a_profile(15, rows=300), wild) == set()
    # A delta may be short, however long the others were.
    assert reported(a_profile(15, rows=20), wild, snapshot=False) == set()
    still = series(*[100_000] * 15)
    assert reported(a_profile(15, rows=99_995), still) == set()
    assert reported(a_profile(15, rows=89_000), still) == {"DRIFT_ROWS"}


def test_a_sunday_is_compared_with_sundays():
    weeks = series(*[1000, 1010, 990, 1005, 995, 600, 500] * 5)
    assert reported(a_profile(41, rows=505), weeks) == set()  # a Sunday
    assert reported(a_profile(36, rows=505), weeks) == {"DRIFT_ROWS"}  # a Tuesday
    assert reported(a_profile(41, rows=1000), weeks) == {"DRIFT_ROWS"}


def test_few_runs_are_not_compared_and_columns_may_be_left_out():
    off = a_profile(60, rows=1)
    assert compare(off, USUAL[:6], Tolerance()) == []
    assert reported(off, USUAL[:7]) == {"DRIFT_ROWS"}
    off = a_profile(60, columns__price__median=1.0)
    assert reported(off, USUAL, ignore=("price",)) == set()


def test_an_exposure_sets_the_limits_within_its_schema():
    drift = {"window": 14, "sensitivity": 3, "floors": {"rows": 0.5}, "ignore": ["x"]}
    allowed = Tolerance.from_declaration(drift, snapshot=False)
    assert (allowed.window, allowed.sensitivity, allowed.snapshot) == (14, 3, False)
    assert allowed.floors == {**FLOORS, "rows": 0.5}
    types = schema()["$defs"]
    floors = types["Floors"]["properties"]
    assert floors.keys() == FLOORS.keys()
    for name, floor in FLOORS.items():
        assert f"default {floor:.2f}" in floors[name]["description"]
    assert types["Drift"]["properties"].keys() == {
        "window", "least_runs", "sensitivity", "ignore", "floors"
    }  # fmt: skip


@pytest.fixture
def project(delivered: DeliveredProject, tmp_path: Path) -> DeliveredProject:
    return delivered.copy(tmp_path / "project")


def before(
    project: DeliveredProject,
    days: int,
    edit: Callable[[Profile], object] = lambda profile: None,
) -> None:
    """Add earlier deliveries with profiles like the newest one, changed by `edit`."""
    folder = project.data / "profiles/onpart_inventory"
    now = max(folder.glob("*.json"))
    *_, last = project.records()
    for day in range(1, days + 1):
        at = dt.datetime(2026, 1, 15, 7, tzinfo=dt.UTC) - dt.timedelta(days=day)
        run_id = f"{at:%Y%m%dT%H%M%SZ}-00000000"
        earlier = json.loads(now.read_bytes())
        earlier |= {"run_id": run_id, "logical_time": at.isoformat()}
        edit(earlier)
        (folder / f"{run_id}.json").write_text(json.dumps(earlier))
        project.write_ledger({**last, "run_id": run_id}, *project.records())


def test_the_command_profiles_once_and_reports_unusual_figures(
    project: DeliveredProject,
):
    shutil.rmtree(project.data / "profiles")
    assert project.ids() == {"DRIFT_NOT_PROFILED"}
    ran = project.run("monitor", "drift", "--json")
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout)
    assert result["profiled"] == [
        f"onpart_inventory/{project.package.name}", "ordertime/20260115T055500Z-abc123"
    ]  # fmt: skip
    assert project.ids() == set()
    assert (
        json.loads(project.run("monitor", "drift", "--json").stdout)["profiled"] == []
    )
    before(project, 10)
    assert project.ids() == set()
    before(project, 10, lambda profile: profile["columns"]["brand"].update(nulls=0.5))
    report = project.health()
    assert {f.id for f in report.findings} == {"DRIFT_NULLS"}
    assert report.exit_code == 0  # drift never holds
    text = project.run("monitor", "drift").stdout
    assert re.search(r"1 of \d+ figures are unusual\n  ! DRIFT_NULLS brand", text)
    assert text.count("\n") == 2
    assert project.run("monitor", "drift", "--all").stdout.count("\n") > 50


def test_held_files_are_profiled_but_not_part_of_the_usual(project: DeliveredProject):
    before(project, 20, lambda profile: profile.update(rows=400))
    assert project.ids() == {"DRIFT_ROWS"}
    for record in (records := project.records())[:20]:
        record["event"] = "held"
    project.write_ledger(*records)
    assert project.ids() == set()


def test_a_run_of_a_clock_that_was_ahead_is_not_the_newest(project: DeliveredProject):
    before(project, 20, lambda profile: profile.update(rows=400))
    last, ahead = project.package, "20260125T070000Z-00000000"
    shutil.copytree(last, last.with_name(ahead))
    profiles = project.data / "profiles/onpart_inventory"
    wrong = json.loads((profiles / f"{last.name}.json").read_bytes())
    wrong |= {"run_id": ahead, "logical_time": "2026-01-25T07:00:00Z", "rows": 400}
    (profiles / f"{ahead}.json").write_text(json.dumps(wrong))
    *_, sent = records = project.records()
    behind = {**sent, "run_id": ahead, "logical": "2026-01-25T07:00:00Z"}
    project.write_ledger(*records[:20], behind, *records[20:])
    health = project.health()
    assert {finding.id for finding in health.findings} == {"DRIFT_ROWS"}
    assert health.facts["feeds"]["onpart_inventory"]["last_package"] == last.name
    # A dry run has no record. Its time says where it stands.
    dry = last.with_name("20260115T080000Z-00000000")
    shutil.copytree(last, dry)
    every = [package.run_id for package in project.context().packages]
    assert every == [ahead, last.name, dry.name]


def test_a_package_that_cannot_be_read_stops_no_other(project: DeliveredProject):
    shutil.rmtree(project.data / "profiles")
    (manifest,) = project.package.glob("*.manifest.json")
    manifest.write_text("nonsense")
    ran = project.run("monitor", "drift")
    assert ran.returncode == 0
    assert "no profile file=onpart_inventory" in ran.stderr
    assert project.ids() == {"DRIFT_NOT_PROFILED"}


def test_figures_are_described_here_and_in_the_documentation():
    assert Drift("DRIFT_ROWS", "", "rows", 8, 10, 0.1, 0.2).message == (
        "rows 8, usually 10 (off by 0.2, limit 0.1)"
    )
    page = (ROOT / "docs/drift.md").read_text()
    for name, floor in FLOORS.items():
        assert re.search(rf"^\| `{name}` \| .* \| {floor:.2f} \|$", page, re.M), name
