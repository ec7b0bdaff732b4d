"""`monitor why` as a command names the line of a row, whatever the form of the file."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sample_project import SampleProject

with warnings.catch_warnings():
    # Its import reaches for a module of the standard library that is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations  # noqa: F401

SKU, PLACE = "100-00007", "EAST"
WIDTHS = {"description": 60, "oem_part_number": 20}
JSONL = {
    "encoding": "utf-8", "newline": "lf", "format": "jsonl",
    "timestamp_format": "%Y-%m-%dT%H:%M:%SZ", "date_format": "%Y-%m-%d",
}  # fmt: skip
FIXED = {**JSONL, "format": "fixed", "line_breaks": "blank"}
FIXED["header_records"] = ["H|{rows}"]  # type: ignore[assignment]
Form = Callable[[SampleProject], dict[str, Any]]


def fixed(project: SampleProject) -> dict[str, Any]:
    columns = {name: {"width": WIDTHS.get(name, 30)} for name in project.columns}
    return {"dialect": FIXED, "columns": columns}


def utf16(project: SampleProject) -> dict[str, Any]:
    form = {"encoding": "utf-16le", "byte_order_mark": True}
    return {"dialect": {**project.meta["dialect"], **form}}


FORMS: dict[str, Form] = {
    "fixed": fixed,
    "jsonl": lambda _: {"dialect": JSONL},
    "utf-16": utf16,
    "gzip": lambda _: {"compress": {"format": "gzip"}},
    "zip": lambda _: {"compress": {"format": "zip"}},
    "workbook": lambda _: {"workbook": {}},
    "delta": lambda _: {"delta": {}, "when_empty": "skip"},
}


@pytest.mark.parametrize("form", FORMS)
def test_why_names_the_line_that_others_find(tmp_path: Path, form: str) -> None:
    project = SampleProject(tmp_path)
    project.variables["XDG_STATE_HOME"] = tmp_path / "state"
    project.meta |= FORMS[form](project)
    project.quick()
    if form == "delta":
        path = project.root / "tests/expectations/quick.json"
        suite = json.loads(path.read_text())
        columns = ["operation", *project.columns]
        suite["expectations"][0]["kwargs"]["column_list"] = columns
        path.write_text(json.dumps(suite))
    (outcome,) = project.here(accept_first=True)
    assert outcome.summary["status"] == "delivered", outcome.text
    answer = project.run_json("monitor", "why", SKU)
    (row,) = answer["rows"]
    (file,) = row["files"]
    assert (file["fate"], file["destination"]) == ("delivered", "onpart")
    encoding = "utf-16" if form == "utf-16" else "utf-8"
    with Path(file["path"]).open(encoding=encoding, newline="") as lines:
        # Values of the sample have no line breaks.
        places = [n for n, line in enumerate(lines, 1) if SKU in line and PLACE in line]
    assert places == [file["first_line"]]
    shown = project.run("monitor", "why", SKU).stdout
    operation = ", added" if form == "delta" else ""
    assert f"line {places[0]}{operation}, delivered to onpart at" in shown, shown
    assert project.run("monitor", "why", "100-99999").returncode == 1


def test_a_row_of_a_file_without_an_audit_is_found_by_its_key(tmp_path: Path) -> None:
    project = SampleProject(tmp_path)
    project.variables["XDG_STATE_HOME"] = tmp_path / "state"
    del project.meta["audit"]
    project.meta["guards"] = {}
    project.meta["columns"] = {"supplier_sku": {"header": "Part No."}}
    project.quick()
    (outcome,) = project.here(accept_first=True)
    assert outcome.summary["status"] == "delivered", outcome.text
    project.later()
    project.each(lambda row: row.update(sell_price="12.34"))
    (outcome,) = project.write().here()
    assert outcome.summary["status"] == "delivered", outcome.text
    answer = project.run_json("monitor", "why", SKU, "--feed", "onpart_inventory")
    rows = {row["values"]["location_code"]: row for row in answer["rows"]}
    row = rows[PLACE]
    assert (row["subject"], row["named"]) == ("onpart_inventory", SKU)
    (file,) = row["files"]
    lines = Path(file["path"]).read_text().splitlines()
    assert SKU in lines[file["first_line"] - 1]
    assert PLACE in lines[file["first_line"] - 1]
    assert "sell_price" in row["history"][0]["changed"]
    assert "qty_on_hand" not in row["history"][0]["changed"]
    shown = project.run("monitor", "why", SKU, "--feed", "onpart_inventory").stdout
    assert f"onpart_inventory {SKU}" in shown
    assert "there, qty_on_hand" in shown
    first = row["history"][1]["run_id"]
    words = ("monitor", "why", SKU, "--feed", "onpart_inventory", "--run", first)
    assert project.run_json(*words)["rows"][0]["as_of"] == first
    # What has a decision is explained, and the row of the other file listed.
    both = project.run_json("monitor", "why", SKU)
    assert {row["subject"] for row in both["rows"]} == {"part"}
    assert {row["key"] for row in both["others"]} == {"onpart_inventory"}
    nearest = project.run("monitor", "why", "100-0007", "--feed", "onpart_inventory")
    assert (nearest.returncode, SKU in nearest.stdout) == (1, True)
