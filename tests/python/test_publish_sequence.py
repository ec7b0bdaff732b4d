"""Sequence numbers in names: every delivery takes one, and nothing else does."""

import json
import re
import shutil
import signal
import warnings
from pathlib import Path

import pytest
from faults.cells import POINTS
from sample_project import SampleProject

with warnings.catch_warnings():
    # Its import reaches for a module of the standard library that is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations  # noqa: F401

from publish.replay import build, workspace
from publish.run import Outcome
from runtime.environment import Limits
from store.ledger import Ledger
from store.package import Package

NUMBER = re.compile(r"stock_(?P<number>\d+)\.csv")
# The rest is in `make long`.
# The file is too small for the fifth block.
SENT = [point for point in POINTS if point != "in-stor@5"]


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    project = SampleProject(tmp_path)
    project.variables = {
        "XDG_STATE_HOME": tmp_path / "state", "DEST_ONPART_RETRIES": 0
    }  # fmt: skip
    project.meta |= {"file": "stock_{sequence:0>6}.csv"}
    return project.quick()


def publish(project: SampleProject, change: int = 0) -> Outcome:
    """Publish a later file, of other rows."""
    project.later()
    project.rows[0]["qty_on_hand"] = 10 + change
    (outcome,) = project.write().here(accept_first=True)
    return outcome


def numbers(project: SampleProject) -> list[int]:
    """The numbers at the partner."""
    matches = map(NUMBER.fullmatch, (each.name for each in project.partner.iterdir()))
    return sorted(int(match["number"]) for match in matches if match)


def test_only_a_delivery_takes_a_number(project: SampleProject) -> None:
    assert publish(project, 1).summary["name"] == "stock_000001.csv"
    # Unchanged, held, failed or only tried, it takes none.
    assert publish(project, 1).summary["status"] == "unchanged"
    rows, project.rows = project.rows, project.rows[:5]
    held = publish(project, 2)
    assert (held.summary["status"], held.summary["name"]) == (
        "held", "stock_000002.csv"
    )  # fmt: skip
    project.rows = rows
    project.variables["DEST_ONPART_URL"] = (project.folder / "none").as_uri()
    assert publish(project, 3).code in (1, 75)
    del project.variables["DEST_ONPART_URL"]
    project.rows[0]["qty_on_hand"] = 14
    (dry,) = project.write().here(dry_run=True)
    assert (dry.summary["status"], dry.summary["name"]) == ("ready", "stock_000002.csv")
    assert numbers(project) == [1]
    second = publish(project, 5)
    assert second.summary["status"] == "delivered", second.text
    assert numbers(project) == [1, 2]
    delivered = project.records("delivered")
    assert [record["sequence"] for record in delivered] == [1, 2]
    package = Package(Path(second.summary["package"]))
    assert package.run["sequence"] == 2
    assert package.resource["path"] == "stock_000002.csv"


@pytest.mark.sample(3)
@pytest.mark.parametrize("point", SENT)
def test_a_crash_loses_and_repeats_no_number(
    project: SampleProject, point: str
) -> None:
    assert publish(project, 1).code == 0
    project.later()
    project.rows[0]["qty_on_hand"] = 12
    project.write()
    name, _, visit = point.partition("@")
    killed = project.run(
        "publish", "--at", project.at, FEEDS_FAILPOINT=f"{name}=kill@{visit or 1}"
    )
    assert killed.returncode == -signal.SIGKILL
    # The next run ends what was begun. Then another file follows.
    (outcome,) = project.here()
    assert outcome.summary["status"] in ("delivered", "unchanged"), outcome.text
    assert numbers(project) == [1, 2]
    assert publish(project, 3).summary["status"] == "delivered"
    assert numbers(project) == [1, 2, 3]
    sent = [record["sequence"] for record in project.records("delivered")]
    assert sent == [1, 2, 3]
    quantities = {
        re.search(r"100-00000.*?,(1[0-9]),412", path.read_text())[1]  # type: ignore[index]
        for path in project.partner.glob("*.csv")
    }
    assert quantities == {"11", "12", "13"}


def test_numbers_go_on_from_what_the_partner_has(project: SampleProject) -> None:
    project.meta |= {"sequence_from": 41, "compress": {"format": "gzip"}}
    assert publish(project, 1).summary["name"] == "stock_000041.csv"
    # A file that a lost ledger had sent.
    lost = project.partner / "stock_000043.csv.gz"
    shutil.copyfile(project.partner / "stock_000041.csv.gz", lost)
    stopped = publish(project, 2)
    assert (stopped.code, lost.name in stopped.text) == (1, True), stopped.text
    done = project.run("publish", "restored", "--because", "a test")
    assert done.returncode == 0, done.stderr
    assert publish(project, 3).summary["name"] == "stock_000044.csv"
    # The partner's own file of today has a number too.
    path = project.folder / "stock_000050.csv"
    shutil.copyfile(project.packages()[-1] / "stock_000044.csv", path)
    words = ("publish", "adopt", "onpart_inventory", path, "--replace")
    done = project.run(*words, "--because", "a test")
    assert done.returncode == 0, done.stderr
    assert publish(project, 4).summary["name"] == "stock_000051.csv"
    # An older one is not: it is no sign that the ledger was put back.
    shutil.copyfile(lost, lost.with_name("stock_000042.csv.gz"))
    assert publish(project, 5).summary["name"] == "stock_000052.csv"


def test_each_split_value_has_numbers_of_its_own(project: SampleProject) -> None:
    project.meta |= {"split_by": "location_code", "file": "{split}_{sequence}.csv"}
    del project.meta["guards"]["max_review_share"]
    project.write().here(accept_first=True)
    project.later()
    for row in project.rows:
        row["qty_on_hand"] += row["location_code"] == "EAST"
    outcomes = project.write().here()
    assert {o.summary["name"]: o.summary["status"] for o in outcomes} == {
        "EAST_2.csv": "delivered", "MAIN_2.csv": "unchanged"
    }  # fmt: skip
    assert {path.name for path in project.partner.glob("*.csv")} == {
        "EAST_1.csv", "MAIN_1.csv", "EAST_2.csv"
    }  # fmt: skip


def test_a_number_with_too_many_digits_is_refused(project: SampleProject) -> None:
    project.meta |= {"file": "stock_{sequence:0>1}.csv", "sequence_from": 9}
    assert publish(project, 1).summary["name"] == "stock_9.csv"
    refused = publish(project, 2)
    assert refused.code == 1
    assert "the number 10 has more than the 1 digits" in refused.text


def test_a_record_of_the_file_has_the_number(project: SampleProject) -> None:
    project.meta["dialect"]["header_records"] = ["H|{sequence:0>4}|{file}"]
    outcome = publish(project, 1)
    assert outcome.summary["status"] == "delivered", outcome.text
    publish(project, 2)
    heads = [
        path.read_text().splitlines()[0]
        for path in sorted(project.partner.glob("*.csv"))
    ]
    assert heads == ["H|0001|stock_000001.csv", "H|0002|stock_000002.csv"]


def test_a_replay_has_the_number_of_the_run(
    project: SampleProject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert publish(project, 1).code == 0
    again = project.copy(tmp_path_factory.mktemp("again") / "copy")
    run = Package(project.packages()[0])
    (again.data / "ledger.head").unlink()
    workspace.write_ledger(again.place, Ledger(project.place.ledger), run)
    folder = build.publish(again.place, again.root, run, Limits("1GB", 2))
    assert (folder / "stock_000001.csv").is_file()
    assert publish(project, 2).code == 0
    # A raised first number does not count for a run of before.
    project.meta["sequence_from"] = 90
    assert publish(project, 3).summary["name"] == "stock_000090.csv"
    manifest = json.loads((folder / "stock_000001.manifest.json").read_bytes())
    assert manifest["run"]["sequence"] == 1
