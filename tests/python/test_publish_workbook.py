"""The file leaves as an Excel workbook, in which every cell is a text."""

import csv
import hashlib
import subprocess
import sys
import time
import warnings
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import openpyxl
import pytest
from commands import ROOT
from sample_project import SampleProject, manifest

with warnings.catch_warnings():
    # Its import reaches for a module of the standard library that is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations  # noqa: F401

from publish import workbook
from runtime.exits import Misuse, Refused
from store import feeds
from store.feeds.artifacts import Artifacts
from store.package import Package

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture
def project(tmp_path: Path) -> SampleProject:
    project = SampleProject(tmp_path)
    project.variables = {"XDG_STATE_HOME": tmp_path / "state"}
    project.meta |= {
        "file": "feed.csv",
        "workbook": {"sheet": "Stock", "replaces": ".csv"},
        "marker": {"content": "sha256"},
    }
    return project.quick()


def deliver(project: SampleProject) -> Package:
    (outcome,) = project.here(accept_first=True)
    assert outcome.summary["status"] == "delivered", outcome.text
    return Package(Path(outcome.summary["package"]))


def verify(project: SampleProject) -> str:
    words = ["--ledger", project.data / "ledger.jsonl", project.data / "outbox"]
    done = subprocess.run(
        [sys.executable, "-I", ROOT / "publish/package/verify.py", *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def texts(path: Path) -> list[list[str]]:
    """The cells of the first sheet by the standard library; only texts are read."""
    with zipfile.ZipFile(path) as archive:
        sheet = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    return [
        ["".join(part.text or "" for part in cell.iter(f"{MAIN}t")) for cell in row]
        for row in sheet.iter(f"{MAIN}row")
        if all(cell.get("t") == "inlineStr" for cell in row)
    ]


def test_every_cell_is_the_text_of_the_file(project: SampleProject) -> None:
    odd = [
        "007", "=1+1", "  blank ", "a\nb", 'say "hi"', "<&>", "\U0001f600 Łódź",
        "2026-01-15", "1E5", "_x0041_", "TRUE", "#N/A",
    ]  # fmt: skip
    for row, text in zip(project.rows, odd, strict=False):
        row["description"] = text
    package = deliver(project.write())
    there = project.partner / "feed.xlsx"
    names = sorted(path.name for path in project.partner.iterdir())
    assert names == ["feed.manifest.json", "feed.xlsx", "feed.xlsx.sha256"]
    with (package.folder / "feed.csv").open(encoding="utf-8", newline="") as lines:
        expected = list(csv.reader(lines, strict=True))
    assert len(expected) == 41
    # openpyxl; it does not undo the escape of what looks like one.
    sheet = openpyxl.load_workbook(there)["Stock"]
    read = [
        ["" if cell is None else str(cell).replace("_x005F_", "_") for cell in row]
        for row in sheet.iter_rows(values_only=True)
    ]
    assert read == expected
    # The XML itself: texts, in a format of text, and no cell for a missing value.
    assert [[cell.replace("_x005F_", "_") for cell in row] for row in texts(there)] == [
        [cell for cell in row if cell] for row in expected
    ]
    assert {cell.number_format for row in sheet.iter_rows() for cell in row
            if cell.value is not None} == {"@"}  # fmt: skip
    (delivered,) = project.records("delivered")
    assert delivered["sent"]["workbook"] == "Stock"
    assert delivered["sent"]["name"] == "feed.xlsx"
    assert "1 packages, none wrong" in verify(project)
    done = subprocess.run(
        ["sha256sum", "--check", "feed.xlsx.sha256"],
        cwd=project.partner, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "feed.xlsx: OK\n"
    project.later(60)
    (outcome,) = project.write().here()
    assert outcome.summary["status"] == "unchanged"


def test_the_same_content_has_the_same_bytes_and_a_changed_one_is_noticed(
    project: SampleProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (feed,) = feeds.read(Artifacts(manifest(project.meta)))
    declared = feed.travel.workbook
    assert declared
    source = tmp_path / "a.csv"
    source.write_text('sku,name\n007,"\x01 and\r\nmore"\n,\n8,\n')
    copies = []
    for number in (1, 2):
        copy = tmp_path / f"{number}.xlsx"
        workbook.write(feed, declared, source, copy)
        copies.append(copy.read_bytes())
        time.sleep(1.1)
    assert copies[0] == copies[1]
    source.write_text("sku,name\n007," + "x" * 32768 + "\n")
    with pytest.raises(Refused, match="found row 2, column 2 with 32,768 characters"):
        workbook.write(feed, declared, source, tmp_path / "3.xlsx")
    assert not (tmp_path / "3.xlsx").exists()
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(Misuse, match=r"Install partner-feeds\[xlsx\]"):
        workbook.check_library()


def test_verify_compares_the_cells(project: SampleProject) -> None:
    del project.meta["marker"]
    package = deliver(project.write())
    copy, receipt = package.folder / "feed.xlsx", package.folder / "receipt.json"
    assert "none wrong" in verify(project)
    before = copy.read_bytes()
    source = package.folder / "other.csv"
    source.write_bytes(
        (package.folder / "feed.csv").read_bytes().replace(b"100-00004", b"100-00999")
    )
    (feed,) = feeds.read(Artifacts(manifest(project.meta)))
    assert feed.travel.workbook
    workbook.write(feed, feed.travel.workbook, source, copy)
    source.unlink()
    digests = [hashlib.sha256(each).hexdigest() for each in (before, copy.read_bytes())]
    receipt.write_text(receipt.read_text().replace(*digests))
    result = verify(project)
    assert "row 24 of feed.xlsx: expected" in result, result
    assert "100-00999" in result
