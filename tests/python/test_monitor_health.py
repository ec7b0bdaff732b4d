"""Each fault gives its finding, and no other one."""

import datetime as dt
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from commands import ROOT
from cryptography import x509
from delivered_project import SENT, DeliveredProject

from monitor.catalogue import AREAS, CATALOGUE
from monitor.findings import Finding
from sandbox import certificates

RUN = "20260115T055500Z-abc123"


@pytest.fixture
def project(delivered: DeliveredProject, tmp_path: Path) -> DeliveredProject:
    return delivered.copy(tmp_path / "project")


def _entity(**fields: Any) -> Callable[[DeliveredProject], None]:
    def edit(project: DeliveredProject) -> None:
        project.edit_extract(
            lambda content: content["entities"]["part_items"].update(fields)
        )

    return edit


def _dbt(
    edit: Callable[[dict[str, Any]], object],
) -> Callable[[DeliveredProject], None]:
    """Change the verdict of the last build."""

    def change(project: DeliveredProject) -> None:
        with duckdb.connect(str(project.data / "warehouse.duckdb")) as opened:
            row = opened.execute("select details from builds").fetchone()
            assert row
            details = json.loads(row[0])
            edit(details)
            opened.execute("update builds set details = ?", [json.dumps(details)])

    return change


def _without_builds(project: DeliveredProject) -> None:
    with duckdb.connect(str(project.data / "warehouse.duckdb")) as opened:
        opened.execute("drop table builds")


def _build(change: str) -> Callable[[DeliveredProject], None]:
    """Change the record of the last build."""

    def run(project: DeliveredProject) -> None:
        with duckdb.connect(str(project.data / "warehouse.duckdb")) as opened:
            opened.execute(f"update builds set {change}")

    return run


def _earlier_run(project: DeliveredProject) -> None:
    """An earlier run had the field; no record has it now."""
    earlier = project.data / "landing/20260114T055500Z-000000/ordertime"
    shutil.copytree(project.data / "landing" / RUN / "ordertime", earlier)
    _entity(absent=["Barcode"])(project)


def _unfinished(project: DeliveredProject) -> None:
    (project.data / "landing/20260115T065500Z-ffffff/ordertime").mkdir(parents=True)


def _nothing_landed(project: DeliveredProject) -> None:
    (project.data / "landing/current/ordertime").unlink()


def _another_source(project: DeliveredProject) -> None:
    def edit(manifest: dict[str, Any]) -> None:
        new = dict(next(iter(manifest["sources"].values())))
        manifest["sources"]["source.x.other.rows"] = {**new, "source_name": "other"}
        (exposure,) = manifest["exposures"].values()
        exposure["depends_on"]["nodes"].append("source.x.other.rows")

    project.edit("target/manifest.json", edit)


def _attempt(event: str | None, **fields: Any) -> Callable[[DeliveredProject], None]:
    """Add another attempt and its end."""

    def edit(project: DeliveredProject) -> None:
        attempt = {"attempt": "second", "at": "2026-01-15T07:30:00Z"}
        project.append_record("intent", folder="/", **attempt)
        if event:
            project.append_record(event, **attempt, why="421 the line broke", **fields)

    return edit


def _held(
    project: DeliveredProject, message: str = "too few", hard: Sequence[str] = ()
) -> None:
    reason = {
        "id": "RUN_ROW_DROP", "says": message, "count": 9, "examples": ["A", "B", "C"]
    }  # fmt: skip
    fields = {"sha256": "ab" * 32, "checks": ["RUN_ROW_DROP"], "reasons": [reason]}
    project.append_record("held", at="2026-01-15T07:30:00Z", hard=list(hard), **fields)


def _released(project: DeliveredProject) -> None:
    _held(project)
    project.append_record("approved", at="2026-01-15T07:40:00Z", because="I looked")


def _late(project: DeliveredProject) -> None:
    project.now = "2026-01-16T07:30:00Z"
    project.edit_extract(
        lambda content: content.update(finished_at="2026-01-16T06:55:00Z")
    )


def _on_hold(project: DeliveredProject) -> None:
    hold = {"file": None, "by": "ann", "because": "not today"}
    project.append_record("paused", until="2026-01-20T00:00:00Z", **hold)


def _rejected(project: DeliveredProject) -> None:
    report = {"codes": {"E1": 2}, "unknown": 0, "unknown_keys": []}
    project.append_record("feedback", **report)


def _pickup(state: str | None) -> Callable[[DeliveredProject], None]:
    def edit(project: DeliveredProject) -> None:
        project.edit_exposure(pickup={"removes": True, "within_hours": 1})
        if state:
            project.append_record("observed", state=state)

    return edit


def _receipt(**fields: Any) -> Callable[[DeliveredProject], None]:
    """Change the receipt of the delivery."""

    def edit(project: DeliveredProject) -> None:
        *rest, last = project.records()
        last["receipt"].update(fields)
        project.write_ledger(*rest, last)

    return edit


def _never_tried(project: DeliveredProject) -> None:
    """A person said that the file arrived; no server was asked."""
    *rest, last = project.records()
    last["receipt"] = {"told": {"by": "ann", "because": "they have it"}}
    project.write_ledger(*rest, last)
    project.variables = {"DEST_ONPART_URL": "ftps://partner.example/inbox"}


def _ahead(project: DeliveredProject) -> None:
    """The clock was ten days ahead when the file was sent."""
    *rest, last = project.records()
    last["logical"] = "2026-01-25T07:00:00Z"
    project.write_ledger(*rest, last)


def _torn(project: DeliveredProject) -> None:
    with (project.data / "ledger.jsonl").open("ab") as ledger:
        ledger.write(b'{"at": "2026')


def _broken(project: DeliveredProject) -> None:
    ledger = project.data / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().replace(b"DEMO01", b"DEMO02", 1))


BROKEN: dict[str, Callable[[DeliveredProject], object]] = {
    "CANNOT_TELL": lambda h: (h.data / "ledger.head").write_text("nonsense"),
    "EXTRACT_MISSING": _nothing_landed,
    "SOURCE_LEFT_OUT": _another_source,
    "EXTRACT_STALE": lambda h: h.edit_extract(
        lambda content: content.update(finished_at="2026-01-14T06:00:00Z")
    ),
    "EXTRACT_UNFINISHED": _unfinished,
    "EXTRACT_COUNTS": _entity(count_after=51),
    "SCHEMA_DRIFT": _entity(unrecognised={"NewField": 3}),
    "CUSTOM_FIELD_MISSING": _entity(unmatched=["cf_capa"]),
    "FIELD_MISSING": _earlier_run,
    "DBT_MISSING": _without_builds,
    "DBT_FAILED": _dbt(lambda content: content["results"][0].update(status="error")),
    "DBT_EMPTY": _dbt(lambda content: content.update(empty=True)),
    "DBT_STALE": _build("built_at = '2026-01-14 06:30:00'"),
    "DBT_UNFINISHED": _build("ended_at = null"),
    "DBT_WARNED": _dbt(lambda content: content["results"][-1].update(status="warn")),
    "FILE_HELD": _held,
    "FILE_RELEASED": _released,
    "FILE_OVERDUE": _late,
    "FILE_ON_HOLD": _on_hold,
    "ROWS_REJECTED": _rejected,
    "CLOCK_AHEAD": _ahead,
    "FILE_NEVER_SENT": lambda h: h.write_ledger(),
    "DELIVERY_FAILED": _attempt("failed"),
    "DELIVERY_OPEN": _attempt(None),
    "DELIVERY_UNKNOWN": _attempt("unknown"),
    "NOT_PICKED_UP": _pickup("lies there"),
    "STATE_MISSING": lambda h: shutil.rmtree(h.data / "delivered"),
    "PACKAGE_MISSING": lambda h: shutil.rmtree(h.package),
    "DEST_UNCONFIGURED": lambda h: h.variables.update(DEST_ONPART_URL=""),
    "DEST_UNCHECKED": _never_tried,
    "DEST_CHECK_OLD": lambda h: h.variables.update(FEEDS_HEALTH_CHECK_DAYS="0.05"),
    "DEST_NOT_READY": lambda h: h.checked("not acceptable"),
    "DEST_UNREACHABLE": lambda h: h.checked("unavailable"),
    "CERT_RENEWAL_DUE": lambda h: h.checked(days=20),
    "CERT_EXPIRES": _receipt(certificate_ends="2026-01-21T12:00:00Z"),
    "CERT_NOT_CHECKED": _receipt(certificate_checked=False),
    "DISK_LOW": lambda h: h.variables.update(FEEDS_HEALTH_DISK_MIB="999999999"),
    "DATA_RESTORED": lambda h: (h.data / "backup.json").write_text('{"at": "now"}'),
    "LEDGER_BROKEN": _broken,
    "LEDGER_TORN": _torn,
}
# Tested in other modules.
ELSEWHERE = {
    "LOCK_OLD",
    "FIELD_RETYPED",
    "SEED_UNUSED",
    "SEED_UNMATCHED",
    "VALUES_WAIT",
    "ALERT_FAILED",
} | {id_ for id_ in CATALOGUE if id_.startswith("DRIFT_")}
# Findings that come with another one.
WITH = {
    "LEDGER_BROKEN": {"CANNOT_TELL"},
}


def test_a_healthy_project_has_no_findings(project: DeliveredProject):
    report = project.health()
    assert report.findings == ()
    assert report.exit_code == 0
    ran = project.run("monitor", "health", "--at", project.now)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("well, 2026-01-15T09:00:00Z\nsource ordertime: run")
    assert "ledger: 3 records, intact" in ran.stdout


@pytest.mark.parametrize("id_", BROKEN)
def test_each_fault_has_its_finding(project: DeliveredProject, id_: str):
    BROKEN[id_](project)
    report = project.health()
    ids = {finding.id for finding in report.findings}
    assert ids == {id_} | WITH.get(id_, set()), report.to_text()
    worst = {finding.kind.severity for finding in report.findings}
    code = 1 if "act" in worst else 75 if "unsure" in worst else 0
    assert report.exit_code == report.to_json()["exit_code"] == code


def test_every_finding_is_tested():
    assert BROKEN.keys() | ELSEWHERE == CATALOGUE.keys()
    assert {kind.area for kind in CATALOGUE.values()} <= set(AREAS)


@pytest.mark.parametrize(
    ("id_", "code"), [("FILE_HELD", 1), ("CANNOT_TELL", 75), ("SCHEMA_DRIFT", 0)]
)
def test_the_exit_code_says_who_must_act(
    project: DeliveredProject, id_: str, code: int
):
    BROKEN[id_](project)
    before = _digest(project.data)
    ran = project.run("monitor", "health", "--at", project.now, "--json")
    result = json.loads(ran.stdout)
    assert ran.returncode == result["exit_code"] == code
    assert {f["id"] for f in result["findings"]} == {id_}
    assert all(f["says"] and f["do"] and f["severity"] for f in result["findings"])
    assert _digest(project.data) == before  # health changes nothing


def _digest(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files}


def test_without_a_manifest_the_areas_that_need_it_are_unchecked(
    project: DeliveredProject,
):
    (project.root / "target/manifest.json").unlink()
    report = project.health()
    assert {f.id for f in report.findings} == {"DBT_MISSING", "CANNOT_TELL"}
    assert report.unchecked == {"source", "feed", "destination", "drift"}


def test_a_held_file_has_its_reason_and_three_rows(project: DeliveredProject):
    _held(project)
    (finding,) = project.health().findings
    assert finding.key == "FILE_HELD:onpart_inventory"
    assert finding.message.endswith("csv is held. RUN_ROW_DROP: too few")
    assert f'`publish approve {"ab" * 6} --because "..."`' in finding.remedy
    assert finding.examples == ("A", "B", "C")
    finding = Finding("FILE_HELD", "x", "", examples=tuple("ABCD"))
    assert finding.to_json()["examples"] == ["A", "B", "C"]


def test_the_advice_is_given_once(project: DeliveredProject):
    message = "too few. If it is right, `publish approve DIGEST ...` releases the file."
    _held(project, message=message)
    (finding,) = project.health().findings
    assert project.health().to_text().count("publish approve") == 1
    assert finding.message.endswith("RUN_ROW_DROP: too few")


def test_of_many_reasons_the_first_three_are_shown(project: DeliveredProject):
    reasons = [{"id": f"R{n}", "says": f"{n}.", "count": 1} for n in range(5)]
    project.append_record(
        "held", at="2026-01-15T07:30:00Z", hard=[], sha256="ab" * 32,
        checks=[each["id"] for each in reasons], reasons=reasons,
    )  # fmt: skip
    (finding,) = project.health().findings
    assert finding.message.endswith("is held. R0: 0. R1: 1. R2: 2. And 2 more")


def test_a_hard_check_cannot_be_approved(project: DeliveredProject):
    _held(project, hard=["RUN_ROW_DROP"])
    (finding,) = project.health().findings
    assert "publish approve" not in finding.remedy
    assert "Nobody can approve RUN_ROW_DROP" in finding.remedy


def test_an_unknown_delivery_has_the_command_to_settle_it(project: DeliveredProject):
    _attempt("unknown")(project)
    (finding,) = [f for f in project.health().findings if f.id == "DELIVERY_UNKNOWN"]
    attempt = project.records()[-1]["attempt"]
    assert f"`publish settle {attempt} --as delivered|not-delivered" in finding.remedy


def test_a_delivery_after_a_failure_ends_it(project: DeliveredProject):
    _attempt("failed")(project)
    project.append_record("delivered", at="2026-01-15T07:31:00Z", attempt="third")
    assert project.ids() == set()


def test_a_check_of_a_folder_that_no_feed_uses_any_more_has_ended(
    project: DeliveredProject,
):
    project.checked("not acceptable")
    assert project.ids() == {"DEST_NOT_READY"}
    project.edit_exposure(folder="/elsewhere")
    assert "DEST_NOT_READY" not in project.ids()


def test_a_file_may_be_an_hour_late(project: DeliveredProject):
    _late(project)
    project.now = "2026-01-16T06:59:00Z"
    assert project.ids() == set()
    project.now = "2026-01-16T07:01:00Z"
    assert project.ids() == {"FILE_OVERDUE"}
    project.variables["FEEDS_HEALTH_GRACE_MINUTES"] = "120"
    assert project.ids() == set()


def _split_by_terms(project: DeliveredProject, *, final: bool = False) -> None:
    """Send a file of each part type that is open by the empty table `terms`."""
    project.edit_exposure(
        open={"model": "terms", "from": "opens", "until": "closes"},
        final_full_on_close=final,
        split_by="part_type",
        file="{split}.csv",
    )

    def edit(manifest: dict[str, Any]) -> None:
        node = {"resource_type": "model", "name": "terms", "schema": "main"}
        manifest["nodes"]["model.x.terms"] = {**node, "alias": "terms"}
        for exposure in manifest["exposures"].values():
            exposure["depends_on"]["nodes"].append("model.x.terms")

    project.edit("target/manifest.json", edit)
    _terms(
        project,
        "create table terms (part_type text, opens timestamp, closes timestamp)",
    )


def _terms(project: DeliveredProject, statement: str) -> None:
    with duckdb.connect(str(project.data / "warehouse.duckdb")) as opened:
        opened.execute(statement)


def test_a_file_is_due_only_where_a_value_is_open(project: DeliveredProject):
    _late(project)
    _split_by_terms(project)
    assert project.ids() == set()
    _terms(project, "insert into terms values ('AM', '2026-01-01', null)")
    assert project.ids() == {"FILE_OVERDUE"}


@pytest.mark.parametrize("id_", ["FILE_HELD", "DELIVERY_FAILED"])
@pytest.mark.parametrize("final", [False, True])
def test_a_file_of_a_closed_value_needs_nobody(
    project: DeliveredProject, id_: str, final: bool
):
    project.write_ledger(
        *(
            {**record, "file": "onpart_inventory.AM", "split": "AM"}
            for record in project.records()
        )
    )
    _held(project) if id_ == "FILE_HELD" else _attempt("failed")(project)
    _split_by_terms(project, final=final)
    _terms(project, "insert into terms values ('AM', '2026-01-01', null)")
    assert id_ in project.ids()  # nobody knows when it closes
    _terms(project, f"update terms set closes = '{project.now}'")
    # A final file is due if the last one was made before the end.
    assert (id_ in project.ids()) == final
    _terms(project, "update terms set closes = '2026-01-15 06:00'")
    assert id_ not in project.ids()
    _terms(project, "update terms set closes = '2026-01-16'")
    assert id_ in project.ids()
    _terms(project, "delete from terms")  # as an archived term
    assert id_ not in project.ids()


def test_files_that_a_partner_left_are_one_finding(project: DeliveredProject):
    project.edit_exposure(pickup={"removes": True, "within_hours": 1})
    attempts = [{"attempt": f"a{n}", "name": f"file{n}.csv"} for n in range(4)]
    for number, attempt in enumerate(attempts):
        project.append_record("delivered", **attempt, at=f"2026-01-15T07:{number}0:00Z")
    states = ["lies there", "taken", "lies there"]
    for attempt, state in zip(attempts[:3], states, strict=True):
        project.append_record("observed", **attempt, at=SENT, state=state)
    (finding,) = project.health().findings
    assert finding.key == "NOT_PICKED_UP:onpart"
    assert finding.message.startswith(
        "onpart: the partner should have removed 2 files that were still there at the "
        "last check: file0.csv, file2.csv. "
    )
    assert finding.since == "2026-01-15T08:00:00Z"
    project.now = "2026-01-15T07:59:00Z"
    assert project.ids() == set()


def test_an_old_lock_names_its_owner_and_is_not_touched(project: DeliveredProject):
    hold = (
        "import sys, pathlib; from runtime.lock import directory_lock\n"
        "with directory_lock(pathlib.Path(sys.argv[1]), 'extract'):\n"
        "    print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(project.data)], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as held:  # fmt: skip
        assert held.stdout is not None
        assert held.stdout.readline() == "held\n"
        since = json.loads((project.data / "lock").read_text())["since"]
        now = dt.datetime.fromisoformat(since)
        project.now = f"{now + dt.timedelta(hours=5):%Y-%m-%dT%H:%M:%SZ}"
        assert "LOCK_OLD" not in project.ids()
        project.now = f"{now + dt.timedelta(hours=7):%Y-%m-%dT%H:%M:%SZ}"
        (finding,) = (f for f in project.health().findings if f.id == "LOCK_OLD")
        assert "extract (pid" in finding.message
        assert "for 7.0 h" in finding.message
        assert f"`kill {held.pid}`" in finding.remedy
        assert finding.since == f"{now:%Y-%m-%dT%H:%M:%SZ}"
        held.communicate("\n")
    assert "LOCK_OLD" not in project.ids()


def test_while_dbt_writes_it_cannot_tell(project: DeliveredProject):
    hold = (
        "import duckdb, sys; opened = duckdb.connect(sys.argv[1]);"
        " print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(project.data / "warehouse.duckdb")], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as writing:  # fmt: skip
        assert writing.stdout is not None
        assert writing.stdout.readline() == "open\n"
        report = project.health()
        assert {f.id for f in report.findings} == {"CANNOT_TELL"}
        assert (report.exit_code, report.unchecked) == (75, {"build", "feed"})
        writing.communicate("\n")


def test_the_newest_of_checks_and_receipts_counts(project: DeliveredProject):
    project.checked("not acceptable", days=6, at="2026-01-15T06:00:00Z")
    report = project.health()
    (sent,) = report.facts["destinations"]["onpart"]["checks"].values()
    assert report.findings == ()
    assert sent == {
        "at": SENT, "verdict": "delivered", "certificate_days_left": None,
        "mode": "0644",
    }  # fmt: skip
    project.checked(days=90)
    (checked,) = project.health().facts["destinations"]["onpart"]["checks"].values()
    assert (checked["verdict"], checked["certificate_days_left"]) == ("ready", 90)
    assert checked["mode"] == "0600"
    # --fresh checks after health looked at the clock.
    project.checked("not acceptable", at="2026-01-15T09:00:30Z")
    assert project.ids() == {"DEST_NOT_READY"}
    # A check by a clock that was ahead does not outlast the deliveries after it.
    project.checked("not acceptable", at="2026-01-25T06:00:00Z")
    assert project.ids() == set()


@pytest.mark.parametrize(
    ("ends", "id_"), [("01-22", "CERT_EXPIRES"), ("02-13", "CERT_RENEWAL_DUE")]
)
def test_the_certificate_of_a_source_ends(
    project: DeliveredProject, ends: str, id_: str
):
    project.edit_extract(
        lambda each: each.update(certificate_ends=f"2026-{ends}T00:00:00Z")
    )
    (finding,) = project.health().findings
    assert finding.key == f"{id_}:ordertime"
    assert "operator of the source" in finding.remedy
    project.now = "2025-12-01T00:00:00Z"
    assert "CERT_RENEWAL_DUE" not in {f.id for f in project.health().findings}


def test_the_authority_of_a_variable_ends(project: DeliveredProject, tmp_path: Path):
    path = certificates.make(tmp_path).ca_file
    project.variables["ORDERTIME_CA_FILE"] = path
    assert "CERT_RENEWAL_DUE" not in project.ids()
    (authority,) = x509.load_pem_x509_certificates(path.read_bytes())
    ends = authority.not_valid_after_utc
    # Only the last one of a file counts: the next authority may be there already.
    project.now = f"{ends - dt.timedelta(days=20):%Y-%m-%dT%H:%M:%SZ}"
    (finding,) = (f for f in project.health().findings if f.id == "CERT_RENEWAL_DUE")
    assert finding.about == "ORDERTIME_CA_FILE"
    assert f"ends at {ends:%Y-%m-%dT%H:%M:%SZ}, 20 days from now" in finding.message
    path.write_text("no certificate")
    assert "CANNOT_TELL" in project.ids()


def test_a_fresh_check_is_made_by_publish(project: DeliveredProject):
    ran = project.run("monitor", "health", "--fresh", "--json")
    result = json.loads(ran.stdout)
    (check,) = result["destinations"]["onpart"]["checks"].values()
    assert check["verdict"] == "ready"
    assert "publish check destination=onpart exit_code=0" in ran.stderr
