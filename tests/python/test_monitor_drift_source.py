"""A source sends another type of value; no record matches a mapping any more."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from delivered_project import DeliveredProject

RUNS = ("20260112T055500Z-000000", "20260113T055500Z-000000", "20260114T055500Z-000000")


@pytest.fixture
def project(delivered: DeliveredProject, tmp_path: Path) -> DeliveredProject:
    project = delivered.copy(tmp_path / "project")
    shutil.rmtree(project.data / "profiles/_landing")
    with duckdb.connect(str(project.data / "warehouse.duckdb")) as opened:
        opened.execute("create table seed_entries as " + ENTRIES)
    return project


ENTRIES = """
select 'location_map' as seed, 'ordertime' as source_name, unnest(['HQ', 'Never There'])
    as entry, false as is_forbidding, entry = 'HQ' as is_matched
union all select 'protected_parts', 'ordertime', unnest(['A-1', 'A-2']), true, false
union all select 'term_file_names', 'order_tool', 'T/1', true, false
"""


def land(project: DeliveredProject, run: str, weight: str, unknown: str) -> None:
    """Write ten items as the current extract, and profile them."""
    folder = project.data / "landing" / run / "ordertime"
    current = project.data / "landing/current/ordertime"
    if not folder.exists():
        shutil.copytree(current.resolve(), folder)
        current.unlink()
        current.symlink_to(f"../{run}/ordertime")
    project.edit_extract(lambda report: report.update(run_id=run))
    duckdb.execute(
        f"copy (select id as Id, {weight} as Weight, "
        f"{{'Size': {unknown}, 'a \"b\".c''d': 'x'}}::json as _unrecognised, "
        f"'{run}' as _extract_run_id from range(10) as r(id)) "
        f"to '{folder / 'part_items.parquet'}'"
    )
    assert project.run("monitor", "drift").returncode == 0


def test_a_field_of_another_type_is_reported(project: DeliveredProject):
    land(project, RUNS[0], "'1.5'", "7")
    profile = project.data / f"profiles/_landing/ordertime/{RUNS[0]}.json"
    fields = json.loads(profile.read_bytes())["fields"]
    assert fields["part_items.Weight"] == {"filled": 10, "numbers": 1.0}
    assert fields["part_items._unrecognised.Size"] == {"filled": 10, "numbers": 1.0}
    # This name is neither a JSON path nor an SQL name.
    odd = """part_items._unrecognised.a "b".c'd"""
    assert fields[odd] == {"filled": 10, "numbers": 0.0}
    assert "part_items._extract_run_id" not in fields
    land(project, RUNS[1], "'2'", "8")
    assert project.ids() & {"FIELD_RETYPED"} == set()
    land(project, RUNS[2], "'2 kg'", "'XL'")
    (finding,) = (f for f in project.health().findings if f.id == "FIELD_RETYPED")
    for field in ("Weight", "_unrecognised.Size"):
        assert f"part_items.{field} had numbers, now has texts" in finding.message


def test_an_extract_by_a_clock_that_was_ahead_is_not_the_last(
    project: DeliveredProject,
):
    land(project, RUNS[0], "'1'", "1")
    land(project, "20990101T000000Z-ahead", "'1'", "1")
    land(project, RUNS[1], "'x'", "1")
    (finding,) = (f for f in project.health().findings if f.id == "FIELD_RETYPED")
    assert "part_items.Weight had numbers, now has texts" in finding.message


def test_an_entry_that_matches_no_record_any_more_is_reported(
    project: DeliveredProject,
):
    for run in RUNS[:2]:
        land(project, run, "'1'", "1")
    assert "SEED_UNUSED" not in project.ids()
    with duckdb.connect(str(project.data / "warehouse.duckdb")) as opened:
        opened.execute("update seed_entries set is_matched = false")
    land(project, RUNS[2], "'1'", "1")
    (finding,) = (f for f in project.health().findings if f.id == "SEED_UNUSED")
    assert (finding.key, finding.examples) == ("SEED_UNUSED:location_map", ("HQ",))
    assert "seeds/location_map.csv" in finding.remedy


def test_an_entry_that_matched_in_some_runs_only_is_not_reported(
    project: DeliveredProject,
):
    land(project, RUNS[0], "'1'", "1")
    with duckdb.connect(str(project.data / "warehouse.duckdb")) as opened:
        opened.execute("update seed_entries set is_matched = false")
    for run in RUNS[1:]:
        land(project, run, "'1'", "1")
    assert "SEED_UNUSED" not in project.ids()


def test_an_extract_that_cannot_be_read_is_tried_again(project: DeliveredProject):
    land(project, RUNS[0], "'1'", "1")
    (project.data / "landing" / RUNS[0] / "ordertime/part_items.parquet").write_text(
        "x"
    )
    shutil.rmtree(project.data / "profiles/_landing")
    ran = project.run("monitor", "drift")
    assert ran.returncode == 0
    assert f"no profile source=ordertime run_id={RUNS[0]}" in ran.stderr
    assert not list((project.data / "profiles/_landing").glob("*/*.json"))


def test_health_counts_the_entries_that_match_no_record(project: DeliveredProject):
    report = project.health()
    assert report.facts["seeds"] == {
        "location_map": {"entries": 2, "unmatched": 1, "examples": ["Never There"]},
        "protected_parts": {"entries": 2, "unmatched": 2, "examples": ["A-1", "A-2"]},
    }
    (finding,) = (f for f in report.findings if f.id == "SEED_UNMATCHED")
    assert (finding.key, finding.examples) == (
        "SEED_UNMATCHED:protected_parts",
        ("A-1", "A-2"),
    )
    assert "2 of its 2 entries match no record" in finding.message
    assert report.exit_code == 0
    text = report.to_text()
    assert "1 of 2 entries match no record, such as Never There" in text
    assert "term_file_names" not in text, "of a source that was never extracted"
