"""Every expectation about a row has a rule that decides the row before it."""

import csv
import json
from typing import Any

import pytest
from commands import ROOT

SUITES = sorted((ROOT / "tests/expectations").glob("*.json"))
# What these check is the file as a whole; no rule about a row can decide it.
OF_THE_FILE = {"columns-exact", "rows-at-least-one", "supplier-code-one"}


def expectations() -> list[Any]:
    """Return every expectation about a row, as parameters named by suite and id."""
    return [
        pytest.param(suite.stem, each["meta"], id=f"{suite.stem}-{each['meta']['id']}")
        for suite in SUITES
        for each in json.loads(suite.read_bytes())["expectations"]
        if each["meta"]["id"] not in OF_THE_FILE
    ]


def reasons(seed: str) -> set[str]:
    """Return the codes of a seed that keep a row out of the file."""
    with (ROOT / f"seeds/{seed}.csv").open(encoding="utf-8") as lines:
        return {
            row["reason_code"]
            for row in csv.DictReader(lines)
            if row["output"] != "PUBLISH"
        }


@pytest.mark.parametrize(("suite", "meta"), expectations())
def test_an_expectation_about_a_row_names_what_decides_the_row(
    suite: str, meta: dict[str, Any]
) -> None:
    """A reason code, or the file that cannot make such a row."""
    seed = "reason_codes" if suite == "onpart_inventory" else "order_reason_codes"
    files = [ROOT / "dbt_project.yml", *ROOT.glob("models/**/*.sql")]
    files += ROOT.glob("seeds/*.csv")
    names = {file.name for file in files} | {file.stem for file in files}
    assert meta["decided_by"]
    assert set(meta["decided_by"]) <= reasons(seed) | names
