"""What another version of the product left: an earlier one is read, a newer refused."""

import json
import lzma
import shutil
import tarfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import spark_build
from built_project import BuiltProject
from commands import ROOT
from delivered_project import DeliveredProject
from sample_project import SampleProject

from extract import runs
from runtime.exits import Refused
from runtime.files import sha256_of
from store import partner_state
from store.ledger import Ledger

FIXTURES = ROOT / "tests" / "fixtures"


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    return SampleProject(tmp_path).quick()


def newer(path: Path) -> None:
    """Give a JSON file a version that does not exist yet."""
    content: dict[str, Any] = json.loads(path.read_bytes())
    content.get("run", content)["format"] = 2
    before = sha256_of(path)
    path.write_text(json.dumps(content))
    if (sums := path.with_name("SHA256SUMS")).exists():
        sums.write_text(sums.read_text().replace(before, sha256_of(path)))


FEED, RUN, BECAUSE = "onpart_inventory", "20260115T070000Z", ("--because", "x")
# Every file that lasts, and the commands that read it.
FORMATS: dict[str, tuple[tuple[str, ...], ...]] = {
    "ledger.head": (
        ("publish", FEED),
        ("publish", "build"),
        ("publish", "status"),
        ("publish", "check"),
        ("publish", "hold", FEED, "--until", "2099-01-01", *BECAUSE),
        ("publish", "resend", RUN, *BECAUSE),
        ("publish", "restored"),
        ("publish", "prune"),
        ("publish", "replay", RUN),
        ("monitor", "health"),
        ("monitor", "report"),
        ("monitor", "drift"),
        ("monitor", "backup", "copy"),
    ),
    "outbox/*/*/*.manifest.json": (("publish", "replay", RUN), ("monitor", "report")),
    "landing/current/ordertime/extract.json": (
        ("publish", FEED),
        ("monitor", "drift"),
        ("monitor", "health"),
    ),
    "alerts/state.json": (
        ("monitor", "alert"),
        ("monitor", "ack", "DISK_LOW:disk", *BECAUSE),
        ("monitor", "health"),
    ),
    "checks/onpart.json": (("publish", "check"), ("monitor", "health")),
    "profiles/onpart_inventory/*.json": (("monitor", "drift"), ("monitor", "health")),
    "profiles/_landing/ordertime/*.json": (("monitor", "health"),),
    "backup.json": (
        ("publish", FEED),
        ("publish", "restored"),
        ("publish", "resend", RUN, *BECAUSE),
        ("monitor", "health"),
    ),
    "spark/builds/*/part-*": (
        ("publish", FEED),
        ("publish", "build"),
        ("publish", "prune"),
        ("monitor", "health"),
        ("monitor", "why", "x"),
    ),
    "trust/onpart.json": (
        ("publish", "check"),
        ("publish", "trust", "onpart"),
        ("publish", "restored"),
    ),
}


@pytest.mark.parametrize("path", FORMATS)
def test_a_newer_format_is_refused_and_named_and_stays(
    delivered: DeliveredProject, tmp_path: Path, path: str
) -> None:
    project = delivered.copy(tmp_path / "project")
    project.variables = {"FEEDS_ALERT_FILE": project.folder / "alerts.jsonl"}
    if path == "backup.json":
        (project.data / path).write_text('{"at": "2026-01-16T00:00:00Z"}')
    elif path.startswith("spark"):
        spark_build.export(project.data)
        (project.data / "warehouse.duckdb").unlink()
    elif path.startswith("trust"):
        (project.data / "trust").mkdir()
        (project.data / path).write_text("{}")
    elif path.startswith("checks"):
        project.checked()
    elif path.startswith("alerts"):
        project.run("monitor", "alert")
    (file,) = project.data.glob(path)
    newer(file)
    before = files_of(project)
    for command in FORMATS[path]:
        words = [project.package.name if word == RUN else word for word in command]
        done = project.run(*words)
        output = done.stdout + done.stderr
        assert done.returncode in (1, 75), (command, output)
        assert f"{file}: expected the " in output, (command, output)
        assert "found 2. A newer version of this product wrote it" in output
        assert files_of(project) == before, command


def files_of(project: DeliveredProject) -> dict[str, str]:
    """Return the digest of every file of the data directory but pages and locks."""
    return {
        str(path): sha256_of(path)
        for path in project.data.rglob("*")
        if path.is_file() and path.name != "lock" and "report" not in path.parts
    }


def test_an_unfinished_extract_of_a_newer_version_is_not_touched(
    tmp_path: Path,
) -> None:
    begun = tmp_path / "20260115T055500Z-abc123" / "ordertime" / "run.json"
    begun.parent.mkdir(parents=True)
    begun.write_text('{"format": 2, "started_at": "2026-01-15T05:55:00Z"}')
    with pytest.raises(Refused, match=r"run\.json: expected the extract format 1"):
        runs.begin(
            *(tmp_path, "ordertime", {}, timedelta(hours=1)),
            anew=False,
            keep_pages=False,
        )
    assert begun.exists()


def test_a_warehouse_of_a_newer_duckdb_is_named_with_what_to_do(
    project: SampleProject,
) -> None:
    packed = FIXTURES / "warehouse_of_duckdb_2.0.1.duckdb.xz"
    warehouse = project.data / "warehouse.duckdb"
    warehouse.write_bytes(lzma.decompress(packed.read_bytes()))
    result = project.publish()
    assert result["exit_code"] == 1
    message = result["files"][0]["message"]
    assert message.startswith(f"{warehouse} was made by another version of DuckDB")
    assert "Remove it, and run `dbt build`" in message


# By the commit that left a data directory: when the next run is, and what becomes of
# each file then.
LEFT: dict[str, tuple[str, dict[str, str]]] = {
    "7d42e2c": (
        "2026-11-28T19:30:00Z",
        {
            "onpart_inventory": "unchanged",
            "order_feed_delta_file.4268": "waiting",
            # The full file was recorded after the build.
            "order_feed_delta_file.4272": "superseded",
            # A build of that release recorded no states.
            "order_feed_full_file.4268": "superseded",
            # An order may have moved to the file that was recorded after the build.
            "order_feed_full_file.4272": "superseded",
        },
    ),
    "2796f21": (
        "2026-11-29T01:00:00Z",
        {
            "onpart_inventory": "unchanged",
            "order_feed_delta_file.4268": "waiting",
            "order_feed_delta_file.4272": "skipped",
            "order_feed_full_file.4268": "unchanged",
            "order_feed_full_file.4272": "held",
        },
    ),
}


def unpacked(commit: str, folder: Path) -> BuiltProject:
    """Return what a commit left.

    Its inventory was delivered, then held and approved. Of the order feed a delta was
    delivered, and `publish` was killed after it renamed a full file.
    """
    project = BuiltProject(folder)
    with tarfile.open(FIXTURES / f"data_of_{commit}.tar.xz") as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)
    (folder / "data").rename(project.data)
    return project


@pytest.mark.parametrize("commit", LEFT)
def test_what_an_earlier_release_left_can_be_read(
    built: BuiltProject, tmp_path: Path, commit: str
) -> None:
    project = unpacked(commit, tmp_path)
    shutil.copytree(built.folder / "target", tmp_path / "target")
    ledger = Ledger.read(project.ledger_file)
    assert (ledger.broken, len(ledger.open_intents())) == ("", 1)
    states = partner_state.current(ledger)
    assert {each.model for each in states} >= {"inventory_feed", "order_feed_v2"}
    assert all(each.path(project.data / "delivered").is_file() for each in states)
    packages = project.recorded_packages()
    for package in packages:
        package.check()
        assert package.gates["checks"]
    outcomes = Counter(package.outcome for package in packages)
    assert outcomes.keys() >= {"delivered", "held", "unsettled"}, outcomes
    words = ("publish/package/verify.py", project.data / "outbox", "--ledger")
    done = project.run("python", ROOT / words[0], *words[1:], project.ledger_file)
    assert done.returncode == 0, done.stdout
    status = project.run_json("publish", "status")
    assert sum(len(each["open"]) for each in status["files"]) == 1


LATER = [pytest.param(commit, marks=pytest.mark.long) for commit in [*LEFT][1:]]


@pytest.fixture(params=["7d42e2c", *LATER])
def earlier(
    request: pytest.FixtureRequest, built: BuiltProject, tmp_path: Path
) -> tuple[str, BuiltProject]:
    """A commit, and what it left, after a build by the product of today."""
    project = unpacked(request.param, tmp_path)
    # Unit tests passed for this code there, and dbt has parsed it.
    shutil.copy(built.data / "warehouse.duckdb", project.data)
    with duckdb.connect(str(project.data / "warehouse.duckdb")) as warehouse:
        warehouse.execute("alter table none_words drop column used_for")
    shutil.copytree(built.folder / "target", tmp_path / "target")
    done = project.run("publish", "build")
    assert done.returncode == 0, done.stdout
    return request.param, project


def test_a_data_directory_of_an_earlier_release_goes_on(
    earlier: tuple[str, BuiltProject],
) -> None:
    commit, project = earlier
    at, statuses = LEFT[commit]
    partner = {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in project.partner.rglob("*.*")
    }
    records = project.records()
    (open_,) = [r for r in records if r["event"] == "intent"
                and r["feed"] == "order_feed_full_file"]  # fmt: skip
    held = [r for r in records if r["event"] == "held"][-1]
    approve = ("publish", "approve", held["sha256"], "--because", "again")
    done = project.run(*approve)
    assert "was released by ann at" in done.stderr, done.stderr

    result = project.run_json("publish", "--at", at)
    status = {file["file"]: file["status"] for file in result["files"]}
    assert status == statuses
    # The open attempt is settled; the partner got nothing a second time.
    settled = project.records("delivered")[-1]
    assert (settled["attempt"], settled["receipt"]["settled"]) == (
        open_["attempt"], True,
    )  # fmt: skip
    assert partner == {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in project.partner.rglob("*.*")
    }
    verify = project.run(
        "python", ROOT / "publish/package/verify.py", project.data / "outbox",
        "--ledger", project.ledger_file,
    )  # fmt: skip
    assert verify.returncode == 0, verify.stdout
    assert project.run("publish", "status").returncode == 0
    # One record after another, and none of those before is changed.
    assert project.records()[: len(records)] == records

    # An older file goes out again, from the package of that release.
    run = next(r for r in records if r["event"] == "delivered")["run_id"]
    history = project.why("132-9500")["rows"][0]["history"]
    assert (run, "delivered") in {(each["run_id"], each["fate"]) for each in history}
    # Evidence has other columns today, but the partner's file has the same bytes.
    replay = project.run_json("publish", "replay", f"onpart_inventory/{run}")
    same = {each["name"] for each in replay["files"] if each["identical"]}
    delivered = next(r for r in records if r["event"] == "delivered")
    assert {delivered["name"], "changes.csv"} <= same, replay
    again = project.run("publish", "resend", run, "--because", "lost")
    assert again.returncode == 0, again.stderr
