"""After each command of a person, ledger, state, page, `why` and proof agree.

The steps run in their order on one data directory, whose first night was delivered.
"""

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from built_project import BuiltProject
from servers import stub

from publish.package import verify
from store import partner_state
from store.ledger import Ledger

FEED, KEY = "onpart_inventory", "100-4412"
FEEDBACK = {"key": {"SKU": "supplier_sku"}, "code": "Error"}


@pytest.fixture(scope="module")
def project(
    built: BuiltProject, tmp_path_factory: pytest.TempPathFactory
) -> BuiltProject:
    project = built.copy(tmp_path_factory.mktemp("decisions") / "project")
    project.variables = {**project.variables, "FEEDS_OPERATOR": "ann"}

    def declare(manifest: dict[str, Any]) -> None:
        (exposure,) = (e for e in manifest["exposures"].values() if e["name"] == FEED)
        exposure["config"]["meta"]["feedback"] = FEEDBACK

    project.edit(str(project.folder / "target" / "manifest.json"), declare)
    return project


def first(project: BuiltProject) -> dict[str, Any]:
    """The first delivery of the feed."""
    return next(dict(r) for r in project.records("delivered") if r["feed"] == FEED)


def rejected(project: BuiltProject) -> tuple[object, ...]:
    path = project.folder / "rejected.csv"
    path.write_text(f"SKU,Error\n{KEY},E1\n")
    return ("feedback", FEED, path)


def cheaper(project: BuiltProject) -> tuple[object, ...]:
    """The partner's file, with a tenth of the price of one part."""
    path = project.folder / "theirs.csv"
    sent = project.partner / first(project)["name"]
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
    "feedback": (rejected, ("feedback", FEED, "none.csv"), "found no file none.csv"),
    "resend": (
        lambda p: ("resend", f"{FEED}/{first(p)['run_id']}"),
        ("resend", "none"),
        "found none with the id",
    ),
    "adopt": (cheaper, ("adopt", FEED, "none.csv"), "expected a file to adopt"),
    "step back": (
        lambda p: ("resend", f"{FEED}/{first(p)['run_id']}", "--step-back"),
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
    assert re.search("would be|dry run", dry.stdout), dry.stdout
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
    assert state.path(project.data / "delivered").is_file()

    answer = project.why(KEY)["rows"][0]
    assert len(answer["adopted"]) == len(adopted)
    assert len(answer["on_hold"]) == len(held)
    reports = ledger.all("feedback", feed=FEED)
    assert len(answer["rejected"]) == len(reports)

    assert project.run("monitor", "report").returncode == 0
    pages = project.data / "report"
    index = (pages / "index.html").read_text()
    assert delivered["name"] in index
    assert index.count("on hold until") == len(held)
    assert all(name in index for name in adopted)
    page = (pages / FEED / f"{delivered['run_id']}.html").read_text()
    runs = ledger.by_run()[FEED, str(delivered["run_id"])]
    assert page.count("to onpart, folder") == sum(
        record["event"] == "intent" for record in runs
    )
    assert ("Rejected by the partner" in page) is bool(reports)


def test_every_copy_of_the_data_directory_is_whole(project: BuiltProject) -> None:
    names = {path.name for path in Path(project.folder / "copy").iterdir()}
    assert {"ledger.jsonl", "ledger.head", "adopted", "feedback", "trust"} <= names
