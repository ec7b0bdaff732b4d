"""A snapshot that leaves as changes: applied in turn, the files give the snapshot."""

import csv
import json
import re
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
import yaml
from commands import ROOT
from faults.cells import POINTS
from sample_project import SampleProject, good_row, manifest

with warnings.catch_warnings():
    # Its import reaches for a module of the standard library that is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations  # noqa: F401

from monitor.why import format as format_
from monitor.why import subjects
from monitor.why.audit_search import read_sent
from monitor.why.search import Match
from publish import delta, lint, replay
from publish.replay import build, workspace
from publish.run import Outcome
from runtime.environment import Environment, Limits
from store import feeds
from store.feeds import artifacts
from store.feeds.artifacts import Artifacts
from store.ledger import Ledger
from store.package import Package

KEY = ["supplier_code", "location_code", "supplier_sku"]
WORDS = {"added": "A", "changed": "C", "removed": "D"}


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    project = SampleProject(tmp_path)
    project.variables = {
        "XDG_STATE_HOME": tmp_path / "state", "DEST_ONPART_RETRIES": 0,
        "FEEDS_OPERATOR": "ann",
    }  # fmt: skip
    project.meta |= {
        "file": "stock_{sequence:0>4}.csv", "when_empty": "skip",
        "delta": {"column": "operation", **WORDS},
        "changes": {"ignore": ["updated_at"]},
    }  # fmt: skip
    project.meta["guards"].pop("max_age")
    return quick(project)


def quick(project: SampleProject) -> SampleProject:
    """Use a suite of one expectation, of the columns of the file."""
    project.quick()
    path = project.root / "tests" / "expectations" / "quick.json"
    suite = json.loads(path.read_text())
    (first,) = suite["expectations"]
    delta = project.meta["delta"]
    columns = [*project.columns]
    place = len(columns) if delta.get("place") == "last" else 0
    columns.insert(place, delta.get("column", "operation"))
    first["kwargs"]["column_list"] = columns
    path.write_text(json.dumps(suite))
    return project


def publish(project: SampleProject, **options: bool) -> Outcome:
    """Publish a later file."""
    project.later()
    (outcome,) = project.write().here(**{"accept_first": True, **options})
    return outcome


def files(project: SampleProject) -> list[Path]:
    return sorted(project.partner.glob("stock_*.csv"))


def reader(paths: list[Path]) -> dict[tuple[str, ...], dict[str, str]]:
    """Apply files as a reader that knows nothing of ours; it believes no operation."""
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for path in paths:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        for row in frame.to_dict("records"):
            key = tuple(row[column] for column in KEY)
            operation = row.pop("operation")
            assert (key in rows) == (operation != "A"), (path, key, operation)
            if operation == "D":
                assert row == rows.pop(key), key
            else:
                assert row != rows.get(key), key
                rows[key] = row
    return rows


def snapshot(project: SampleProject) -> dict[tuple[str, ...], dict[str, str]]:
    """The rows of the mart, as another feed would write them."""
    folder = project.folder / "whole"
    whole = SampleProject(folder)
    folder.mkdir(exist_ok=True)
    whole.rows, whole.at = project.rows, project.at
    whole.variables = {"XDG_STATE_HOME": project.folder / "state"}
    whole.quick()
    (outcome,) = whole.here(accept_first=True, dry_run=True)
    package = Package(Path(outcome.summary["package"]))
    with (package.folder / outcome.summary["name"]).open(newline="") as lines:
        return {tuple(row[c] for c in KEY): row for row in csv.DictReader(lines)}


def differ_but_for_times(
    one: dict[tuple[str, ...], dict[str, str]],
    other: dict[tuple[str, ...], dict[str, str]],
) -> list[tuple[str, ...]]:
    def without(row: dict[str, str] | None) -> dict[str, str]:
        return {**(row or {}), "updated_at": ""}

    return [k for k in {*one, *other} if without(one.get(k)) != without(other.get(k))]


def verify(project: SampleProject) -> str:
    words = ["--ledger", project.data / "ledger.jsonl", project.data / "outbox"]
    done = subprocess.run(
        [sys.executable, "-I", ROOT / "publish/package/verify.py", *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def change(project: SampleProject) -> None:
    """Add two rows, change three, one of them in its time alone, and remove one."""
    project.rows = [dict(row) for row in project.rows]
    project.rows.pop(5)
    project.rows += [good_row(40), good_row(41)]
    project.rows[0]["qty_on_hand"] = 99
    project.rows[1]["description"] = 'A new one, "with" quotes\nand a second line'
    project.rows[2]["updated_at"] = "2026-01-15 06:45:00"


def test_files_applied_in_turn_give_the_snapshot(project: SampleProject) -> None:
    first = publish(project)
    assert first.summary["status"] == "delivered", first.text
    (path,) = files(project)
    frame = pd.read_csv(path, dtype=str)
    assert (len(frame), {*frame["operation"]}) == (40, {"A"})
    assert next(iter(frame.columns)) == "operation"
    change(project)
    second = publish(project)
    assert (second.summary["status"], second.summary["rows"]) == ("delivered", 5)
    frame = pd.read_csv(files(project)[1], dtype=str)
    assert frame["operation"].value_counts().to_dict() == {"A": 2, "C": 2, "D": 1}
    read = reader(files(project))
    assert differ_but_for_times(read, snapshot(project)) == []
    # Nothing but times differs: there is no file, and no number is taken.
    project.rows[3]["updated_at"] = "2026-01-15 06:46:00"
    assert publish(project).summary["status"] == "skipped"
    # The rows go back: the same bytes as before are sent again.
    project.rows[0]["qty_on_hand"] = 10
    assert publish(project).summary["rows"] == 1
    project.rows[0]["qty_on_hand"] = 99
    assert publish(project).summary["rows"] == 1
    project.rows[0]["qty_on_hand"] = 10
    assert publish(project).summary["status"] == "delivered"
    names = [path.name for path in files(project)]
    assert names == [f"stock_000{number}.csv" for number in range(1, 6)]
    assert files(project)[2].read_bytes() == files(project)[4].read_bytes()
    assert differ_but_for_times(reader(files(project)), snapshot(project)) == []
    # A removed row comes back as an added one.
    project.rows.append(good_row(5))
    assert publish(project).summary["rows"] == 1
    assert differ_but_for_times(reader(files(project)), snapshot(project)) == []
    assert "none wrong" in verify(project)


def test_the_package_says_what_changed(project: SampleProject) -> None:
    publish(project)
    change(project)
    dry = publish(project, dry_run=True)
    assert dry.summary["changes"] == {
        "first": False, "rows_before": 40, "rows_after": 41, "added": 2, "removed": 1,
        "changed": 2, "ignored": 0,
    }  # fmt: skip
    assert "rows, compared with what onpart has: 2 added, 1 removed, 2" in dry.text
    outcome = publish(project)
    package = Package(Path(outcome.summary["package"]))
    ids = {
        check["name"]: check
        for check in json.loads((package.folder / "gates.json").read_text())[
            "predicate"
        ].get("passedTests", [])
        if isinstance(check, dict)
    } or (package.folder / "gates.json").read_text()
    assert "RUN_DELTA" in ids
    with (package.folder / "changes.csv").open(newline="") as lines:
        changed = [row["_change"] for row in csv.DictReader(lines)]
    assert sorted(changed) == ["added", "added", "changed", "changed", "removed"]
    fields = [each["name"] for each in package.resource["schema"]["fields"]]
    assert fields == ["operation", *project.columns]
    page = project.run_json("monitor", "report", "--out", project.folder / "pages")
    assert page["exit_code"] == 0, page["stderr"]
    done = project.run("publish", "status")
    assert done.returncode == 0, done.stderr


def test_the_gates_judge_what_the_partner_will_have(project: SampleProject) -> None:
    publish(project)
    every = project.rows
    project.rows = every[:20]
    held = publish(project)
    assert held.summary["status"] == "held"
    ids = [each["id"] for each in held.summary["held_by"]]
    assert ids == ["RUN_ROW_DROP", "RUN_FLIP"], held.text
    assert held.summary["rows"] == 20  # removals
    # What is held changes nothing: later changes are compared with the first file.
    project.rows = [*every[:38], good_row(50)]
    assert publish(project).summary["rows"] == 3
    assert differ_but_for_times(reader(files(project)), snapshot(project)) == []
    # A person lets the changes go: these bytes, once.
    project.rows = every[:20]
    held = publish(project)
    words = ("approve", held.summary["sha256"], "--because", "they closed a place")
    done = project.run("publish", *words)
    assert done.returncode == 0, done.stderr
    assert publish(project).summary["status"] == "delivered"
    assert differ_but_for_times(reader(files(project)), snapshot(project)) == []
    project.rows = []
    emptied = publish(project)
    assert "RUN_MIN_ROWS" in [each["id"] for each in emptied.summary["held_by"]]


def test_few_keys_may_change(project: SampleProject) -> None:
    limit = {"columns": ["supplier_sku"], "share": 0.05}
    project.meta["guards"]["max_keys_changed"] = limit
    publish(project)
    change(project)
    held = publish(project)
    assert [each["id"] for each in held.summary["held_by"]] == ["RUN_KEYS_CHANGED"]
    assert "touches 5 values of supplier_sku; the partner holds 40" in held.text


@pytest.mark.parametrize(
    "point",
    # The file is too small for the other one.
    [point for point in POINTS if point != "in-stor@5"],
)
@pytest.mark.sample(2)
def test_a_crash_loses_and_repeats_no_change(
    project: SampleProject, point: str
) -> None:
    publish(project)
    project.later()
    change(project)
    project.write()
    name, _, visit = point.partition("@")
    killed = project.run(
        "publish", "--at", project.at, FEEDS_FAILPOINT=f"{name}=kill@{visit or 1}"
    )
    assert killed.returncode == -signal.SIGKILL
    (outcome,) = project.here()
    assert outcome.summary["status"] in ("delivered", "skipped"), outcome.text
    project.rows[0]["qty_on_hand"] = 98
    assert publish(project).summary["rows"] == 1
    assert len(files(project)) == 3
    assert differ_but_for_times(reader(files(project)), snapshot(project)) == []
    assert "none wrong" in verify(project)


def test_each_destination_gets_its_own_changes(project: SampleProject) -> None:
    mirror = project.folder / "mirror"
    mirror.mkdir()
    project.variables["DEST_MIRROR_URL"] = (project.folder / "none").as_uri()
    project.variables["DEST_MIRROR_RETRIES"] = 0
    project.meta["also"] = [{"destination": "mirror"}]
    quick(project)

    def both() -> list[Any]:
        project.later()
        outcomes = project.write().here(accept_first=True)
        return [each.summary["status"] for each in outcomes]

    assert both()[0] == "delivered"
    change(project)
    assert both()[0] == "delivered"
    project.variables["DEST_MIRROR_URL"] = mirror.as_uri()
    assert both() == ["skipped", "delivered"]
    project.rows[0]["qty_on_hand"] = 7
    assert both() == ["delivered", "delivered"]
    for paths in (files(project), sorted(mirror.glob("stock_*.csv"))):
        assert differ_but_for_times(reader(paths), snapshot(project)) == []
    assert len(files(project)) == 3
    assert len([*mirror.glob("stock_*.csv")]) == 2


def test_an_empty_file_is_sent_once_a_period_if_so_declared(
    project: SampleProject,
) -> None:
    project.meta["when_empty"] = "send"
    publish(project)
    assert publish(project).summary["status"] == "unchanged"
    for _ in range(2):
        project.later(24 * 60)
        empty = publish(project)
        assert (empty.summary["status"], empty.summary["rows"]) == ("delivered", 0)
        assert publish(project).summary["status"] == "unchanged"
    project.rows[0]["qty_on_hand"] = 7
    assert publish(project).summary["status"] == "delivered"
    assert [len(pd.read_csv(path)) for path in files(project)] == [40, 0, 0, 1]


@pytest.mark.parametrize(
    ("wrong", "count"),
    [
        ("select * from delta_rows", 0),
        ("select * from delta_rows where supplier_sku <> '100-00041'", 1),
        ("select * replace (5 as qty_on_hand) from delta_rows", 8),
        ("select * replace ('A' as operation) from delta_rows", 4),
        ("select * replace ('C' as operation) from delta_rows", 3),
        ("select * from delta_rows where false", 7),
        (
            "select * replace (description || '.' as description) from delta_rows "
            "where operation = 'D' union all "
            "select * from delta_rows where operation <> 'D'",
            0,  # a reader removes by the key
        ),
    ],
)
@pytest.mark.sample(3)
def test_a_file_that_does_not_give_the_snapshot_is_seen(
    project: SampleProject, wrong: str, count: int
) -> None:
    before = project.folder / "before.parquet"
    publish(project)
    warehouse = f"attach '{project.data / 'warehouse.duckdb'}' as warehouse (read_only)"
    with duckdb.connect() as connection:
        connection.execute(warehouse)
        connection.execute(
            "copy (select * from warehouse.main.inventory_feed) "
            f"to '{before}' (format parquet)"
        )
    change(project)
    project.write()
    (feed,) = feeds.read(artifacts.read(project.root, Environment({})))
    with duckdb.connect() as connection:
        connection.execute(warehouse)
        computed = delta.prepare(connection, feed, f"read_parquet('{before}')")
        connection.execute(f"create table feed as {wrong}")
        check = computed.check(connection)
    assert (check.passed, check.count) == (count == 0, count), check
    assert check.hard


def test_a_replay_makes_the_same_changes(
    project: SampleProject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    publish(project)
    change(project)
    publish(project)
    run = Package(project.packages()[1])
    again = project.copy(tmp_path_factory.mktemp("again") / "copy")
    (again.data / "ledger.head").unlink()
    workspace.write_ledger(again.place, Ledger(project.place.ledger), run)
    shutil.rmtree(again.packages()[1])
    folder = build.publish(again.place, again.root, run, Limits("1GB", 2))
    assert folder is not None
    same = replay.compare(run, Package(folder))
    assert {name for name, is_same in same.items() if not is_same} <= {
        "stock_0002.manifest.json", "built_from.json", "gates.html"
    }  # fmt: skip
    assert same["stock_0002.csv"]
    assert same["changes.csv"]


def test_the_contract_has_the_operation_and_no_limit_on_the_file(
    project: SampleProject,
) -> None:
    outcome = publish(project)
    path = Path(outcome.summary["package"]) / "contract.odcs.yaml"
    (schema,) = yaml.safe_load(path.read_bytes())["schema"]
    assert schema["properties"][0]["name"] == "operation"
    assert schema["quality"] == []


def test_why_finds_the_last_change_of_a_row(project: SampleProject) -> None:
    publish(project)
    change(project)
    publish(project)
    first, second = (Package(path) for path in project.packages())

    (part,) = subjects.read(artifacts.read(project.root, Environment.read()))

    def sent(package: Package, number: int, place: str) -> dict[str, Any]:
        row = {"location_code": place, "supplier_sku": f"100-{number:05d}"}
        return read_sent(package, Match(part, ("SKU",), row))

    assert sent(first, 5, "EAST")["operation"] == "A"
    removed = sent(second, 5, "EAST")
    assert removed["operation"] == "D"
    assert sent(second, 3, "EAST") == {}
    (line,) = format_._files([removed], {"output": "SKIP"})
    assert re.search(r"stock_0002.csv line \d+, D, ", line)


def test_an_old_file_is_not_sent_again_after_a_newer_one(
    project: SampleProject,
) -> None:
    publish(project)
    (first,) = project.packages()
    change(project)
    publish(project)
    words = ("--because", "they lost it")
    done = project.run("publish", "resend", first.name, *words, "--step-back")
    assert done.returncode == 1
    assert "cannot go out again" in done.stderr
    last = project.packages()[-1]
    files(project)[-1].unlink()
    done = project.run("publish", "resend", last.name, *words)
    assert done.returncode == 0, done.stderr
    assert differ_but_for_times(reader(files(project)), snapshot(project)) == []


def test_after_a_copy_was_put_back_a_person_says_what_the_partner_has(
    project: SampleProject,
) -> None:
    publish(project)
    sent = files(project)[0]
    lost = sent.with_name("stock_0003.csv")
    lost.write_bytes(sent.read_bytes())
    done = project.run("publish", "restored", "--because", "a test")
    assert f"{lost.name}: its rows are not known" in done.stdout, done.stderr
    change(project)
    refused = publish(project)
    assert refused.summary["status"] == "refused"
    assert "publish adopt onpart_inventory" in refused.text
    # The partner sends what it has now.
    theirs = project.folder / "theirs.csv"
    pd.read_csv(sent, dtype=str).drop(columns="operation").to_csv(theirs, index=False)
    words = ("--replace", "--because", "they sent it")
    done = project.run("publish", "adopt", "onpart_inventory", theirs, *words)
    assert done.returncode == 0, done.stderr + done.stdout
    outcome = publish(project)
    assert (outcome.summary["status"], outcome.summary["rows"]) == ("delivered", 5)
    assert outcome.summary["name"] == "stock_0004.csv"


@pytest.mark.parametrize(
    ("form", "last"),
    [
        ({"quoting": "all", "null_text": "null"}, False),
        (
            {"encoding": "windows-1252", "unencodable": "replace", "delimiter": ";"},
            True,
        ),
        ({"format": "jsonl"}, False),
    ],
)
@pytest.mark.sample(1)
def test_other_forms_have_the_operation_too(
    project: SampleProject, form: dict[str, str], last: bool
) -> None:
    dialect = project.meta["dialect"]
    if form.get("format") == "jsonl":
        keep = ("encoding", "timestamp_format", "date_format", "newline")
        dialect = {name: dialect[name] for name in keep if name in dialect}
    project.meta["dialect"] = {**dialect, **form}
    if last:
        project.meta["delta"]["place"] = "last"
    quick(project)
    publish(project)
    project.rows[4]["description"] = "Łódź"
    change(project)
    outcome = publish(project)
    assert outcome.summary["status"] == "delivered", outcome.text
    content = files(project)[1].read_text(
        dialect["encoding"].replace("windows-", "cp")
        if not form.get("encoding")
        else "cp1252"
    )
    lines = [
        line for line in content.splitlines() if re.search(r"100-000(00|40)", line)
    ]
    assert len(lines) == 2, content
    if form.get("format") == "jsonl":
        assert [json.loads(line)["operation"] for line in lines] == ["C", "A"]
    elif last:
        assert [line.rsplit(";", 1)[1] for line in lines] == ["C", "A"]
    else:
        assert [line.split(",", 1)[0] for line in lines] == ['"C"', '"A"']
    # Nothing changed since, in any of the forms.
    assert publish(project).summary["status"] == "skipped"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"file": "stock.csv"}, "file: expected {timestamp}, {date} or {sequence}"),
        (
            {"when_empty": "refuse"},
            'when_empty: expected "skip" or "send" beside delta',
        ),
        ({"delta": {"column": "brand"}}, "delta.column: expected another name than"),
        ({"delta": {"added": "x", "changed": "x"}}, "delta: expected three words"),
        (
            {"delta": {"place": "middle"}},
            'delta.place: expected one of "first", "last"',
        ),
        ({"replaces_by": KEY}, "delta: expected no replaces_by beside it"),
        (
            {"split_by": "location_code", "file": "stock_{split}_{sequence}.csv"},
            "delta: expected no split_by beside it, as a row whose value changes",
        ),
        ({"key": ["supplier_sku"]}, "key: expected columns that a data test holds"),
        (
            {"guards": {"max_age": {"column": "updated_at", "hours": 24}}},
            "guards.max_age.column: expected a column that is not in changes.ignore",
        ),
    ],
)
def test_what_cannot_be_declared(
    project: SampleProject, change: dict[str, Any], words: str
) -> None:
    project.meta |= change
    path = project.root / "models" / "exposures.yml"
    path.parent.mkdir()
    meta = json.dumps(project.meta)
    path.write_text(
        f"exposures:\n  - name: onpart_inventory\n    config:\n      meta: {meta}\n"
    )
    declared = manifest(project.meta)
    (exposure,) = declared["exposures"].values()
    exposure["original_file_path"] = "models/exposures.yml"
    (lines,) = lint.errors(project.root, Artifacts(declared)).values()
    assert words in "\n".join(lines), lines
