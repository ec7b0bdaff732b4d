"""Tables that are Parquet, with a build record, are published as DuckDB's are."""

import json
import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spark_build
from built_project import NIGHTS, BuiltProject
from sample_project import MODEL, SampleProject

from publish.replay import build as replay
from runtime.environment import Limits
from runtime.exits import Misuse, Temporary
from runtime.files import sha256_of
from store import build_records, builds, mart
from store.package import RECEIPT, Package

with warnings.catch_warnings():
    # Its import meets deprecated modules; here, so that no test has to.
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations  # noqa: F401


def unpublished(project: BuiltProject) -> BuiltProject:
    """Remove all that `publish` wrote."""
    for name in ("outbox", "delivered"):
        shutil.rmtree(project.data / name)
    for name in ("ledger.jsonl", "ledger.head"):
        (project.data / name).unlink()
    for file in project.partner.rglob("*"):
        if file.is_file():
            file.unlink()
    return project


@pytest.fixture
def project(built: BuiltProject, tmp_path: Path) -> BuiltProject:
    """Tables of Spark, built and not published; there is no warehouse."""
    project = unpublished(built.copy(tmp_path / "spark"))
    spark_build.export(project.data)
    (project.data / "warehouse.duckdb").unlink()
    return project


def tree(folder: Path) -> dict[str, str]:
    """Return the digest of every file but the receipts, which have times."""
    return {
        str(path.relative_to(folder)): sha256_of(path)
        for path in folder.rglob("*")
        if path.is_file() and path.name not in (RECEIPT, "lock")
    }


def test_every_byte_is_that_of_the_warehouse(
    project: BuiltProject, built: BuiltProject, tmp_path: Path
) -> None:
    warehouse = unpublished(built.copy(tmp_path / "duckdb"))
    expected = warehouse.publish(NIGHTS[0])["files"]
    assert {file["status"] for file in expected} == {"held", "delivered"}
    project.publish(NIGHTS[0])
    for folder in ("outbox", "delivered"):
        assert tree(project.data / folder) == tree(warehouse.data / folder)

    # An approval names its time, so only the files are the same from here on.
    (held,) = (file for file in expected if file["status"] == "held")
    for each in (warehouse, project):
        words = ("approve", held["sha256"], "--because", "I looked")
        assert each.run("publish", *words).returncode == 0
        for night in NIGHTS[:2]:
            each.publish(night)
    assert tree(project.partner) == tree(warehouse.partner)
    assert tree(project.data / "delivered") == tree(warehouse.data / "delivered")


@pytest.fixture
def sample(tmp_path: Path) -> SampleProject:
    """A small project whose tables are of Spark."""
    sample = SampleProject(tmp_path / "sample").quick()
    spark_build.export(sample.data)
    (sample.data / "warehouse.duckdb").unlink()
    return sample


def record(sample: SampleProject) -> dict[str, Any]:
    """Return the newest record."""
    newest = build_records.newest(sample.place)
    assert newest
    return dict(newest.content)


def held_by(sample: SampleProject) -> list[str]:
    """Publish; return the checks that hold the file."""
    (outcome,) = sample.here(accept_first=True)
    return [check["id"] for check in outcome.summary.get("held_by", ())]


def stopped(sample: SampleProject, code: int, message: str) -> None:
    """Publish; check that it was refused with an exit code and a message."""
    (outcome,) = sample.here(accept_first=True)
    assert (outcome.code, bool(re.search(message, outcome.text))) == (code, True), (
        outcome.text
    )


def part(sample: SampleProject, table: str = "inventory_feed") -> Path:
    """Return a file of a table."""
    return min((sample.data / "spark/inv-1" / table).glob("*.parquet"))


def remove(sample: SampleProject) -> None:
    part(sample).unlink()


def change_a_byte(sample: SampleProject) -> None:
    content = bytearray(part(sample).read_bytes())
    content[len(content) // 3] ^= 1
    part(sample).write_bytes(content)


def cut(sample: SampleProject) -> None:
    part(sample).write_bytes(part(sample).read_bytes()[:-1])


def list_too_few(sample: SampleProject) -> None:
    content = record(sample)
    content["tables"]["inventory_feed"]["files"].popitem()
    build_records.write(sample.place, content)


def list_none_and_remove_one(sample: SampleProject) -> None:
    content = record(sample)
    del content["tables"]["inventory_feed"]["files"]
    build_records.write(sample.place, content)
    remove(sample)


def drop_the_table(sample: SampleProject) -> None:
    content = record(sample)
    del content["tables"]["inventory_audit"]
    build_records.write(sample.place, content)


def write_a_newer_format(sample: SampleProject) -> None:
    build_records.write(sample.place, {**record(sample), "format": 2})


def leave_out_a_field(sample: SampleProject) -> None:
    content = record(sample)
    del content["details"]
    build_records.write(sample.place, content)


def cut_the_record(sample: SampleProject) -> None:
    (path,) = (sample.data / "spark/builds").glob("*/part-*")
    path.write_bytes(path.read_bytes()[:-30])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            remove,
            r"found no .*spark/inv-1/inventory_feed/part-00000.*\.parquet\. Build",
        ),
        (change_a_byte, r"found other bytes in .*inventory_feed/part-00000"),
        (cut, r"found other bytes in .*inventory_feed/part-00000"),
        (list_too_few, r"expected 40 rows of inventory_feed, found \d\d in the files"),
        (
            list_none_and_remove_one,
            r"expected 40 rows of inventory_feed, found \d\d in",
        ),
        (
            drop_the_table,
            r"expected inventory_audit in .*part-00000\.txt, found no such",
        ),
        (write_a_newer_format, r"expected the build format 1 or older, found 2\."),
        (leave_out_a_field, r"part-00000\.txt: .* missing required field `details`"),
        (cut_the_record, r"part-00000\.txt is not JSON"),
    ],
)
def test_what_is_not_whole_is_refused(
    sample: SampleProject, spoil: Callable[[SampleProject], None], message: str
) -> None:
    spoil(sample)
    before = tree(sample.data)
    stopped(sample, 1, message)
    assert tree(sample.data) == before


def test_a_file_that_vanishes_while_it_is_read_ends_with_75(
    sample: SampleProject,
) -> None:
    """A newer build was pruned, or a disk is gone: the next run may find all of it."""
    with (
        pytest.raises(Temporary, match=r"part-00000.*Try again\.") as stopped,
        mart.find(sample.place).session(Limits("1GB", 1), sample.folder) as session,
    ):
        part(sample).unlink()
        session.execute("select count(brand) from warehouse.inventory_feed")
    assert stopped.value.code == 75


def test_a_build_without_a_whole_record_is_not_seen(sample: SampleProject) -> None:
    before = record(sample)
    assert mart.find(sample.place).exists
    # Killed while it wrote a table, and while it wrote its record.
    folder = sample.data / "spark"
    for killed in ("killed-1", "killed-2"):
        shutil.copytree(folder / "inv-1", folder / killed)
        part = next((folder / killed / "inventory_feed").iterdir())
        part.write_bytes(part.read_bytes()[:100])
    later = {
        **before,
        "invocation_id": "killed-2",
        "built_at": "2026-01-15 06:40:00",
    }
    build_records.write(sample.place, later)
    (folder / "builds/killed-2/_SUCCESS").unlink()
    assert record(sample) == before
    assert held_by(sample) == []

    # It is killed, and no build was whole before it.
    shutil.rmtree(folder / "builds/inv-1")
    stopped(sample, 2, "expected a warehouse at")
    sample.variables["FEEDS_ENGINE"] = "spark"
    stopped(sample, 2, "expected the record of a build in .*builds, fo")


def test_a_build_of_one_file_leaves_the_other_tables(sample: SampleProject) -> None:
    """Each table has the verdict of the build that made it."""
    first = record(sample)
    other = {
        **first,
        "invocation_id": "inv-2",
        "built_at": "2026-01-15 06:40:00",
        "ended_at": "2026-01-15 06:50:00",
        "details": {**first["details"], "results": []},
    }
    build_records.write(sample.place, other)
    assert held_by(sample) == []

    # One of the file's tables is of the second build, which tested nothing.
    table = {**first["tables"]["inventory_feed"], "build": "inv-2"}
    tables = {**first["tables"], "inventory_feed": table}
    build_records.write(sample.place, {**other, "tables": tables})
    sample.later()
    assert held_by(sample) == ["DBT_BUILD"]

    # The record of the build that made the tables is gone, and its verdict with it.
    build_records.write(sample.place, other)
    build_records.remove(sample.place, "inv-1")
    sample.later()
    assert held_by(sample) == ["DBT_BUILD"]


def test_a_failed_test_holds_the_file(sample: SampleProject) -> None:
    content = record(sample)
    content["details"]["results"][-1]["status"] = "fail"
    build_records.write(sample.place, content)
    assert held_by(sample) == ["DBT_STATUS"]


def test_a_table_that_is_not_as_its_contract_declares_is_refused(
    sample: SampleProject,
) -> None:
    def enforce(manifest: dict[str, Any]) -> None:
        node = manifest["nodes"][MODEL]
        node["config"]["contract"] = {"enforced": True}
        # Spark's own name of a type is as good as DuckDB's.
        node["columns"]["brand"]["data_type"] = "string"

    sample.edit("target/manifest.json", enforce)
    assert held_by(sample) == []

    def declare(manifest: dict[str, Any]) -> None:
        columns = manifest["nodes"][MODEL]["columns"]
        columns["qty_on_hand"]["data_type"] = "bigint"
        columns["lot"] = {**columns.pop("gtin"), "name": "lot"}

    sample.edit("target/manifest.json", declare)
    message = (
        "inventory_feed is not as its contract declares: expected qty_on_hand as "
        r"BIGINT, found INTEGER; lot as VARCHAR, found \(none\); gtin as \(none\), fo"
    )
    stopped(sample, 1, message)


def test_who_has_both_engines_says_which(tmp_path: Path) -> None:
    sample = SampleProject(tmp_path / "sample").quick()
    spark_build.export(sample.data)
    stopped(sample, 2, "expected FEEDS_ENGINE to be duckdb or spark, fo")
    for engine, name in (("duckdb", "warehouse.duckdb"), ("spark", "part-00000.txt")):
        sample.variables["FEEDS_ENGINE"] = engine
        assert mart.find(sample.place).path.name == name
        assert held_by(sample) == []
        sample.later()
    sample.variables["FEEDS_ENGINE"] = "sail"
    with pytest.raises(Misuse, match="FEEDS_ENGINE must be one of duckdb, spark, but"):
        sample.here()


@pytest.fixture
def published(built: BuiltProject, tmp_path: Path) -> BuiltProject:
    """The project that was published on three nights, with tables of Spark."""
    project = built.copy(tmp_path / "spark")
    spark_build.export(project.data)
    (project.data / "warehouse.duckdb").unlink()
    return project


def answer(project: BuiltProject, *words: object) -> dict[str, Any]:
    """Run a command; return what it printed, without paths of the project."""
    done = project.run_json(*words)
    text = json.dumps({**done, "stderr": ""})
    return dict(json.loads(text.replace(str(project.folder), "")))


def test_monitor_and_confirm_answer_the_same(
    built: BuiltProject, published: BuiltProject, tmp_path: Path
) -> None:
    for words in (
        ("monitor", "why", "100-4412"),
        ("monitor", "why", "order:101"),
        ("monitor", "why", "S9"),
        ("monitor", "why", "no such part"),
        ("publish", "confirm", "onpart_inventory", "--list"),
        ("publish", "status"),
    ):
        assert answer(published, *words) == answer(built, *words), words
    health = []
    for project in (published, built.copy(tmp_path / "duckdb")):
        for source in ("part_items", "orders"):
            for file in project.data.glob(f"landing/current/*/{source}.parquet"):
                report = file.with_name("extract.json")
                content = json.loads(report.read_bytes())
                content["entities"] = {source: {"rows": 1, "proof": "count"}}
                report.write_text(json.dumps(content))
        health.append(answer(project, "monitor", "health", "--at", NIGHTS[2]))
    for facts in ("build", "seeds", "waiting", "feeds", "sources"):
        assert health[0][facts] == health[1][facts]
    assert health[0]["seeds"]["location_map"]["entries"] == 3
    assert health[0]["build"]["nodes"] > 100
    assert {each["id"] for each in health[0]["findings"]} == {
        each["id"] for each in health[1]["findings"]
    }
    drift = published.run_json("monitor", "drift")
    assert "no profile" not in drift["stderr"]
    report = published.report(tmp_path / "pages")
    assert len(report.pages) == len(published.recorded_packages())


def test_why_shows_less_where_only_the_tables_of_files_are(
    published: BuiltProject,
) -> None:
    content = build_records.newest(mart.DataDirectory("dev", published.data))
    assert content
    tables = {
        name: table
        for name, table in content.tables.items()
        if not name.startswith("int_orders")
    }
    build_records.write(
        mart.DataDirectory("dev", published.data),
        {**content.content, "tables": tables},
    )
    done = published.run_json("monitor", "why", "order:101")
    assert "records" not in done["rows"][0]["values"]
    assert (
        "less is shown subject=order because=the last build did not make "
        "int_orders_02_sections and int_orders_05_items"
    ) in done["stderr"]
    assert published.run_json("monitor", "why", "S9")["exit_code"] == 1


def test_a_replay_gives_the_build_the_id_and_times_of_the_run(
    sample: SampleProject,
) -> None:
    times = {"started_at": "2026-01-14T05:00:00Z", "built_at": "2026-01-14T05:01:00Z"}
    (outcome,) = sample.here(accept_first=True)
    run = Package(Path(outcome.summary["package"]))
    run.run["dbt"].update(invocation_id="then", **times)
    sample.variables["FEEDS_ENGINE"] = "spark"
    replay.copy_times(sample.place, run)
    assert build_records.ids(sample.place) == {"then"}
    with mart.find(sample.place).session(Limits("1GB", 1), sample.folder) as session:
        build = builds.find(session, "then")
        assert {*builds.marks(session).values()} >= {"then"}
        assert "inv-1" not in builds.marks(session).values()
    assert build
    assert f"{build.built_at:%H:%M}, {build.ended_at:%H:%M}" == "05:00, 05:01"
    assert build.results
