"""A partner's report of rejected rows: matched to a run, stored whole, shown."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from delivered_project import DeliveredProject
from sample_project import SampleProject

from store.feeds import validate

FEED, BECAUSE = "onpart_inventory", ("--because", "their mail of today")
COLUMNS = {
    "key": {"SKU": "supplier_sku", "Loc": "location_code"},
    "code": "Error",
    "text": "Message",
    "delimiter": ";",
}
REPORT = (
    "\ufeffLoc;SKU;Message;Error;More\r\n"
    'MAIN;100-00000;"no; such part";E1;x\r\n'
    "EAST;100-00001;too long;E2;\r\n"
    "MAIN;100-00002;again;E1;\r\n"
)


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    project = SampleProject(tmp_path)
    project.variables = {"FEEDS_ACCEPT_FIRST": 1, "FEEDS_OPERATOR": "ann"}
    project.meta["feedback"] = COLUMNS
    return project.quick()


def report(project: SampleProject, text: str = REPORT, *words: object) -> Any:
    path = project.folder / "rejected.csv"
    path.write_text(text, newline="")
    return project.run("publish", "feedback", FEED, path, *BECAUSE, *words)


def test_each_row_is_recorded_for_the_run_that_last_sent_its_key(
    project: SampleProject,
) -> None:
    first = project.publish()["files"][0]
    project.rows = project.rows[1:]  # 100-00000 is gone
    project.later()
    second = project.write().publish()["files"][0]
    assert second["status"] == "delivered"

    dry = report(project, REPORT, "--dry-run")
    assert "would be recorded for onpart_inventory/" in dry.stdout, dry.stderr
    assert not project.records("feedback")
    done = report(project)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"rejected.csv is recorded for {FEED}/{run['run_id']}: {n} rejected rows "
        f"({codes})"
        for run, n, codes in ((second, 2, "E1 1, E2 1"), (first, 1, "E1 1"))
    ]
    digest = hashlib.sha256(REPORT.encode()).hexdigest()
    stored = project.data / "feedback" / f"{digest}.csv"
    assert stored.read_bytes() == REPORT.encode()
    parts = []
    for record in project.records("feedback"):
        assert (record["report"], record["by"]) == (digest, "ann")
        part = project.data / "feedback" / f"{record['part']}.csv"
        assert hashlib.sha256(part.read_bytes()).hexdigest() == record["part"]
        parts.append(part.read_text())
    assert parts == [
        "SKU;Loc;Error;Message\n100-00001;EAST;E2;too long\n100-00002;MAIN;E1;again\n",
        'SKU;Loc;Error;Message\n100-00000;MAIN;E1;"no; such part"\n',
    ]
    # The same report is recorded once.
    again = report(project)
    assert (again.returncode, "recorded before by ann" in again.stdout) == (0, True)
    assert len(project.records("feedback")) == 2
    # About another run it is another record; the key that this run lacks is named.
    named = report(project, REPORT, "--run", second["run_id"])
    assert named.returncode == 1
    assert (
        "not in that file: supplier_sku 100-00000, location_code MAIN" in named.stdout
    )
    assert [each["unknown"] for each in project.records("feedback")] == [0, 0, 1]

    # verify.py notices that a report changed.
    verify = ("python", Path(first["package"]) / "verify.py", project.data / "outbox")
    verify = (*verify, "--ledger", project.ledger_file)
    assert project.run(*verify).returncode == 0
    stored.write_bytes(b"changed")
    changed = project.run(*verify)
    assert (changed.returncode, "as it was recorded" in changed.stdout) == (1, True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Loc;SKU;Error\nMAIN;100-00000;E1\n", "expected one column 'Message'"),
        ("Loc;SKU;Message;Error\nMAIN;100-00000;a;b;c;d\n", "cannot be read as"),
        ("Loc;SKU;Message;Error\n", "has no rows"),
        ("Loc;SKU;Message;Error\nMAIN;999;x;E1\n", "none of the 1 keys"),
        ("", "expected one column 'SKU'"),
    ],
)
@pytest.mark.sample(2)
def test_a_report_that_cannot_be_read_or_matched_is_refused(
    project: SampleProject, text: str, message: str
) -> None:
    project.publish()
    done = report(project, text)
    assert (done.returncode, message in done.stderr) == (1, True), done.stderr
    assert not project.records("feedback")
    assert not (project.data / "feedback").exists()


def test_what_is_used_wrongly_is_refused(project: SampleProject) -> None:
    nothing = report(project)
    assert "expected a delivered file" in nothing.stderr
    project.publish()
    other = report(project, REPORT, "--run", "20260101")
    assert (other.returncode, "found none with the id" in other.stderr) == (2, True)
    missing = project.run("publish", "feedback", FEED, "nothing.csv", *BECAUSE)
    assert (missing.returncode, "found no file" in missing.stderr) == (2, True)
    del project.meta["feedback"]
    project.write()
    undeclared = report(project)
    assert (undeclared.returncode, "field feedback" in undeclared.stderr) == (2, True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key": {}}, "feedback.key: expected"),
        ({"key": {"SKU": "sku"}}, "feedback.key: expected a column of inventory_feed"),
        ({"code": 5}, "feedback.code: expected text"),
        ({"delimiter": ";;"}, "feedback.delimiter: expected"),
        ({"keys": {}}, "feedback.keys: there is no such field; perhaps key"),
    ],
)
def test_the_columns_are_checked(
    project: SampleProject, change: dict[str, Any], message: str
) -> None:
    meta = {**project.meta, "feedback": {**COLUMNS, **change}}
    columns = {name: {"name": name, "data_type": "text"} for name in project.columns}
    models = {"inventory_feed": {"columns": columns}}
    errors = validate.errors(meta, models)
    assert any(each.startswith(message) for each in errors), errors


def test_health_and_the_page_show_a_report(
    delivered: DeliveredProject, tmp_path: Path
) -> None:
    project = delivered.copy(tmp_path / "project")
    project.edit_exposure(feedback=COLUMNS)
    path = tmp_path / "rejected.csv"
    path.write_text(REPORT + "MAIN;<b>;\u001b[2J;E9;\r\n", newline="")
    done = project.run("publish", "feedback", FEED, path, *BECAUSE)
    assert done.returncode == 1, done.stderr
    (finding,) = project.health().findings
    assert (finding.key, finding.kind.severity) == (f"ROWS_REJECTED:{FEED}", "warn")
    assert finding.message == (
        "onpart rejected 4 rows of onpart_inventory: E1 2, E2 1, E9 1; keys that "
        "are not in the file: 1"
    )
    assert finding.examples == ("supplier_sku <b>, location_code MAIN",)
    assert project.run("monitor", "report").returncode == 0
    (page,) = (project.data / "report" / FEED).glob("*.html")
    text = page.read_text()
    assert "Rejected by the partner" in text
    assert "<td>no; such part</td>" in text
    assert "&lt;b&gt;" in text
    assert "\u001b" not in text
    # The next delivery ends the finding.
    later = {"at": "2091-01-15T07:31:00Z", "attempt": "next", "destination": "onpart"}
    project.append_record("delivered", **later)
    assert "ROWS_REJECTED" not in project.ids()
