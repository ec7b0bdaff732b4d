"""The command, as an operator and an orchestrator see it: child processes only."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from commands import ROOT
from sample_project import SampleProject

from sandbox import partner


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    return SampleProject(tmp_path).write()


def test_first_held_then_approved_then_delivered_then_unchanged(
    project: SampleProject,
) -> None:
    held = project.publish()["files"][0]
    assert (held["status"], held["held_by"][0]["id"]) == ("held", "RUN_FIRST")
    digest = held["sha256"]

    output = project.run("publish", "status").stdout
    assert f"publish approve {digest[:12]}" in output

    blank = project.run("publish", "approve", digest, "--because", " ")
    assert (blank.returncode, "expected a reason" in blank.stderr) == (2, True)
    short = project.run("publish", "approve", digest[:5], "--because", "x")
    assert (short.returncode, "at least 12 digits" in short.stderr) == (2, True)
    other = project.run("publish", "approve", "0" * 64, "--because", "x")
    assert (other.returncode, "no held file" in other.stderr) == (1, True)

    approved = project.run(
        "publish",
        "approve",
        digest[:12],
        "--because",
        "looked at it",
        FEEDS_OPERATOR="ann",
    )
    assert approved.returncode == 0, approved.stderr
    assert "released by ann" in approved.stdout

    project.later()
    done = project.publish()["files"][0]
    assert (done["status"], done["sha256"]) == ("delivered", digest)
    assert (project.partner / done["name"]).exists()
    gates = json.loads((Path(done["package"]) / "gates.json").read_bytes())["predicate"]
    assert (gates["result"], gates["approved"]["by"]) == ("WARNED", "ann")
    receipt = json.loads((Path(done["package"]) / "receipt.json").read_bytes())
    assert receipt["files"][-1]["remote_hash"] == f"SHA-256 {digest}"

    project.later()
    again = project.publish()
    assert (again["exit_code"], again["files"][0]["status"]) == (0, "unchanged")
    assert len(list(project.partner.glob("*.csv"))) == 1
    events = [
        json.loads(line)["event"]
        for line in (project.data / "ledger.jsonl").read_text().splitlines()
    ]
    assert events == [
        "held", "approved", "intent", "placing", "delivered", "nothing",
    ]  # fmt: skip


def test_an_approval_is_of_those_bytes_and_those_reasons(
    project: SampleProject,
) -> None:
    digest = project.publish()["files"][0]["sha256"]
    assert (
        project.run("publish", "approve", digest, "--because", "fine").returncode == 0
    )

    project.at = "2026-01-17T07:00:00Z"  # the same bytes, but now they are stale too
    held = project.publish()["files"][0]
    assert [check["id"] for check in held["held_by"]] == ["RUN_STALE"]

    project.at = "2026-01-15T07:30:00Z"
    project.rows[0]["qty_on_hand"] = 11  # other bytes
    held = project.write().publish()["files"][0]
    assert [check["id"] for check in held["held_by"]] == ["RUN_FIRST"]
    late = project.run("publish", "approve", digest, "--because", "fine")
    assert (late.returncode, "no longer the newest" in late.stderr) == (1, True)


def test_what_nobody_may_release(project: SampleProject) -> None:
    project.results["args"]["which"] = "run"
    digest = project.write().publish()["files"][0]["sha256"]
    refused = project.run("publish", "approve", digest, "--because", "I am in a hurry")
    assert refused.returncode == 1
    assert "held by DBT_COMMAND, which nobody may release" in refused.stderr


def test_a_changed_package_cannot_be_released(project: SampleProject) -> None:
    held = project.publish()["files"][0]
    path = Path(held["package"]) / held["name"]
    path.write_bytes(path.read_bytes() + b"x")
    refused = project.run("publish", "approve", held["sha256"], "--because", "fine")
    assert (refused.returncode, "gone or changed" in refused.stderr) == (1, True)


def test_the_partner_state_is_what_the_ledger_says(project: SampleProject) -> None:
    project.publish(FEEDS_ACCEPT_FIRST=1)
    folder = project.data / "delivered" / "inventory_feed"
    (state,) = folder.glob("*.parquet")
    held = duckdb.sql(f"select count(*), sum(qty_on_hand) from '{state}'").fetchall()
    assert held == [(40, 400)]

    # An earlier version made links, which say nothing any more.
    (folder / "current").mkdir()
    (folder / "current/onpart.parquet").symlink_to("../nothing")
    project.later()
    assert project.publish()["files"][0]["status"] == "unchanged"
    assert list(folder.iterdir()) == [state]

    state.unlink()
    result = project.publish()["files"][0]
    assert (result["status"], "Restore it" in result["message"]) == ("refused", True)


def test_a_dry_run_does_everything_but_deliver(project: SampleProject) -> None:
    result = project.publish("--dry-run", FEEDS_ACCEPT_FIRST=1, DEST_ONPART_URL="")
    assert (result["exit_code"], result["files"][0]["status"]) == (0, "ready")
    assert (Path(result["files"][0]["package"]) / "SHA256SUMS").exists()
    assert list(project.partner.iterdir()) == []
    assert not (project.data / "ledger.jsonl").exists()
    assert not (project.data / "delivered").exists()


def test_a_dry_run_says_what_the_partner_would_notice(project: SampleProject) -> None:
    first = project.publish(FEEDS_ACCEPT_FIRST=1)["files"][0]["changes"]
    assert (first["first"], first["rows_after"]) == (True, 40)
    project.later()
    del project.rows[:2]
    project.rows[0]["brand"] = "Another"
    done = project.write().run("publish", "--dry-run", "--at", project.at)
    assert done.returncode == 0, done.stderr
    assert "has: 0 added, 2 removed, 1 changed\n" in done.stdout
    changes = project.publish("--dry-run")["files"][0]["changes"]
    assert changes == {
        "first": False, "rows_before": 40, "rows_after": 38,
        "added": 0, "removed": 2, "changed": 1,
    }  # fmt: skip


def test_due_is_what_fell_due_since_the_last_delivery(project: SampleProject) -> None:
    first = project.publish("--due", FEEDS_ACCEPT_FIRST=1)
    assert first["files"][0]["status"] == "delivered"
    assert project.publish("--due")["files"] == []
    plain = project.run("publish", "--due", "--at", project.at)
    assert (plain.returncode, plain.stdout) == (0, "Nothing is due.\n")
    project.at = "2026-01-16T06:00:00Z"
    assert [f["file"] for f in project.publish("--due")["files"]] == [
        "onpart_inventory"
    ]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["nosuch"], 2, "expected one of the files onpart_inventory; found 'nosuch'"),
        (["--at", "yesterday"], 2, "is not an ISO time"),
        (
            ["settle", "x", "--as", "delivered", "--because", "y"],
            1,
            "not in the ledger",
        ),
    ],
)
def test_misuse_is_said_in_one_line(
    project: SampleProject, words: list[str], code: int, message: str
) -> None:
    done = project.run("publish", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_named_file_and_no_name_mean_the_same(project: SampleProject) -> None:
    named = project.publish("onpart_inventory", "--dry-run")["files"][0]
    both = project.publish("--dry-run")["files"][0]
    assert named["sha256"] == both["sha256"]
    assert "Turn marts into partner files" in project.run("publish", "--help").stdout


def test_without_a_build_it_says_what_to_run(tmp_path: Path) -> None:
    project = SampleProject(tmp_path)
    (project.root / "dbt_project.yml").write_text("name: sample\n")
    done = project.run(
        "publish",
    )
    assert (done.returncode, "Run `dbt build`" in done.stderr) == (2, True)
    project.write()
    (project.data / "warehouse.duckdb").unlink()
    result = project.publish()
    assert (
        result["exit_code"],
        "expected a warehouse" in result["files"][0]["message"],
    ) == (
        2,
        True,
    )


@pytest.mark.parametrize("table", ["inventory_feed", "inventory_audit"])
def test_a_table_that_dbt_did_not_build_is_named(
    project: SampleProject, table: str
) -> None:
    project.write()
    with duckdb.connect(str(project.data / "warehouse.duckdb")) as warehouse:
        warehouse.execute(f"drop table {table}")
    result = project.publish()
    assert (result["exit_code"], result["files"][0]["status"]) == (1, "refused")
    assert f"expected {table} in " in result["files"][0]["message"]


def test_a_second_publish_waits_for_nobody(project: SampleProject) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from runtime.lock import directory_lock\n"
        f"with directory_lock(Path({str(project.data)!r}), 'extract'):\n"
        "    sys.stdout.write('x\\n'); sys.stdout.flush(); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        other.stdout.readline()
        done = project.run(
            "publish",
        )
        other.communicate("")
    assert (done.returncode, "in use by extract" in done.stderr) == (75, True)


def test_an_empty_mart_that_may_be_empty_is_skipped(project: SampleProject) -> None:
    project.rows.clear()
    project.meta.update(when_empty="skip", guards={})
    result = project.write().publish(FEEDS_ACCEPT_FIRST=1)
    assert (result["exit_code"], result["files"][0]["status"]) == (0, "skipped")
    assert result["files"][0]["package"] is None


def test_a_feed_can_be_split_into_a_file_a_value(project: SampleProject) -> None:
    project.meta.update(split_by="part_type", file="{split}_{date}.csv")
    project.write()
    result = project.publish(FEEDS_ACCEPT_FIRST=1)
    assert [f["status"] for f in result["files"]] == ["delivered"] * 4, result
    names = sorted(path.name for path in project.partner.glob("*.csv"))
    assert names == [f"{t}_2026-01-15.csv" for t in ("AM", "CAPA", "OD", "OEM")]
    states = project.data / "delivered" / "inventory_feed"
    assert duckdb.sql(f"select count(*) from '{states}/*.parquet'").fetchone() == (40,)
    files = json.loads(project.run("publish", "status", "--json").stdout)["files"][0][
        "by_file"
    ]
    assert sorted((each["file"], each["name"]) for each in files) == [
        (f"onpart_inventory.{t}", f"{t}_2026-01-15.csv")
        for t in ("AM", "CAPA", "OD", "OEM")
    ]
    plain = project.run("publish", "status").stdout
    assert plain.count(" rows) at 2") == 4

    project.rows[0]["qty_on_hand"] = 11  # an OEM row
    project.later()
    result = project.write().publish()
    assert {f["file"].split(".")[1]: f["status"] for f in result["files"]} == {
        "AM": "unchanged", "CAPA": "unchanged", "OD": "unchanged", "OEM": "delivered",
    }  # fmt: skip


def test_over_ftps_with_the_secret_nowhere(
    project: SampleProject, tmp_path: Path
) -> None:
    with partner.serve(tmp_path / "ftps") as server:
        project.variables = {**server.variables(), "FEEDS_ACCEPT_FIRST": 1}
        result = project.publish()
        assert result["files"][0]["status"] == "delivered", result
        names = sorted(path.name for path in server.folder.iterdir())
        assert names == [
            "DEMO01_inventory_20260115T070000Z.csv",
            "DEMO01_inventory_20260115T070000Z.manifest.json",
        ]
        wrong = project.variables | {"DEST_ONPART_PASSWORD": "not-" + server.password}
        project.rows[0]["qty_on_hand"] = 11
        project.later()
        refused = project.write().publish(**wrong)
        assert refused["exit_code"] == 1
        assert "530" in refused["files"][0]["message"]
        written = [p for p in project.root.rglob("*") if p.is_file()]
        for text in (
            json.dumps([result, refused]).encode(),
            *(path.read_bytes() for path in written),
        ):
            assert server.password.encode() not in text

        # What failed did not happen, and the next run makes up for it.
        project.later()
        assert project.publish()["files"][0]["status"] == "delivered"


def test_a_kill_during_the_upload_is_settled_by_the_next_run(
    project: SampleProject, tmp_path: Path
) -> None:
    """The process dies after its intent; the partner never sees a name."""
    with partner.serve(tmp_path / "ftps") as server:
        project.variables = {**server.variables(), "FEEDS_ACCEPT_FIRST": 1}
        words = ("publish", "--at", project.at)
        killed = project.run(*words, FEEDS_FAILPOINT="before-rnto=kill")
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        left = sorted(path.name for path in server.folder.iterdir())
        assert len(left) == 2
        assert all(name.endswith(".part") for name in left)
        assert "open 2026" in project.run("publish", "status").stdout

        project.later()
        result = project.publish()["files"][0]

        # The rename was all that was missing: it is made up for, nothing sent twice.
        assert result["status"] == "unchanged", result
        names = sorted(path.name for path in server.folder.iterdir())
        assert names == [
            "DEMO01_inventory_20260115T070000Z.csv",
            "DEMO01_inventory_20260115T070000Z.manifest.json",
        ]
        assert sum(c.startswith("STOR") for c in server.commands) == 2
    (receipt,) = project.data.glob("outbox/*/*/receipt.json")
    assert json.loads(receipt.read_bytes())["settled"] is True


def test_a_signal_ends_it_cleanly(project: SampleProject) -> None:
    child = project.start("--at", project.at, FEEDS_ACCEPT_FIRST=1)
    assert child.wait_for("rendered")
    time.sleep(0.3)
    child.signal(signal.SIGTERM)
    done = child.wait(20)
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
    assert "safe to run again" in done.stderr
    assert list(project.partner.iterdir()) == []
    assert list((project.data / "outbox").glob(".*")) == []
    assert project.publish(FEEDS_ACCEPT_FIRST=1)["files"][0]["status"] == "delivered"


def test_stdout_is_the_result_and_stderr_the_log(project: SampleProject) -> None:
    done = project.run(
        "publish", "--at", project.at, "--log-format", "json", FEEDS_ACCEPT_FIRST=1
    )
    assert done.stdout.startswith("onpart_inventory delivered: 40 rows, ")
    for part in ("bytes", "gates 79/79", " s, file DEMO01_", "package: "):
        assert part in done.stdout
    for line in done.stderr.splitlines():
        assert json.loads(line)["level"] == "info"
    project.later()
    quiet = project.run("publish", "--at", project.at, "--quiet")
    assert (quiet.returncode, quiet.stderr) == (0, "")


def test_a_snapshot_behind_a_wrong_clock_is_refused_and_has_a_way_back(
    tmp_path: Path,
) -> None:
    """One run was ten days ahead; then nothing would be due for ten days."""
    project = SampleProject(tmp_path)
    del project.meta["guards"]["max_age"]
    now, project.at = project.at, "2026-01-25T07:00:00Z"
    project.write().publish(FEEDS_ACCEPT_FIRST=1)
    project.at = now
    project.rows[2]["qty_on_hand"] = 3
    refused = project.write().publish("--due")
    assert [file["status"] for file in refused["files"]] == ["refused"]
    assert "`publish onpart_inventory` without --due" in refused["files"][0]["message"]
    assert project.publish()["files"][0]["status"] == "delivered"
    assert project.publish("--due")["files"] == []
