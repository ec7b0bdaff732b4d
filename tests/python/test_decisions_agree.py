"""Values that changed wait for a person; after each decision, all commands agree.

One history of four nights of real builds. After each command of a person on it,
ledger, state, page, `why` and proof agree, and in the end a run is made again.
"""

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from built_project import BuiltProject, read_audit
from part_nights import night
from servers import stub

from publish.package import verify
from store import confirmations, partner_state
from store.ledger import Ledger

FEED, KEY = "onpart_inventory", "PRICE-1"
CODES = ("reason_codes", "warnings")
# Every part has the OEM number 00000-1E100.
WARNS = "KEY_LIKE_NUMBER"
GAP = ("--key", "supplier_sku=GAP-1", "--column", "sell_price")
FEEDBACK = {"key": {"SKU": "supplier_sku"}, "code": "Error"}
# Price 100 to 1, and for one part a night without stock in between.
SECOND = {
    "PRICE-1": {"Price": "1.00"},
    "GAP-1": {"on_hand": "0"},
    "TYPE-1": {"kind": "AM"},
    "BRAND-1": {"cf_vehicle_make": "TOYOTA"},
}
THIRD = {**SECOND, "GAP-1": {"Price": "1.00"}, "GOOD-0": {"on_hand": "8"}}
# The confirmed price goes out, the other is a new one again.
FOURTH = {**THIRD, "GAP-1": {"Price": "2.00"}}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> BuiltProject:
    """Four nights; between the last two a person confirms from the list."""
    project = BuiltProject(tmp_path_factory.mktemp("nights"))
    project.variables = {"FEEDS_OPERATOR": "ann"}
    project.partner.mkdir()
    night(project, 6)
    night(project, 7, **SECOND)
    night(project, 8, **THIRD)
    words = ("publish", "confirm", FEED)
    waiting = project.folder / "waiting.csv"
    waiting.write_text(project.run(*words, "--list").stdout)
    done = project.run(*words, "--from", waiting, "--because", "clearance")
    assert done.returncode == 0, done.stderr
    night(project, 9, **FOURTH)

    def declare(manifest: dict[str, Any]) -> None:
        (exposure,) = (e for e in manifest["exposures"].values() if e["name"] == FEED)
        exposure["config"]["meta"]["feedback"] = FEEDBACK

    project.edit(str(project.folder / "target" / "manifest.json"), declare)
    return project


def decided(project: BuiltProject, number: int) -> dict[str, tuple[str, ...]]:
    """Return codes and warnings of a night's parts, without the ordinary ones."""
    _, rows = read_audit(project.recorded_packages()[number])
    return {
        row["supplier_sku"]: tuple(row[name] for name in CODES)
        for row in rows
        if not row["supplier_sku"].startswith("GOOD")
    }


def delivered(project: BuiltProject, number: int) -> dict[str, str]:
    """Return the price of each part that a night's file has."""
    package = project.recorded_packages()[number]
    with (package.folder / package.resource["path"]).open(encoding="utf-8") as lines:
        rows = csv.DictReader(lines)
        return {row["supplier_sku"]: row["sell_price"] for row in rows}


def test_a_new_price_waits_each_night_and_a_night_without_stock_forgets_nothing(
    project: BuiltProject,
) -> None:
    second, third = decided(project, 1), decided(project, 2)
    assert second["PRICE-1"] == third["PRICE-1"] == ("PRICE_JUMP", WARNS)
    assert second["GAP-1"] == ("ON_HAND_ZERO", WARNS)
    assert third["GAP-1"] == ("PRICE_JUMP", WARNS)
    assert not {"PRICE-1", "GAP-1", "TYPE-1"} & {*delivered(project, 2)}


def test_a_new_type_waits_and_a_new_brand_does_not(project: BuiltProject) -> None:
    assert decided(project, 2)["TYPE-1"] == ("TYPE_CHANGED", WARNS)
    assert decided(project, 1)["BRAND-1"] == ("OK_OEM", "FITMENT_PARTIAL|BRAND_CHANGED")
    assert decided(project, 2)["BRAND-1"] == ("OK_OEM", "FITMENT_PARTIAL")


def test_what_was_confirmed_goes_out_and_another_value_waits(
    project: BuiltProject,
) -> None:
    fourth = decided(project, 3)
    assert fourth["PRICE-1"] == fourth["TYPE-1"] == ("OK_AM", WARNS)
    assert fourth["GAP-1"] == ("PRICE_JUMP", WARNS)
    assert delivered(project, 3)["PRICE-1"] == "1.00"
    assert "GAP-1" not in delivered(project, 3)
    (voided,) = project.records("voided")
    assert [each["key"]["supplier_sku"] for each in voided["entries"]] == ["GAP-1"]


def test_why_shows_the_last_value_and_who_confirmed(project: BuiltProject) -> None:
    (row,) = project.why("GAP-1")["rows"]
    (code,) = row["codes"]
    assert code["values"] == {
        **{"sell_price": "2.00", "last_sell_price": "100.00"},
        "last_delivered_at": "2026-01-15 06:30:00",
    }
    (confirmed,) = row["confirmed"]
    assert (confirmed["value"], confirmed["because"]) == ("1.00", "clearance")
    assert confirmed["ended"]
    text = project.run("monitor", "why", "PRICE-1").stdout
    assert "sell_price 1.00 confirmed by" in text
    assert "clearance" in text
    assert "ended" not in text


def test_health_counts_the_values_that_wait(project: BuiltProject) -> None:
    report = project.run_json("monitor", "health", "--at", "2026-01-15T09:40:00Z")
    assert report["waiting"] == {"onpart_inventory": {"sell_price": 1}}
    (finding,) = (each for each in report["findings"] if each["id"] == "VALUES_WAIT")
    assert finding["key"] == "VALUES_WAIT:onpart_inventory"
    assert finding["says"] == "values wait for a person: 1 of sell_price"


def run_of(project: BuiltProject, number: int) -> str:
    """The run of a night, as commands take it."""
    return project.recorded_packages()[number].name


def rejected(project: BuiltProject) -> tuple[object, ...]:
    path = project.folder / "rejected.csv"
    path.write_text(f"SKU,Error\n{KEY},E1\n")
    return ("feedback", FEED, path)


def cheaper(project: BuiltProject) -> tuple[object, ...]:
    """The partner's file, with a tenth of the price of one part."""
    path = project.folder / "theirs.csv"
    sent = project.partner / project.records("delivered")[-1]["name"]
    with sent.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        rows, names = list(reader), reader.fieldnames or ()
    for row in rows:
        if row["supplier_sku"] == KEY:
            row["sell_price"] = f"{float(row['sell_price']) / 10:.2f}"
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, names)
        writer.writeheader()
        writer.writerows(rows)
    return ("adopt", FEED, path, "--replace")


def put_back(project: BuiltProject) -> tuple[object, ...]:
    copy = project.folder / "copy"
    assert project.run("monitor", "backup", copy).returncode == 0
    lost = project.data.rename(project.folder / "lost")
    shutil.copytree(copy, project.data, symlinks=True)
    shutil.copy(lost / "warehouse.duckdb", project.data)
    return ("restored",)


# Each command, and words of it that do not fit: what the refusal says.
STEPS: dict[str, tuple[Any, tuple[str, ...], str]] = {
    "hold": (
        lambda p: ("hold", FEED, "--until", "2099-01-01"),
        ("hold", FEED, "--until", "2001-01-01"),
        "expected a time in the future",
    ),
    "release": (
        lambda p: ("release", FEED),
        ("release", "order_feed_full_file"),
        "is not on hold",
    ),
    "confirm": (
        lambda p: ("confirm", FEED, *GAP, "--value", "2.00"),
        ("confirm", FEED, *GAP, "--value", "3.00"),
        "expected the sell_price that the source shows",
    ),
    "feedback": (rejected, ("feedback", FEED, "none.csv"), "found no file none.csv"),
    "resend": (
        lambda p: ("resend", run_of(p, 3)),
        ("resend", "none"),
        "found none with the id",
    ),
    "adopt": (cheaper, ("adopt", FEED, "none.csv"), "expected a file to adopt"),
    "step back": (
        lambda p: ("resend", run_of(p, 0), "--step-back"),
        ("resend", "none", "--step-back"),
        "found none with the id",
    ),
    "trust": (
        lambda p: ("trust", "onpart"),
        ("trust", "onpart", "--fingerprint", "00:11"),
        "the server shows",
    ),
    "restored": (
        put_back,
        ("restored", "--received", "none.csv"),
        "expected a name such as",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[stub.Stub]:
    with stub.Stub() as server:
        yield server


@pytest.mark.parametrize("step", STEPS)
def test_all_that_tells_of_a_delivery_agrees(
    project: BuiltProject,
    server: stub.Stub,
    step: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make, wrong, message = STEPS[step]
    because = f"Ann said it: {step}"
    words = [*make(project), "--because", because]
    more: dict[str, object] = {}
    if step == "trust":
        more = {k: v for k, v in server.variables().items() if "CA_FILE" not in k}
        shown = project.run("publish", "trust", "onpart", **more)
        (fingerprint,) = re.findall(r"--fingerprint (\S+)", shown.stdout)
        words += ["--fingerprint", fingerprint]
    before = project.ledger_file.read_bytes()

    refused = project.run("publish", *wrong, "--because", because, **more)
    assert (refused.returncode in (1, 2), message in refused.stderr) == (True, True), (
        refused.stdout + refused.stderr
    )
    errors = [line for line in refused.stderr.splitlines() if "rror: " in line]
    assert len(errors) == 1, refused.stderr
    dry = project.run("publish", *words, "--dry-run", **more)
    assert dry.returncode == 0, dry.stderr
    assert re.search("[Ww]ould|dry run", dry.stdout), dry.stdout
    assert project.ledger_file.read_bytes() == before

    done = project.run("publish", *words, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    new = project.ledger_file.read_bytes().removeprefix(before)
    mine = [json.loads(line) for line in new.splitlines()]
    assert any(because in str(record) for record in mine), mine
    assert any("ann" in (r.get("by"), (r.get("resend_of") or {}).get("by"))
               for r in mine)  # fmt: skip
    agree(project, capsys)


def agree(project: BuiltProject, capsys: pytest.CaptureFixture[str]) -> None:
    """Compare what each command says with the ledger."""
    ledger = Ledger.read(project.ledger_file)
    delivered = ledger.last_delivered(FEED, "onpart")
    assert delivered is not None
    last = ledger.last_file("inventory_feed", "onpart", None)
    assert last is not None
    adopted = [last["name"]] if last["event"] == "adopted" else []

    words = [str(project.data / "outbox"), "--ledger", str(project.ledger_file)]
    assert verify.main(words) == 0, capsys.readouterr().out

    status = project.run_json("publish", "status")
    (feed,) = (each for each in status["files"] if each["feed"] == FEED)
    assert feed["delivered"]["at"] == delivered["at"]
    assert [each["name"] for each in feed["adopted"]] == adopted
    held = feed["on_hold"]

    (state,) = partner_state.current(ledger, "inventory_feed")
    assert state.sha256 == last["state"]["sha256"]
    (confirmed,) = partner_state.current(ledger, "confirmations")
    for each in (state, confirmed):
        assert each.path(project.data / "delivered").is_file()

    counting = confirmations.counting(ledger, FEED)
    for sku in ("GAP-1", KEY):
        (answer,) = project.why(sku)["rows"]
        assert [each["value"] for each in answer["confirmed"] if not each["ended"]] == [
            each.value for each in counting if each.key["supplier_sku"] == sku
        ]
    assert len(answer["adopted"]) == len(adopted)
    assert len(answer["on_hold"]) == len(held)
    reports = ledger.all("feedback", feed=FEED)
    assert len(answer["rejected"]) == len(reports)

    assert project.run("monitor", "report").returncode == 0
    pages = project.data / "report"
    index = (pages / "index.html").read_text().replace("<wbr>", "")
    assert delivered["name"] in index
    # Among what waits, and beside the file.
    assert index.count("on hold until") == 2 * len(held)
    assert all(name in index for name in adopted)
    page = (pages / FEED / f"{delivered['run_id']}.html").read_text()
    runs = ledger.by_run()[FEED, str(delivered["run_id"])]
    assert page.count("to onpart, folder") == sum(
        record["event"] == "intent" for record in runs
    )
    answered = any(record["event"] == "feedback" for record in runs)
    assert ("Rejected by the partner" in page) is answered


@pytest.mark.long
@pytest.mark.parametrize("number", [2, 3], ids=["before", "after"])
def test_a_replay_uses_the_confirmations_of_its_time(
    project: BuiltProject, number: int, tmp_path: Path
) -> None:
    run = project.recorded_packages()[number].run_id
    result = project.run_json("publish", "replay", run, "--here")
    assert (result["exit_code"], result["identical"]) == (0, True), result


def test_every_copy_of_the_data_directory_is_whole(project: BuiltProject) -> None:
    names = {path.name for path in Path(project.folder / "copy").iterdir()}
    assert {"ledger.jsonl", "ledger.head", "adopted", "feedback", "trust"} <= names
