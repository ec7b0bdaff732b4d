"""A person stops a feed, or one of its files, for a time; it goes on by itself."""

import datetime as dt
from pathlib import Path

import pytest
from delivered_project import DeliveredProject
from order_project import OrderProject, order, term
from sample_project import SampleProject

from publish.deliver.reconcile import reconcile_open
from publish.transport import Destination, connect
from runtime.environment import Environment
from store.ledger import Ledger

FEED, BECAUSE = "onpart_inventory", ("--because", "the partner moves house")
FAR = ("--until", "2091-01-20")


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    project = SampleProject(tmp_path)
    project.variables = {"FEEDS_ACCEPT_FIRST": 1, "FEEDS_OPERATOR": "ann"}
    return project.quick()


@pytest.fixture
def sent(delivered: DeliveredProject, tmp_path: Path) -> DeliveredProject:
    return delivered.copy(tmp_path / "project")


def next_day(project: SampleProject) -> None:
    project.later(24 * 60)
    day = project.at[:10]
    project.each(lambda row: row.update(updated_at=f"{day} 06:00:00", qty_on_hand=11))
    project.write()


def test_nothing_is_sent_until_the_hold_ends_and_then_what_was_due(
    project: SampleProject,
) -> None:
    assert project.publish()["files"][0]["status"] == "delivered"
    done = project.run("publish", "hold", FEED, *FAR, *BECAUSE)
    assert done.stdout.startswith(
        "onpart_inventory is on hold until 2091-01-20T00:00:00Z by ann: the partner"
    ), done.stderr
    next_day(project)
    for words in ((), ("--due",), ("--dry-run",)):
        result = project.publish(*words)
        (file,) = result["files"]
        assert (result["exit_code"], file["status"]) == (0, "on hold")
        assert "until 2091-01-20T00:00:00Z by ann: the partner" in file["message"]
    assert len(project.packages()) == 1
    status = project.run_json("publish", "status", "--at", project.at)["files"][0]
    assert (status["due"], status["on_hold"][0]["because"]) == (True, BECAUSE[1])
    assert "all files: on hold until" in project.run("publish", "status").stdout

    # A second hold replaces the first. This one ended before the next due run.
    ends = {"until": "2026-01-17T00:00:00Z", "by": "ann", "because": "a day less"}
    ledger = Ledger(project.ledger_file)
    ledger.append("paused", feed=FEED, file=None, **ends)
    assert project.publish("--due")["files"][0]["status"] == "on hold"
    next_day(project)
    (file,) = project.publish("--due")["files"]
    assert file["status"] == "delivered", file.get("held_by")
    verify = Path(file["package"]) / "verify.py"
    done = project.run(
        "python", verify, project.data / "outbox", "--ledger", project.ledger_file
    )
    assert done.returncode == 0, done.stdout


def test_a_release_ends_a_hold(project: SampleProject) -> None:
    release = ("publish", "release", FEED, "--because", "they moved early")
    refused = project.run(*release)
    assert (refused.returncode, "is not on hold" in refused.stderr) == (1, True)
    project.run("publish", "hold", FEED, *FAR, *BECAUSE)
    before = project.ledger_file.read_bytes()
    dry = project.run(*release, "--dry-run")
    assert dry.stdout.startswith("onpart_inventory would be released by ann")
    assert project.ledger_file.read_bytes() == before
    assert project.run(*release).returncode == 0
    assert project.records()[-1].items() >= {
        "event": "resumed", "feed": FEED, "file": None, "by": "ann",
        "because": "they moved early",
    }.items()  # fmt: skip
    assert project.publish()["files"][0]["status"] == "delivered"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("onpart", *FAR, *BECAUSE), "expected one of the feeds onpart_inventory"),
        ((FEED, "4268", *FAR, *BECAUSE), "has one file: leave '4268' out"),
        ((FEED, "--until", "2026-01-20", *BECAUSE), "expected a time in the future"),
        ((FEED, *FAR, "--because", " "), "expected a reason, found nothing"),
        ((FEED, "--until", "soon", *BECAUSE), "is not an ISO time"),
    ],
)
def test_a_wrong_hold_records_nothing(
    project: SampleProject, words: tuple[str, ...], message: str
) -> None:
    done = project.run("publish", "hold", *words)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert not project.ledger_file.exists()


def test_a_dry_hold_records_nothing(project: SampleProject) -> None:
    done = project.run("publish", "hold", FEED, *FAR, *BECAUSE, "--dry-run")
    assert "would be on hold until 2091-01-20T00:00:00Z" in done.stdout
    assert not project.ledger_file.exists()


def test_health_reports_the_hold_and_misses_no_file(sent: DeliveredProject) -> None:
    project = sent
    project.now = "2026-01-16T07:30:00Z"
    assert project.ids() >= {"FILE_OVERDUE"}
    hold = {"file": None, "by": "ann", "because": "not today"}
    project.append_record(
        "paused", at="2026-01-15T12:00:00Z", until="2026-01-17T00:00:00Z", **hold
    )
    (finding,) = (f for f in project.health().findings if f.about == FEED)
    assert (finding.id, finding.kind.severity) == ("FILE_ON_HOLD", "note")
    assert "on hold until 2026-01-17T00:00:00Z by ann: not today" in finding.message
    # Until the next due time nobody misses what the hold stopped.
    project.now = "2026-01-17T05:00:00Z"
    assert "FILE_OVERDUE" not in project.ids()
    project.now = "2026-01-17T07:30:00Z"
    assert project.ids() >= {"FILE_OVERDUE"}


def test_the_index_shows_the_hold(sent: DeliveredProject) -> None:
    hold = {"file": None, "by": "ann", "because": "not today"}
    sent.append_record("paused", until="2091-01-20T00:00:00Z", **hold)
    assert sent.run("monitor", "report").returncode == 0
    index = (sent.data / "report/index.html").read_text()
    assert "on hold until 2091-01-20T00:00:00Z by ann: not today" in index


def test_one_file_of_a_feed_is_on_hold(order_project: OrderProject) -> None:
    project, monday = order_project, dt.datetime(2091, 1, 1, 8, tzinfo=dt.UTC)
    project.write_artifacts()
    ends = "2091-02-01T00:00:00Z"
    terms = [term(name) | {"ordering_closes_at": ends} for name in ("4218", "4228")]
    source = {
        "terms": terms,
        "orders": [order(1, "A"), order(2, "B", sis_term_id="4228")],
    }
    project.build(source, monday)
    hold = ("publish", "hold", "order_feed_delta_file")
    until = ("--until", "2091-01-02T00:00Z", *BECAUSE)
    wrong = project.run(*hold, "4219", *until)
    assert wrong.returncode == 2
    assert "such as order_feed_delta_file.4218" in wrong.stderr
    done = project.run(*hold, "4228", *until)
    assert done.stdout.startswith("order_feed_delta_file.4228 is on hold"), done.stderr
    feed = project.run("publish", "release", "order_feed_delta_file", "4218", *BECAUSE)
    assert (feed.returncode, "4218 is not on hold" in feed.stderr) == (1, True)

    def due(at: dt.datetime) -> dict[str, str]:
        return {
            file.removeprefix("order_feed_"): outcome.summary["status"]
            for file, outcome in project.publish(at).items()
        }

    first = due(monday)
    assert first.get("delta_file.4218") == "delivered", first
    assert first["delta_file.4228"] == "on hold"
    tuesday = monday + dt.timedelta(days=1)
    project.build(source, tuesday)
    assert due(tuesday)["delta_file.4228"] in ("delivered", "skipped")


def test_an_attempt_that_a_kill_left_open_is_not_finished_during_a_hold(
    project: SampleProject,
) -> None:
    project.run("publish", "--at", project.at, FEEDS_FAILPOINT="after-stor=kill@2")
    parts = list(project.partner.iterdir())
    assert len(parts) == 2, parts
    project.run("publish", "hold", FEED, *FAR, *BECAUSE)
    assert project.publish()["files"][0]["status"] == "on hold"
    assert list(project.partner.iterdir()) == parts
    # As a run of another file of the same state does.
    variables = Environment({k: str(v) for k, v in project.environment().items()})
    destination = Destination.read(variables, "onpart")
    reconcile_open(
        Ledger(project.ledger_file), lambda _, folder: connect(destination, folder),
        FEED, at=dt.datetime.fromisoformat(project.at),
    )  # fmt: skip
    (failed,) = project.records("failed")
    assert "on hold until 2091-01-20T00:00:00Z" in failed["why"]
    assert not list(project.partner.iterdir())
