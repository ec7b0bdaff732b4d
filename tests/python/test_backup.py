"""A copy of the data directory is made, put back, and brought up to the partners."""

import datetime as dt
import json
import os
import shutil
from pathlib import Path

import pytest
from order_project import OrderProject, order, term
from sample_project import SampleProject

from monitor.commands import backup
from publish.partner_files import pattern

FEED, BECAUSE = "onpart_inventory", ("--because", "they looked, and it is all")


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    project = SampleProject(tmp_path)
    project.variables = {"FEEDS_ACCEPT_FIRST": 1, "FEEDS_OPERATOR": "ann"}
    return project.quick()


def deliver(project: SampleProject, quantity: int) -> str:
    """Deliver another file; return its name."""
    project.later()
    project.rows[0]["qty_on_hand"] = quantity
    (file,) = project.write().publish()["files"]
    assert file["status"] == "delivered", file.get("message", file)
    return str(file["name"])


def put_back(project: SampleProject | OrderProject, copy: Path) -> None:
    """Put a copy back, as docs/operations.md says; dbt builds the warehouse again."""
    lost = project.data.rename(project.folder / "lost")
    shutil.copytree(copy, project.data, symlinks=True)
    shutil.copy(lost / "warehouse.duckdb", project.data)


def test_the_drill(project: SampleProject) -> None:
    deliver(project, 11)
    copy = project.folder / "copies" / "monday"
    copy.parent.mkdir()
    done = project.run("monitor", "backup", copy)
    assert (done.returncode, done.stderr) == (0, "")
    names = [deliver(project, 12), deliver(project, 13)]
    put_back(project, copy)

    # The ledger knows one delivery, the partner has three.
    project.later()
    project.rows[0]["qty_on_hand"] = 11  # what the ledger says that they have
    refused = project.write().run("publish", "--at", project.at)
    assert refused.returncode == 1
    assert "was put back from a copy" in refused.stderr
    assert project.publish("--dry-run")["exit_code"] == 0
    health = project.run_json("monitor", "health")
    assert "DATA_RESTORED" in {each["id"] for each in health["findings"]}

    before = project.ledger_file.read_bytes()
    listed = project.run_json("publish", "restored")
    unknown = {"feed": FEED, "unknown": {"": names}, "older": [], "read": []}
    assert (listed["exit_code"], listed["feeds"]) == (1, [unknown])
    dry = project.run("publish", "restored", *BECAUSE, "--dry-run")
    assert (dry.returncode, names[0] in dry.stdout) == (0, True)
    assert project.ledger_file.read_bytes() == before
    wrong = project.run("publish", "restored", *BECAUSE, "--received", "x.csv")
    assert (wrong.returncode, "DEMO01_inventory_{timestamp}.csv" in wrong.stderr) == (
        2, True,
    )  # fmt: skip
    # The partner had taken one of them; the other has all rows.
    (project.partner / names[0]).unlink()
    words = ("publish", "restored", "--received", names[0], *BECAUSE)
    assert project.run(*words).returncode == 0
    (record,) = project.records("restored")
    assert (record["names"], record["read"], record["by"]) == (
        {"": names}, names, "ann",
    )  # fmt: skip
    again = project.run("publish", "restored")
    assert (again.returncode, "knows all files" in again.stdout) == (0, True)

    # dbt has to build again, as after every delivery that it did not know of.
    assert project.publish()["files"][0]["status"] == "superseded"
    project.rows[0]["qty_on_hand"] = 14
    (file,) = project.write().publish()["files"]
    assert file["status"] == "delivered", file.get("message", file)
    changes = (Path(file["package"]) / "changes.csv").read_text()
    assert '""qty_on_hand"":""13""' in changes, changes
    project.later()
    assert project.publish()["files"][0]["status"] == "unchanged"
    verify = ("python", Path(file["package"]) / "verify.py", project.data / "outbox")
    verified = project.run(*verify, "--ledger", project.ledger_file)
    assert verified.returncode == 0, verified.stdout


def test_an_older_ledger_is_noticed_before_anything_is_sent(
    project: SampleProject,
) -> None:
    """Somebody put back their own copy, which has no backup.json."""
    (project.partner / "DEMO01_inventory_20000101T000000Z.csv").write_text("theirs")
    first = deliver(project, 11)
    copy = shutil.copytree(project.data, project.folder / "rsync")
    names = [deliver(project, 12), deliver(project, 13)]
    put_back(project, copy)
    (checked,) = project.run_json("publish", "check", "onpart")["checks"]
    assert checked["unknown"][FEED]["count"] == 3
    assert checked["unknown"][FEED]["newest"][1:] == names
    project.later()
    project.rows[0]["qty_on_hand"] = 14
    (file,) = project.write().publish()["files"]
    assert (file["status"], names[1] in file["message"]) == ("refused", True), file
    assert len(list(project.partner.glob("*.csv"))) == 4
    assert project.records()[-1]["event"] == "delivered"
    # A file that is taken now is remembered.
    for name in names:
        (project.partner / name).rename(project.folder / name)
    health = project.run_json("monitor", "health")
    (finding,) = [f for f in health["findings"] if f["id"] == "DATA_RESTORED"]
    assert names[0] in finding["says"]
    listed = project.run_json("publish", "restored")
    assert listed["feeds"][0]["unknown"] == {"": names}
    assert project.run("publish", "restored", *BECAUSE).returncode == 0
    (record,) = project.records("restored")
    assert (record["read"], record["copy_at"] is None) == ([], False)
    assert not (project.data / "backup.json").exists()
    (file,) = project.publish()["files"]
    assert file["status"] == "delivered", file.get("message", file)
    # Other bytes than the last file of the ledger: the partner must ask for them.
    (project.partner / first).write_text("changed")
    project.later()
    project.rows[0]["qty_on_hand"] = 15
    assert project.write().publish()["files"][0]["status"] == "delivered"
    listed = project.run_json("publish", "restored")
    assert listed["feeds"][0]["unknown"] == {"": [first]}


def test_a_copy_is_whole_and_has_links_to_what_never_changes(
    project: SampleProject,
) -> None:
    deliver(project, 11)
    (project.data / "outbox/.onpart_inventory.1.work").mkdir()
    copy = project.folder / "copy"
    result = project.run_json("monitor", "backup", copy)
    package = project.packages()[0].relative_to(project.data)
    for name in ("receipt.json", "SHA256SUMS", "audit.csv"):
        assert (copy / package / name).samefile(project.data / package / name)
    for name in ("ledger.jsonl", "ledger.head"):
        assert (copy / name).read_bytes() == (project.data / name).read_bytes()
        assert not (copy / name).samefile(project.data / name)
    (state,) = (project.data / "delivered/inventory_feed").glob("*.parquet")
    assert (copy / state.relative_to(project.data)).samefile(state)
    assert not list(copy.rglob(".*"))
    assert not list(copy.rglob("lock"))
    assert not (copy / "warehouse.duckdb").exists()
    marker = json.loads((copy / "backup.json").read_bytes())
    assert marker["ledger"]["records"] == len(project.records())
    assert result["files"] == len([p for p in copy.rglob("*") if p.is_file()]) - 1
    # A later delivery changes nothing of it.
    before = (copy / "ledger.jsonl").read_bytes()
    deliver(project, 12)
    assert (copy / "ledger.jsonl").read_bytes() == before


def test_a_copy_on_another_file_system_has_no_links(
    project: SampleProject,
) -> None:
    other = Path("/dev/shm")
    if other.stat().st_dev == project.folder.stat().st_dev:
        pytest.skip("needs a second file system")
    deliver(project, 11)
    copy = other / f"feeds-backup-{os.getpid()}"
    try:
        assert project.run_json("monitor", "backup", copy)["linked"] == 0
        package = project.packages()[0].relative_to(project.data)
        done = project.run("python", copy / package / "verify.py", copy / package)
        assert done.returncode == 0, done.stdout
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def test_what_goes_while_it_is_copied_is_not_in_the_copy(
    project: SampleProject, tmp_path: Path
) -> None:
    deliver(project, 11)
    part, package = tmp_path / "part", project.packages()[0]
    backup._copy(project.data / "outbox", part / "outbox")
    (package / "audit.csv").unlink()
    (package / "pruned.json").write_text("{}")
    place = backup.DataDirectory("dev", project.data)
    backup._complete(place, part)
    copied = part / package.relative_to(project.data)
    assert not (copied / "audit.csv").exists()
    assert (copied / "pruned.json").exists()


def test_a_wrong_folder_is_refused(
    project: SampleProject,
) -> None:
    deliver(project, 11)
    for folder, message in (
        (project.partner, "does not exist yet"),
        (project.data / "copy", "outside of"),
    ):
        done = project.run("monitor", "backup", folder)
        assert (done.returncode, message in done.stderr) == (2, True)
    assert not list(project.data.glob("*copy*"))


def order_night(project: OrderProject, days: int, *orders: dict) -> dict[str, str]:
    """Publish some orders of term 4218; return the status of each file."""
    when = dt.datetime(2091, 1, 2, 8, tzinfo=dt.UTC) + dt.timedelta(days=days)
    terms = [term("4218") | {"ordering_closes_at": "2091-02-01T00:00:00Z"}]
    project.build({"terms": terms, "orders": list(orders)}, when)
    return {
        file.removeprefix("order_feed_").replace("_file", ""): (
            outcome.summary.get("held_by") or outcome.summary["status"]
        )
        for file, outcome in project.publish(when, is_due=False).items()
    }


@pytest.fixture
def orders_of_a_copy(order_project: OrderProject) -> OrderProject:
    """A copy from before the last night was put back; the partner has two nights."""
    project = order_project
    (project.root / "dbt_project.yml").write_text("name: orders\n")
    (project.root / "target").mkdir()
    manifest = json.dumps(project.artifacts.manifest)
    (project.root / "target/manifest.json").write_text(manifest)
    project.variables |= {"FEEDS_ENVIRONMENT": "uat"}
    first = order_night(project, 0, order(1, "A"))
    assert first["delta.4218"] == "delivered", first
    copy = project.folder / "copy"
    assert project.run("monitor", "backup", copy).returncode == 0
    last = order_night(project, 1, order(1, "A"), order(2, "A"))
    assert last["delta.4218"] == "delivered", last
    put_back(project, copy)
    return project


ORDERS = [order(number, "A") for number in (1, 2, 3, 4)]


def test_after_lost_deltas_the_full_file_goes_first(
    orders_of_a_copy: OrderProject,
) -> None:
    project, received = orders_of_a_copy, []
    for path in project.partner.glob("2091-01-03-*.csv"):
        path.unlink()  # the partner took it
        received += ["--received", path.name]
    done = project.run("publish", "restored", *received, *BECAUSE)
    assert done.returncode == 0, done.stderr
    assert "Run `publish order_feed_full_file`" in done.stdout
    (lost,) = [r for r in project.records("restored") if "delta" in r["feed"]]
    assert (list(lost["names"]), lost["read"]) == (["4218"], [])
    again = order_night(project, 2, *ORDERS[:3])
    assert again["delta.4218"] == "refused"
    assert again["full.4218"] == "delivered"
    assert order_night(project, 3, *ORDERS)["delta.4218"] == "delivered"


def test_lost_deltas_that_are_still_there_are_read(
    orders_of_a_copy: OrderProject,
) -> None:
    project = orders_of_a_copy
    done = project.run("publish", "restored", *BECAUSE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": its rows are known") == 2, done.stdout + done.stderr
    assert {r["name"] for r in project.records("adopted")} == {
        "2091-01-03-4218-order-feed-full.csv"
    }
    # Order 2 was in the lost file: a delta of the next night has order 3 alone.
    again = order_night(project, 2, *ORDERS[:3])
    assert again["delta.4218"] == "delivered", again
    delta = project.partner / "2091-01-04-4218-order-feed-delta.csv"
    lines = delta.read_text().splitlines()
    assert {line.split(",")[0] for line in lines[1:]} == {'"3"'}, lines
    # Without an order, the next delta has it as deleted.
    assert order_night(project, 3, *ORDERS[1:])["delta.4218"] == "delivered"


def test_a_name_shows_its_feed_and_its_split_value(
    order_project: OrderProject,
) -> None:
    (delta, full) = (pattern(feed, "uat") for feed in order_project.feeds)
    name = "2026-12-03-2026-FA.1-order-feed-delta.csv"
    match = delta.fullmatch(name)
    assert match
    assert match["split"] == "2026-FA.1"
    assert not full.fullmatch(name)
    assert not delta.fullmatch(name + ".part")
