"""Each reader of docs/reading/readers.yml reads both samples as that file says.

The calls are those of docs/reading.md. Every cell is compared with docs/reading/*.json.
"""

import csv
import datetime as dt
import io
import json
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
import yaml
from commands import ROOT
from sample_project import MODEL, SampleProject, fill

with warnings.catch_warnings():
    # Its import reaches for a module of the standard library that is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations  # noqa: F401

from publish import render
from store.dialect import UNUSED, Dialect
from store.feeds import Column

FOLDER = ROOT / "docs/reading"
CATALOGUE = yaml.safe_load((FOLDER / "readers.yml").read_text("utf-8"))
SAMPLES = {
    name: json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    for name in ("orders", "inventory")
}
# How a reader may give a missing value, beside leaving it missing.
WRITTEN = {"orders": ("text", "null"), "inventory": ("empty", "")}
# What `make .venv/readers/.ready` makes.
PLACE = ROOT / ".venv/readers"
Rows = list[list[Any]]


def run(
    command: list[str], folder: Path, program: str = "", user: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a reader; it finds the programs and modules of its environment first."""
    variables = {
        "PATH": f"{PLACE / 'bin'}:{os.environ['PATH']}:/usr/sbin",
        "NODE_PATH": str(PLACE / "node_modules"),
        "LC_ALL": "C.UTF-8",
        "PYTHONIOENCODING": "utf-8",
    }
    try:
        done = subprocess.run(
            command, input=program.encode(), cwd=folder, env=variables, user=user,
            extra_groups=[] if user else None, capture_output=True, check=False,
            timeout=120,
        )  # fmt: skip
    except FileNotFoundError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))
    # Not by subprocess, which would make LF of a CR LF.
    output, errors = done.stdout.decode(), done.stderr.decode(errors="replace")
    return subprocess.CompletedProcess(command, done.returncode, output, errors)


def same(value: Any, text: str, kind: str) -> bool:
    """Whether a cell has its value: as text, or as a value of the column's own type."""
    if value == text:
        return True
    try:
        if kind == "boolean":
            return str(value).lower() == text
        if kind.startswith(("integer", "decimal")):
            return Decimal(str(value)) == Decimal(text)
        if kind in ("date", "timestamp"):
            moments = [dt.datetime.fromisoformat(each) for each in (str(value), text)]
            return moments[0].replace(tzinfo=None) == moments[1].replace(tzinfo=None)
    except (InvalidOperation, ValueError):
        return False
    return False


def wrong(rows: Rows, name: str) -> int:
    """The number of cells of a sample that are wrong or lack in what was read."""
    sample = SAMPLES[name]
    count = 0
    for number, meant in enumerate(sample["rows"]):
        row = rows[number] if number < len(rows) else []
        row = [*row, *[()] * len(meant)]
        for value, text, kind in zip(
            row, meant, sample["columns"].values(), strict=False
        ):
            if text is None:
                count += value is not None and value != WRITTEN[name][1]
            else:
                count += not same(value, text, kind)
    return count


def missing(rows: Rows, name: str) -> set[str]:
    """How the missing values of a sample were given."""
    word, text = WRITTEN[name]
    return {
        word if value == text else "missing"
        for row, meant in zip(rows, SAMPLES[name]["rows"], strict=True)
        for value, expected in zip(row, meant, strict=True)
        if expected is None
    }


def parse(output: str, form: str) -> Rows:
    """The rows that a reader printed."""
    if form == "csv":
        return list(csv.reader(io.StringIO(output, newline="")))[1:]
    rows = json.loads(output or "[]")
    return [list(row.values()) if isinstance(row, dict) else row for row in rows]


class Reader:
    """A reader in a folder of its own with the samples."""

    def __init__(self, declared: dict[str, Any], folder: Path, version: str) -> None:
        self.declared = declared
        self.version = version
        self.folder = folder
        # PostgreSQL refuses to run as root.
        self.user = declared.get("user") if os.geteuid() == 0 else None
        for path in FOLDER.glob("*.csv"):
            shutil.copy(path, folder)
        assert run(["sh", "-c", CATALOGUE["rewrite"]], folder).returncode == 0
        if self.user:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, self.user)

    def read(self, name: str, call: str) -> tuple[Rows | None, str]:
        """The rows that a call reads, or None and the error."""
        columns = list(SAMPLES[name]["columns"])
        program = self.declared["program"]
        for placeholder, text in {
            "CALL": call.strip(), "TABLE": name, "COLUMNS": ", ".join(columns),
            "TEXTS": ", ".join(f"{column} text" for column in columns),
        }.items():  # fmt: skip
            program = program.replace(placeholder, text)
        done = run(self.declared["command"], self.folder, program, self.user)
        if done.returncode:
            return None, done.stderr
        return parse(done.stdout, self.declared.get("output", "json")), done.stderr


@pytest.fixture
def reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    with opened(request.param) as each:
        yield each


@contextmanager
def opened(declared: dict[str, Any]) -> Iterator[Reader]:
    """Give a reader of the catalogue, if it is installed."""
    required = os.environ.get("FEEDS_REQUIRE_READERS")
    if not declared.get("in_ci", True) and required != "all":
        pytest.skip("only `make readers` runs it")
    # Beside pytest's own folders, which another user may not enter.
    with tempfile.TemporaryDirectory(prefix="reader") as name:
        version = run(declared["version"], Path(name))
        if version.returncode:
            reason = f"{declared['name']} is not installed: {version.stderr.strip()}"
            if required:
                pytest.fail(reason)
            pytest.skip(reason)
        yield Reader(declared, Path(name), version.stdout.strip())


@pytest.mark.parametrize(
    "reader", CATALOGUE["readers"], ids=lambda each: each["name"], indirect=True
)
def test_a_reader_reads_the_samples_as_the_page_says(reader: Reader) -> None:
    differences = []
    for name in SAMPLES:
        for kind, outcome in (("defaults", defaults), ("right", right)):
            declared = reader.declared[name][kind]
            rows, error = reader.read(name, declared["call"])
            expected, actual = outcome(name, declared, rows, error)
            if actual != expected:
                differences.append(f"{name}, {kind}: {actual}, not {expected}")
            if rows is not None:
                differences += unnoticed(name, rows)
    assert not differences, "\n".join([reader.version, *differences])


@pytest.mark.sample(65)
@pytest.mark.parametrize("kind", CATALOGUE["misread"])
@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize(
    "reader", CATALOGUE["readers"], ids=lambda each: each["name"], indirect=True
)
def test_a_reader_misreads_the_kinds_that_the_page_says(
    reader: Reader, name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file with nothing but these values, read without options."""
    declared = CATALOGUE["misread"][kind]
    rows = [[f"r{n}", value, "end"] for n, value in enumerate(declared["values"])]
    columns = dict.fromkeys(("id", "value", "after"), "varchar")
    monkeypatch.setitem(SAMPLES, name, {"columns": columns, "rows": rows})
    path = reader.folder / f"{name}.csv"
    dialect = declared_dialect(name)
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    with duckdb.connect() as connection:
        fill(connection, "risky", columns, records)
        render.table(
            connection, "risky", tuple(Column(*each, "") for each in columns.items()),
            ("id",), dialect, path,
        )  # fmt: skip
    read, _ = reader.read(name, reader.declared[name]["defaults"]["call"])
    misread = read is None or wrong(read, name) > 0
    assert misread == (reader.declared["name"] in declared[name]), read


def declared_dialect(name: str) -> Dialect:
    """The dialect that the exposures of a file declare."""
    layers = {"orders": "_orders", "inventory": "_marts"}
    path = ROOT / f"models/marts/{layers[name]}__exposures.yml"
    exposure = yaml.safe_load(path.read_text("utf-8"))["exposures"][0]
    return msgspec.convert(exposure["config"]["meta"]["dialect"], Dialect)


def unnoticed(name: str, rows: Rows) -> Iterator[str]:
    """What the number of characters, the control figure of a file, does not show.

    It must be right if every cell is, and wrong if backslashes or quotes are.
    """
    meant = SAMPLES[name]["rows"]
    marks = sum(
        isinstance(value, str) and value.replace("\\", "") == text.replace("\\", "")
        for row, cells in zip(rows, meant, strict=False)
        for value, text in zip(row, cells, strict=False)
        if text is not None and value != text
    )
    same_number = characters(name, rows) == characters(name, meant)
    if bool(marks) == same_number and (marks or not wrong(rows, name)):
        yield f"{name}: {marks} values with other backslashes, {same_number=}"


def characters(name: str, rows: Rows) -> int:
    """The Unicode characters in the text columns; a missing value has none."""
    kinds = SAMPLES[name]["columns"].values()
    return sum(
        len(str(value))
        for row in rows
        for value, kind in zip(row, kinds, strict=False)
        if kind == "varchar" and value is not None and value != WRITTEN[name][1]
    )


def defaults(
    name: str, declared: dict[str, Any], rows: Rows | None, error: str
) -> tuple[Any, Any]:
    """What a call without options should do, and what it does."""
    if rows is not None:
        expected = declared.get("rows"), declared.get("wrong")
        return expected, (len(rows), wrong(rows, name))
    expected = declared.get("error", "no error")
    return expected, expected if expected in error else error


def right(
    name: str, declared: dict[str, Any], rows: Rows | None, error: str
) -> tuple[Any, Any]:
    """What the right call should do, and what it does."""
    count = len(SAMPLES[name]["rows"])
    expected = count, declared.get("wrong", 0), {declared["missing"]}
    if rows is None or len(rows) != count:
        return expected, error if rows is None else len(rows)
    return expected, (len(rows), wrong(rows, name), missing(rows, name))


FORMS = {form["name"]: form for form in CATALOGUE["forms"]}
# The other readers are run by `make long` and `make readers`.
SHORT = {"Python csv", "Python openpyxl", "Python json", "Python", "DuckDB"}


def deliver(folder: Path, form: dict[str, Any]) -> Path:
    """Deliver the inventory in another form, to a folder; return that."""
    project = SampleProject(folder)
    sample = SAMPLES["inventory"]
    project.columns = dict(sample["columns"])
    rows = [dict(zip(project.columns, row, strict=True)) for row in sample["rows"]]
    dialect = project.meta["dialect"] | {"quoting": "portable"}
    fields = form["fields"]
    dialect |= fields.get("dialect", {})
    unused = UNUSED[dialect.get("format", "delimited")]
    ending = Path(form["files"]).suffix if "dialect" in fields else ".csv"
    project.meta |= {
        "file": f"inventory{ending}", "key": ["supplier_sku"], "guards": {},
        "sort": ["supplier_sku"], "manifest": "keep",
        **fields,
        "dialect": {k: v for k, v in dialect.items() if k not in unused},
    }  # fmt: skip
    del project.meta["audit"]
    nights = [rows]
    if "delta" in fields:
        odd = {**rows[1], "supplier_sku": "000099"}
        other = {**rows[0], "description": "Another one"}
        nights.insert(0, [odd, other, *rows[1:-1]])
    for project.rows in nights:
        project.quick()
        write_suite(project, ["operation"] * ("delta" in fields))
        (outcome,) = project.here(accept_first=True)
        assert outcome.summary["status"] == "delivered", outcome.text
        project.later()
    return project.partner


def write_suite(project: SampleProject, before: list[str]) -> None:
    """Let the suite expect the columns of the file, and the key be that of the mart."""
    path = project.root / "tests/expectations/quick.json"
    suite = json.loads(path.read_text())
    columns = [*before, *project.columns]
    suite["expectations"][0]["kwargs"]["column_list"] = columns
    path.write_text(json.dumps(suite))
    path = project.root / "target/manifest.json"
    content = json.loads(path.read_text())
    key = content["nodes"][MODEL]["columns"]["supplier_sku"]
    key["constraints"] = [{"type": "primary_key"}]
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("form", "call"),
    [
        pytest.param(form, call, marks=[] if call in SHORT else [pytest.mark.long])
        for form, declared in FORMS.items()
        for call in declared["calls"]
    ],
)
def test_a_reader_reads_another_form_as_the_page_says(
    tmp_path: Path, form: str, call: str
) -> None:
    declared = FORMS[form]["calls"][call]
    named = {each["name"]: each for each in CATALOGUE["readers"]}
    known = named[declared.get("reader", call)]
    program = declared.get("program", known["program"])
    with opened(known | {"program": program}) as reader:
        for path in deliver(tmp_path, FORMS[form]).iterdir():
            (reader.folder / path.name).write_bytes(path.read_bytes())
        names = {path.name for path in reader.folder.iterdir()}
        assert {*FORMS[form]["files"].split(", then ")} <= names
        rows, error = reader.read("inventory", declared["call"])
    assert rows is not None, error
    dialect = FORMS[form]["fields"].get("dialect", {})
    codec = dialect.get("encoding", "utf-8").replace("windows-", "cp")
    sample = SAMPLES["inventory"]
    assert len(rows) == len(sample["rows"])
    missing = set()
    for row, meant in zip(rows, sample["rows"], strict=True):
        for value, text, kind in zip(
            row, meant, sample["columns"].values(), strict=True
        ):
            if text is None:
                missing.add("missing" if value is None else f"empty{value}")
                continue
            if kind.startswith("decimal"):
                value = str(value).replace(",", ".")
            expected = text.encode(codec, "replace").decode(codec)
            assert same(value, expected, kind), (row, meant)
    assert missing == {declared["missing"]}


def test_a_wrong_cell_is_seen() -> None:
    rows = json.loads(json.dumps(SAMPLES["orders"]["rows"]))
    assert wrong(rows, "orders") == 0
    rows[1][3] = rows[1][3].replace('"', "'")
    rows[2][6] = None
    rows[3].pop()
    assert wrong(rows, "orders") == 3
    assert wrong(rows[:-1], "orders") == 3 + len(SAMPLES["orders"]["columns"])
