"""What another version of the product left: an earlier one is read, a newer refused."""

import json
import lzma
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from built_project import BuiltProject
from commands import ROOT
from delivered_project import DeliveredProject
from sample_project import SampleProject

from runtime.files import sha256_of

FIXTURES = ROOT / "tests" / "fixtures"


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    return SampleProject(tmp_path).quick()


def newer(path: Path) -> bytes:
    """Give a JSON file a version that does not exist yet; return its bytes."""
    content: dict[str, Any] = json.loads(path.read_bytes())
    content.get("run", content)["format"] = 2
    before = sha256_of(path)
    path.write_text(json.dumps(content))
    if (sums := path.with_name("SHA256SUMS")).exists():
        sums.write_text(sums.read_text().replace(before, sha256_of(path)))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("ledger.head", ("publish", "onpart_inventory")),
        ("landing/current/ordertime/extract.json", ("publish", "onpart_inventory")),
        ("alerts/state.json", ("monitor", "alert")),
        ("outbox/*/*/*.manifest.json", ("publish", "replay", "20260115T070000Z")),
    ],
)
def test_a_newer_format_is_refused_and_named_and_stays(
    delivered: DeliveredProject, tmp_path: Path, path: str, command: tuple[str, ...]
) -> None:
    project = delivered.copy(tmp_path / "project")
    if path.startswith("alerts"):
        project.variables = {"FEEDS_ALERT_FILE": project.folder / "alerts.jsonl"}
        project.run("monitor", "alert")
    (file,) = project.data.glob(path)
    content, ledger = newer(file), project.ledger_file.read_bytes()
    words = [*command[:-1], project.package.name] if "replay" in command else command
    done = project.run(*words)
    assert done.returncode == 1, done.stderr
    output = done.stdout + done.stderr
    assert f"{file}: expected the " in output
    assert "found 2. A newer version of this product wrote it" in output
    assert (file.read_bytes(), project.ledger_file.read_bytes()) == (content, ledger)


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


@pytest.fixture
def of_7d42e2c(built: BuiltProject, tmp_path: Path) -> BuiltProject:
    """What commit 7d42e2c left, after a build by the product of today.

    Its inventory was delivered, then held and approved. Of the order feed a delta was
    delivered, and `publish` was killed after it renamed a full file.
    """
    project = BuiltProject(tmp_path)
    with tarfile.open(FIXTURES / "data_of_7d42e2c.tar.xz") as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path)
    (tmp_path / "data").rename(project.data)
    # Unit tests passed for this code there, and dbt has parsed it.
    shutil.copy(built.data / "warehouse.duckdb", project.data)
    shutil.copytree(built.folder / "target", tmp_path / "target")
    done = project.run("publish", "build")
    assert done.returncode == 0, done.stdout
    return project


def test_a_data_directory_of_an_earlier_release_goes_on(
    of_7d42e2c: BuiltProject,
) -> None:
    project = of_7d42e2c
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

    result = project.run_json("publish", "--at", "2026-11-28T19:30:00Z")
    status = {file["file"]: file["status"] for file in result["files"]}
    assert status == {
        "onpart_inventory": "unchanged",
        "order_feed_delta_file.4268": "waiting",
        # The full file was recorded after the build.
        "order_feed_delta_file.4272": "superseded",
        # A build of that release recorded no states.
        "order_feed_full_file.4268": "superseded",
        "order_feed_full_file.4272": "held",
    }
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
    again = project.run("publish", "resend", run, "--because", "lost")
    assert again.returncode == 0, again.stderr
