"""What an analyst asks of the past in SQL, after nights that delivered and held."""

import json
import os

import duckdb
import pytest
from built_project import BuiltProject

MONITORING = ("path:models/staging/publish", "path:models/monitoring")
# Lines that no ledger of ours holds, but a disk might.
BROKEN = [
    b'{"event": "held", "file": "\xff"}\n',
    b"[1, 2]\n",
    b'{"event": 5, "checks": "no list", "at": {"a": 1}, "file": null}\n',
    b'{"event": "held", "file": "a\'b", "run_id": "x", "checks": [null, {}]}\n',
    b'{"event": "intent", "attempt": "1", "at": "yesterday", "rows": 1e99}\n',
    b'{"event": "delivered", "file": "onp',
]


@pytest.fixture
def project(built_copy: BuiltProject) -> BuiltProject:
    """A project whose history was read after its nights, to be changed."""
    read(built_copy)
    return built_copy


@pytest.fixture(scope="module")
def history(
    built: BuiltProject, tmp_path_factory: pytest.TempPathFactory
) -> BuiltProject:
    """The same once; tests do not change it."""
    copy = built.copy(tmp_path_factory.mktemp("history") / "copy")
    read(copy)
    return copy


def read(project: BuiltProject) -> None:
    ran = project.run("dbt", "--no-use-colors", "build", "--select", *MONITORING)
    assert ran.returncode == 0, ran.stdout


def ask(project: BuiltProject, sql: str) -> list[tuple]:
    with duckdb.connect(
        str(project.data / "warehouse.duckdb"), read_only=True
    ) as opened:
        return opened.execute(sql).fetchall()


def answer(project: BuiltProject, analysis: str) -> list[tuple]:
    """Ask one of the questions in analyses/."""
    ran = project.run("dbt", "--no-use-colors", "compile", "--select", analysis)
    assert ran.returncode == 0, ran.stdout
    (compiled,) = (project.folder / "target/compiled").rglob(f"{analysis}.sql")
    return ask(project, compiled.read_text())


def test_the_two_questions_are_answered(history):
    assert answer(history, "how_often_each_file_was_held_and_why") == [
        (row[0], row[1], row[2], row[3], row[4])
        for row in ask(
            history,
            "select file, check_id, count(*), count(released_at), max(held_at) from"
            " holds group by all order by 3 desc, 1, 2",
        )
    ]
    counted = {
        (file, check): (held, released)
        for file, check, held, released, _ in answer(
            history, "how_often_each_file_was_held_and_why"
        )
    }
    # The first night, approved; then two nights on stock of the first.
    assert counted["onpart_inventory", "RUN_REVIEW_RATE"] == (3, 1)
    assert counted["onpart_inventory", "RUN_STALE"] == (2, 0)
    long = answer(history, "parts_in_review_for_more_than_a_week")
    assert ("410-2250", "HQ", "OD_LOW_STOCK", 8, True) in long
    assert {days for *_, days, _ in long} == {8}
    assert (
        len(long)
        == ask(history, "select count(*) from inventory_audit where status = 'REVIEW'")[
            0
        ][0]
    )


def test_every_table_says_what_the_ledger_and_the_packages_say(history):
    lines = (history.data / "ledger.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    kinds = [record["event"] for record in records]
    assert ask(
        history, "select count(*) from deliveries where outcome = 'delivered'"
    ) == [(kinds.count("delivered"),)]
    assert ask(history, "select count(distinct held_position) from holds") == [
        (kinds.count("held"),)
    ]
    packages = sorted(
        (path.parent.parent.name, path.parent.name)
        for path in (history.data / "outbox").glob("*/*/SHA256SUMS")
    )
    assert packages == ask(
        history, "select file, run_id from runs where is_package_kept order by all"
    )
    for file, run_id in packages:
        folder = history.data / "outbox" / file / run_id
        checks = json.loads((folder / "gates.json").read_bytes())["predicate"]["checks"]
        where = f"where file = '{file}' and run_id = '{run_id}'"
        assert ask(
            history, f"select check_id, verdict from gates {where} order by position"
        ) == [(check["id"], check["verdict"]) for check in checks]
        (manifest,) = folder.glob("*.manifest.json")
        counts = json.loads(manifest.read_bytes())["run"]["counts"]
        assert ask(
            history,
            f"select status, reason_code, row_count from reason_counts {where}"
            " order by all",
        ) == sorted((each["status"], each["reason"], each["rows"]) for each in counts)
    took = {
        (record["file"], record["run_id"]): record["seconds"]
        for record in records
        if record["event"] in ("delivered", "held")
    }
    assert set(took) == set(packages)
    for key, *seconds in ask(
        history,
        "select (file, run_id), render_seconds, judge_seconds, package_seconds,"
        " deliver_seconds from runs",
    ):
        names = ("render", "judge", "package", "deliver")
        assert seconds == [took[key].get(name) for name in names]
        assert None not in seconds[:3]
    (inventory,) = ask(
        history,
        "select delivered_count, held_count, last_outcome, last_delivered_row_count"
        " from files where file = 'onpart_inventory'",
    )
    (delivered,) = (
        r
        for r in records
        if (r["event"], r.get("feed")) == ("delivered", "onpart_inventory")
    )
    assert inventory == (1, 3, "held", delivered["rows"])
    assert ask(
        history,
        "select released_by is not null, released_because from holds"
        " where released_at is not null",
    ) == [(True, "I looked")]


def test_a_review_ends_and_begins_again(project):
    """A run that decides otherwise lies between two reviews."""
    middle = project.packages("onpart_inventory")[1] / "audit.csv"
    text = middle.read_text()
    lines = text.split("\n")
    at = next(n for n, line in enumerate(lines) if ",OD_LOW_STOCK," in line)
    lines[at] = lines[at].replace("REVIEW,AUDIT,OD_LOW_STOCK", "ELIGIBLE,PUBLISH,OK_OD")
    middle.write_text("\n".join(lines))
    assert ask(
        project,
        "select run_count, day_count, is_open from reviews"
        " where item_name = '410-2250' order by first_seen_at",
    ) == [(1, 0, False), (1, 0, True)]


def test_what_cannot_be_read_stops_no_build(project):
    before = ask(project, "select * from deliveries order by all")
    with (project.data / "ledger.jsonl").open("ab") as ledger:
        ledger.writelines(BROKEN)
    broken = project.data / "outbox/onpart_inventory/20260101T000000Z-00000000"
    broken.mkdir()
    (broken / "x.manifest.json").write_bytes(b'{"run": \xff')
    (broken / "gates.json").write_bytes(b'{"predicate": {"checks": {"id": 1}}}')
    read(project)
    after = ask(project, "select * from deliveries order by all")
    assert [row for row in after if row in before] == before
    assert ask(
        project, "select count(*) from holds where file = 'onpart_inventory'"
    ) == [(5,)]


def test_no_file_stands_on_them(history):
    manifest = json.loads((history.folder / "target/manifest.json").read_bytes())
    watching = {
        name
        for name, node in manifest["nodes"].items()
        if "models/monitoring" in node["original_file_path"]
        or "models/staging/publish/" in node["original_file_path"]
    }
    assert len(watching) > 10
    for name, node in manifest["nodes"].items():
        if name not in watching and node["resource_type"] != "analysis":
            assert not watching & set(node.get("depends_on", {}).get("nodes", ())), name
    for exposure in manifest["exposures"].values():
        assert not watching & set(exposure["depends_on"]["nodes"])


def test_a_view_that_is_read_from_another_folder_answers_or_fails(
    project, tmp_path, monkeypatch
):
    """The default data directory is a path from the folder of the project."""
    data = os.path.relpath(project.data, project.root)
    ran = project.run(
        "dbt", "--no-use-colors", "build", "--select", *MONITORING, FEEDS_DATA=data
    )
    assert ran.returncode == 0, ran.stdout
    monkeypatch.chdir(project.root)
    views = ("gates", "runs", "files", "holds", "deliveries", "reason_counts")
    there = [view for view in views if ask(project, f"select 1 from {view} limit 1")]
    assert {"gates", "reason_counts", "files"} <= {*there}
    monkeypatch.chdir(tmp_path)
    for view in there:
        with pytest.raises(duckdb.Error, match=f"expected {data}|No files found"):
            ask(project, f"select count(*) from {view}")
