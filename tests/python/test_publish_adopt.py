"""The file that a partner has from the system before becomes what the partner holds."""

import csv
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from order_project import DAY, MONDAY, OrderProject, night, order
from sample_project import COLUMNS, SampleProject

FEED, BECAUSE = "onpart_inventory", ("--because", "Ann sent us their file")


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    project = SampleProject(tmp_path)
    project.variables = {"FEEDS_OPERATOR": "ann"}
    return project.quick()


def theirs(
    project: SampleProject, *lines: dict[str, Any], encoding: str = "cp1252"
) -> Path:
    """Write the partner's file as another system would: ; and cp1252, other columns."""
    path = project.folder / "their stock.csv"
    names = ["sku note", *reversed([c for c in COLUMNS if c != "weight_lb"])]
    with path.open("w", encoding=encoding, newline="") as target:
        writer = csv.DictWriter(target, names, delimiter=";", extrasaction="ignore")
        writer.writeheader()
        writer.writerows({"sku note": "two\r\nlines", **line} for line in lines)
    return path


def test_guards_and_changes_compare_with_the_adopted_file(
    project: SampleProject,
) -> None:
    rows = project.rows
    lost = [{**rows[0], "supplier_sku": f"old-{n}"} for n in range(30)]
    path = theirs(project, {**rows[0], "sell_price": "1.5"}, *rows[1:], *lost)
    adopt = ("publish", "adopt", FEED, path, *BECAUSE)

    refused = project.run(*adopt)
    assert refused.returncode == 1, refused.stderr
    assert "Name its encoding by --encoding" in refused.stderr
    dry = project.run_json(*adopt, "--encoding", "cp1252", "--dry-run")
    assert not project.ledger_file.exists()
    assert (dry["rows"], dry["missing"], dry["unknown"], dry["problems"]) == (
        70, ["weight_lb"], ["sku note"], 0,
    )  # fmt: skip
    done = project.run(*adopt, "--encoding", "cp1252")
    assert done.returncode == 0, done.stderr
    (record,) = project.records()
    assert (record["event"], record["by"], record["rows"]) == ("adopted", "ann", 70)
    stored = project.data / "adopted" / record["sha256"]
    assert stored.read_bytes() == path.read_bytes()
    assert "adopted on " in project.run("publish", "status").stdout

    project.write()
    (file,) = project.publish()["files"]
    held = {reason["id"] for reason in file["held_by"]}
    assert held == {"RUN_ROW_DROP", "RUN_FLIP"}  # not RUN_FIRST

    path = theirs(project, {**rows[0], "sell_price": "1.5"}, *rows[1:])
    again = project.run(*adopt, "--encoding", "cp1252")
    assert (again.returncode, "was adopted at" in again.stderr) == (1, True)
    done = project.run(*adopt, "--encoding", "cp1252", "--replace")
    assert done.returncode == 0, done.stderr
    # The parts that this file lacks keep the last value that the partner had.
    state = project.records("adopted")[-1]["state"]
    states = project.data / "delivered" / state["model"]
    former = duckdb.sql(
        "select count(*), min(sell_price)::varchar from "
        f"'{states / state['sha256']}.parquet' where _is_former"
    ).fetchone()
    assert former == (30, "231.00")
    # Health and the index show the adopted file.
    health = project.run_json("monitor", "health")
    (line,) = health["feeds"][FEED]["adopted"]
    assert line.startswith("their stock.csv (40 rows) adopted on ")
    assert project.run("monitor", "report").returncode == 0
    index = (project.data / "report" / "index.html").read_text()
    assert "by ann: Ann sent us their file" in index
    project.write()
    (file,) = project.publish()["files"]
    assert file["status"] == "delivered", file
    package = Path(file["package"])
    with (package / "changes.csv").open(encoding="utf-8", newline="") as lines:
        changed = {row["supplier_sku"]: row for row in csv.DictReader(lines)}
    assert set(changed["100-00000"]["_columns"].split("|")) >= {"sell_price"}
    assert '"sell_price":"1.50"' in changed["100-00000"]["_before"]
    verify = project.run(
        "python", package / "verify.py", package.parent,
        "--ledger", project.ledger_file,
    )  # fmt: skip
    assert verify.returncode == 0, verify.stdout
    assert "adopted" not in project.run("publish", "status").stdout


def test_rows_that_cannot_be_read_are_listed_with_their_lines(
    project: SampleProject,
) -> None:
    rows = project.rows
    path = theirs(
        project,
        rows[0],
        {**rows[1], "qty_on_hand": "5.5"},
        {**rows[2], "sell_price": "12,50"},
        {**rows[3], "supplier_sku": ""},
        {**rows[4], "updated_at": "soon"},
        rows[0],
        *rows[5:],
        encoding="utf-8",
    )
    with path.open("a", encoding="utf-8") as target:
        target.write("short;line\n")
    adopt = ("publish", "adopt", FEED, path, *BECAUSE)
    result = project.run_json(*adopt)
    assert (result["exit_code"], result["problems"]) == (1, 6)
    assert not project.ledger_file.exists()
    # Each row has two lines, and the header is the first one.
    assert result["listed"] == [
        "line 2: supplier_code, location_code, supplier_sku is again in line 12",
        "line 4: qty_on_hand is no integer: 5.5",
        "line 6: sell_price is no decimal(18,2): 12,50",
        "line 8: supplier_sku has no value",
        "line 10: updated_at is no timestamp: soon",
        "line 84: has 2 fields, other than the first line",
    ]
    result = project.run_json(*adopt, "--skip-unreadable")
    assert (result["exit_code"], result["rows"]) == (0, 36)
    assert [record["rows"] for record in project.records("adopted")] == [36]


@pytest.mark.parametrize(
    ("words", "content", "code", "message"),
    [
        (("onpart",), b"a\n1\n", 2, "expected one of the feeds onpart_inventory"),
        ((FEED, "--split", "4268"), b"a\n1\n", 2, "has one file: leave --split out"),
        ((FEED,), b"supplier_code,location_code\nD,MAIN\n", 1, "found no supplier_sku"),
        ((FEED,), b"", 1, "found no supplier_code, no location_code"),
        (
            (FEED,),
            b"supplier_code,location_code,supplier_sku\n",
            1,
            "has no row that can be adopted",
        ),
    ],
)
def test_a_file_that_fits_no_feed_is_refused(
    project: SampleProject,
    words: tuple[str, ...],
    content: bytes,
    code: int,
    message: str,
) -> None:
    path = project.folder / "file.csv"
    path.write_bytes(content)
    feed, *options = words
    done = project.run("publish", "adopt", feed, path, *options, *BECAUSE)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
    assert not project.ledger_file.exists()


def test_a_delta_sends_what_differs_from_the_adopted_file(
    order_project: OrderProject,
) -> None:
    project = order_project
    project.write_artifacts()
    orders = [order(1, "A"), order(2, "B")]
    assert night(project, MONDAY, *orders)["full"] == "delivered"
    (package,) = project.packages("order_feed_full_file.4218")
    theirs = shutil.copy(next(package.glob("*-full.csv")), project.folder)
    # Another data directory: the system before made that file.
    for path in ("outbox", "delivered"):
        shutil.rmtree(project.data / path)
    for path in (project.ledger_file, project.ledger_file.with_name("ledger.head")):
        path.unlink()
    adopt = ("publish", "adopt", "order_feed_full_file", theirs, *BECAUSE)
    refused = project.run(*adopt)
    assert (refused.returncode, "name it by --split" in refused.stderr) == (2, True)
    done = project.run(*adopt, "--split", "4218")
    assert done.returncode == 0, done.stderr
    assert night(project, MONDAY + DAY, orders[0], order(2, "C"))["delta"] == (
        "delivered"
    )
    (package,) = project.packages("order_feed_delta_file.4218")
    with next(package.glob("*-delta.csv")).open(encoding="utf-8") as lines:
        sent = {row["order_id"] for row in csv.DictReader(lines, escapechar="\\")}
    assert sent == {"2"}
