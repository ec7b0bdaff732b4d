"""Files in every declared form, published, and read by programs that are not ours."""

import csv
import json
import struct
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from commands import ROOT, clean_environment
from package_reader import described
from sample_project import SampleProject

with warnings.catch_warnings():
    # Its import reaches for a module of the standard library that is deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import great_expectations  # noqa: F401

from monitor.drift.profile import profile
from monitor.why.csv_search import find
from runtime.environment import Limits
from store.cells import cells, formatted, read_lines
from store.dialect import Dialect
from store.package import Package

DASH, QUOTED = "\u2013", "\u20186\u2019"
LIMITS = Limits("1GB", 2)
VERIFY = ROOT / "publish/package/verify.py"
RUBY = """
require 'csv'; require 'json'
puts JSON.generate(CSV.read(ARGV[0], encoding: ARGV[1], col_sep: ARGV[2]))
"""


def project_of(folder: Path, dialect: dict[str, Any], **meta: Any) -> SampleProject:
    """Return a sample of four rows in a dialect; None removes a field of it."""
    project = SampleProject(folder)
    declared = project.meta["dialect"] | dialect
    project.meta |= meta
    project.meta["dialect"] = {k: v for k, v in declared.items() if v is not None}
    del project.rows[4:]
    project.review = 0
    return project


def publish(project: SampleProject) -> Package:
    """Deliver the file of a project, and check its package by verify.py."""
    (outcome,) = project.here(accept_first=True)
    assert outcome.summary["status"] == "delivered", outcome.text
    folder = Path(outcome.summary["package"])
    (sent,) = {path.name for path in project.partner.iterdir()} & {
        path.name for path in folder.iterdir() if path.suffix != ".json"
    }
    assert (project.partner / sent).read_bytes() == (folder / sent).read_bytes()
    assert verified(folder) == 0
    return Package(folder)


def verified(folder: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-I", VERIFY, folder], capture_output=True, check=False
    )
    assert not done.stderr, done.stderr.decode()
    return done.returncode


def path_of(package: Package) -> Path:
    return package.folder / str(package.resource["path"])


def checks(package: Package) -> dict[str, dict[str, Any]]:
    return {check["id"]: check for check in package.gates["checks"]}


def texts(project: SampleProject) -> list[str]:
    """The descriptions as they are in the mart, in the order of the file."""
    rows = sorted(project.rows, key=lambda r: (r["location_code"], r["supplier_sku"]))
    return [row["description"] for row in rows]


QUOTING = ("minimal", "portable", "all")
ENCODINGS = [
    ("utf-8", True, "utf-8-sig"),
    ("utf-16le", True, "utf-16"),
    ("utf-16be", True, "utf-16"),
    ("utf-16le", False, "utf-16-le"),
    ("utf-16be", False, "utf-16-be"),
    ("windows-1252", False, "cp1252"),
    ("iso-8859-1", False, "latin-1"),
    ("iso-8859-15", False, "iso8859-15"),
]


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    ("quoting", "encoding", "mark", "codec"),
    [(quoting, *encoding) for encoding in ENCODINGS for quoting in QUOTING],
)
def test_a_file_in_an_encoding_is_what_others_read(
    tmp_path: Path, encoding: str, mark: bool, codec: str, quoting: str
) -> None:
    dialect = {"encoding": encoding, "byte_order_mark": mark, "quoting": quoting}
    project = project_of(tmp_path, {**dialect, "delimiter": ";", "newline": "crlf"})
    for row, text in zip(
        project.rows, ["a;b", 'Größe "L" ÿ', "ligne é\nà", "\\"], strict=True
    ):
        row["description"] = text
    package = publish(project.quick())
    content = path_of(package).read_bytes()
    marks = {"utf-8": b"\xef\xbb\xbf", "utf-16le": b"\xff\xfe", "utf-16be": b"\xfe\xff"}
    if mark:
        assert content.startswith(marks[encoding])
    assert content.decode(codec).endswith("\r\n")
    # Python, pandas and Ruby decode by their own tables.
    with path_of(package).open(encoding=codec, newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter=";", strict=True))
    assert [row["description"] for row in rows] == texts(project)
    frame = pd.read_csv(path_of(package), encoding=codec, sep=";", dtype=str)
    assert list(frame["description"]) == texts(project)
    ruby = f"{'bom|' if mark else ''}{encoding if 'w' not in encoding else 'cp1252'}"
    done = subprocess.run(
        ["ruby", "-e", RUBY, path_of(package), f"{ruby}:utf-8", ";"],
        capture_output=True, check=True,
    )  # fmt: skip
    header, *read = json.loads(done.stdout)
    assert [row[header.index("description")] for row in read] == texts(project)
    # frictionless reads all tables by the manifest.
    valid, errors, counts = described(package.folder)
    assert (valid, errors, counts[0]) == (True, [], 4)
    assert package.resource["characters"] == sum(
        len(row[field["name"]])
        for row in rows
        for field in package.resource["schema"]["fields"]
        if field["type"] == "string"
    )


def test_what_an_encoding_lacks_holds_the_file(tmp_path: Path) -> None:
    project = project_of(tmp_path, {"encoding": "iso-8859-1"}).quick()
    project.rows[2] |= {"description": f"5 € {DASH} or {QUOTED}", "brand": "Łódź"}
    (outcome,) = project.write().here(accept_first=True)
    assert outcome.summary["status"] == "held"
    package = Package(Path(outcome.summary["package"]))
    check = checks(package)["RUN_ENCODING"]
    assert (check["verdict"], check["hard"]) == ("fail", True)
    assert (check["count"], check["observed"], check["limit"]) == (2, 6, 0)
    assert check["says"].startswith("2 values have 6 characters that iso-8859-1 lacks")
    assert check["examples"] == [
        "supplier_code DEMO01, location_code MAIN, supplier_sku 100-00002, "
        f"column {column}, characters {characters}"
        for column, characters in (
            ("brand", "Ł (U+0141) ź (U+017A)"),
            (
                "description",
                f"€ (U+20AC) {DASH} (U+2013) {QUOTED[0]} (U+2018) {QUOTED[2]} (U+2019)",
            ),
        )
    ]
    # No other check is closed: the cause is named once.
    closed = {i for i, each in checks(package).items() if each["verdict"] == "fail"}
    assert closed == {"RUN_ENCODING"}


@pytest.mark.parametrize(
    ("unencodable", "description", "brand"),
    [
        ("replace", "5 ? ? or ?6? e?", "??d?"),
        ("transliterate", "5 EUR - or '6' é", "Lódz"),
    ],
)
def test_what_an_encoding_lacks_is_written_as_declared(
    tmp_path: Path, unencodable: str, description: str, brand: str
) -> None:
    dialect = {"encoding": "iso-8859-1", "unencodable": unencodable}
    project = project_of(tmp_path, dialect).quick()
    project.rows[2] |= {
        "description": f"5 € {DASH} or {QUOTED} e\u0301",
        "brand": "Łódź",
    }
    project.rows[3]["brand"] = "\ue000 and \u201c'\u201d, 'o\u2028'"
    if unencodable == "replace":
        project.rows[2]["brand"] = "Ł\u017ad\u0179"
    package = publish(project.write())
    rows = pd.read_csv(
        path_of(package), encoding="latin-1", dtype=str, index_col="supplier_sku"
    )
    assert rows.loc["100-00002", "description"] == description
    assert rows.loc["100-00002", "brand"] == brand
    check, resource = checks(package)["RUN_ENCODING"], package.resource
    assert (check["verdict"], check["count"]) == ("pass", 3)
    assert resource["unencodable"]["values"] == 3
    assert resource["unencodable"]["written"] == unencodable
    assert resource["unencodable"]["first"][0]["column"] == "brand"
    # The audit names the characters of each row.
    audit = pd.read_csv(
        package.folder / "audit.csv", dtype=str, keep_default_na=False,
        index_col="supplier_sku",
    )["unencodable"]  # fmt: skip
    brand, _, text = audit["100-00002"].partition("|description: ")
    lacking = sorted({*project.rows[2]["brand"]} - {*"ódLz"})
    words = [f"{each} (U+{ord(each):04X})" for each in lacking]
    assert brand == f"brand: {' '.join(words)}"
    assert "\u0301 (U+0301)" in text
    assert audit["100-00003"].startswith("brand: ")
    assert audit["100-00000"] == audit["100-00001"] == ""
    (field,) = [
        each
        for each in (package.table("audit") or {})["schema"]["fields"]
        if each["name"] == "unencodable"
    ]
    assert "Characters that iso-8859-1 lacks" in field["description"]
    assert verified(package.folder) == 0


def test_changes_are_those_of_the_written_text(tmp_path: Path) -> None:
    dialect = {"encoding": "us-ascii", "unencodable": "transliterate"}
    project = project_of(tmp_path, dialect)
    project.each(lambda row: row.update(description="Zoë"))
    publish(project.quick())
    project.rows[0]["description"] = "Zoe"
    project.rows[1]["description"] = "Zoé!"
    project.later()
    changes = publish(project.write()).run["changes"]
    assert (changes["changed"], changes["columns"]) == (1, {"description": 1})


@pytest.mark.sample(2)
@pytest.mark.parametrize(("encoding", "mark", "codec"), ENCODINGS)
def test_drift_and_why_read_a_file_in_an_encoding(
    tmp_path: Path, encoding: str, mark: bool, codec: str
) -> None:
    project = project_of(tmp_path, {"encoding": encoding, "byte_order_mark": mark})
    project.rows[1]["supplier_sku"] = "Größe-1"
    package = publish(project.quick())
    figures = profile(package, LIMITS, tmp_path)["columns"]
    (tmp_path / "plain").mkdir()
    plain = project_of(tmp_path / "plain", {})
    plain.rows = project.rows
    assert figures == profile(publish(plain.quick()), LIMITS, tmp_path)["columns"]
    dialect = Dialect.of_table(package.resource)
    (record,) = find(path_of(package), dialect, "supplier_sku", "Größe-1")
    lines = path_of(package).read_bytes().decode(codec).splitlines()
    assert "Größe-1" in lines[record.first_line - 1]
    assert record.values["location_code"] == "EAST"


@pytest.mark.parametrize(
    ("encoding", "closed", "change"),
    [
        ("utf-8", "RUN_HEADER", lambda b: b[3:]),
        ("utf-16le", "RUN_HEADER RUN_READBACK", lambda b: b[2:]),
        (
            "utf-16le",
            "RUN_HEADER",
            lambda b: b"\xfe\xff" + b[2:].decode("utf-16le").encode("utf-16be"),
        ),
        ("utf-16le", "RUN_READBACK", lambda b: b[:-1]),
        ("utf-8", "RUN_READBACK", lambda b: b.replace("º".encode(), b"\xba", 1)),
        ("windows-1252", "RUN_READBACK", lambda b: b.replace(b"\xba", b"\x81", 1)),
        ("windows-1252", "RUN_READBACK", lambda b: b.replace(b"\xba", b"\xbb", 1)),
    ],
)
def test_a_file_with_other_bytes_stays_here(
    tmp_path: Path, encoding: str, closed: str, change: Callable[[bytes], bytes]
) -> None:
    mark = encoding.startswith("utf")
    project = project_of(tmp_path, {"encoding": encoding, "byte_order_mark": mark})
    gates = project.quick().judge_changed(change)
    assert [check.id for check in gates.closed if check.hard] == closed.split()
    assert not project.judge_changed(lambda content: content).closed


def test_without_the_extra_one_message_says_what_to_install(tmp_path: Path) -> None:
    dialect = {"encoding": "us-ascii", "unencodable": "transliterate"}
    project = project_of(tmp_path, dialect).quick()
    done = publish_without("anyascii", project)
    assert done.returncode == 2
    assert "Install partner-feeds[transliterate]" in done.stderr


def publish_without(
    module: str, project: SampleProject
) -> subprocess.CompletedProcess[str]:
    """Publish by an interpreter that lacks a module."""
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        f"sys.argv = ['publish', '--at', {project.at!r}]\n"
        "from publish.__main__ import main; main()"
    )
    given = {name: str(text) for name, text in project.environment().items()}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True,
        env={**clean_environment(), **given, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip


def test_a_change_of_encoding_is_a_change_of_the_contract(tmp_path: Path) -> None:
    first = publish(project_of(tmp_path, {}).quick())
    (tmp_path / "b").mkdir()
    second = publish(project_of(tmp_path / "b", {"byte_order_mark": True}).quick())
    assert first.run["contract_sha256"] != second.run["contract_sha256"]
    with duckdb.connect() as connection:
        texts_read = connection.sql(
            f"select description from '{path_of(second)}' order by supplier_sku"
        ).fetchall()
    assert len(texts_read) == 4


GERMAN = {"encoding": "windows-1252", "delimiter": ";", "decimal_char": ","}
FORMATS = {
    "supplier_sku": {"header": "Artikel-Nr."},
    "sell_price": {"header": "Preis (€)", "group_char": ".", "places": 3},
    "list_price": {"decimal_char": ""},
    "qty_on_hand": {"group_char": "."},
    "updated_at": {"format": "%d.%m.%Y %H:%M"},
    "is_new": {"format": "ja|nein"},
    "made_on": {"format": "%d.%m.%Y"},
}


def german(folder: Path) -> SampleProject:
    """Return a sample with numbers and dates as in Germany."""
    project = project_of(folder, GERMAN, columns=FORMATS)
    project.columns |= {"is_new": "boolean", "made_on": "date"}
    numbers = [
        ("1234567.89", "0.05", 1_234_567, True),
        ("-1234.50", "-0.05", -1000, False),
        ("999.99", "123456.70", 999, None),
        ("0.00", None, 0, True),
    ]
    for row, (price, listed, quantity, new) in zip(project.rows, numbers, strict=True):
        row |= {"sell_price": price, "list_price": listed, "qty_on_hand": quantity}
        row |= {"is_new": new, "made_on": None if new is None else "2026-01-05"}
        row["weight_lb"] = "11.40"
    return project.quick()


def test_headers_numbers_and_dates_are_written_as_declared(tmp_path: Path) -> None:
    project = german(tmp_path)
    package = publish(project)
    with path_of(package).open(encoding="cp1252", newline="") as lines:
        rows = {row["Artikel-Nr."]: row for row in csv.DictReader(lines, delimiter=";")}
    names = ("Preis (€)", "list_price", "qty_on_hand", "weight_lb", "updated_at",
             "is_new", "made_on")  # fmt: skip
    assert [[row[name] for name in names] for _, row in sorted(rows.items())] == [
        ["1.234.567,890", "005", "1.234.567", "11,40", "15.01.2026 06:00", "ja",
         "05.01.2026"],
        ["-1.234,500", "-005", "-1.000", "11,40", "15.01.2026 06:00", "nein",
         "05.01.2026"],
        ["999,990", "12345670", "999", "11,40", "15.01.2026 06:00", "", ""],
        ["0,000", "", "0", "11,40", "15.01.2026 06:00", "ja", "05.01.2026"],
    ]  # fmt: skip
    # pandas has options for it; frictionless has the manifest.
    frame = pd.read_csv(
        path_of(package), sep=";", decimal=",", thousands=".", encoding="cp1252",
        index_col="Artikel-Nr.",
    )  # fmt: skip
    assert list(frame.sort_index()["Preis (€)"]) == [1234567.89, -1234.5, 999.99, 0]
    assert list(frame.sort_index()["weight_lb"]) == [11.4] * 4
    typed = typed_rows(package)
    assert [row["Preis (€)"] for row in typed] == ["1234567.890", "-1234.500",
                                                  "999.990", "0.000"]  # fmt: skip
    assert [row["list_price"] for row in typed] == ["5", "-5", "12345670", "None"]
    assert [row["qty_on_hand"] for row in typed] == ["1234567", "-1000", "999", "0"]
    assert [row["is_new"] for row in typed] == ["True", "False", "None", "True"]
    assert typed[0]["made_on"] == "2026-01-05"
    assert typed[0]["updated_at"] == "2026-01-15 06:00:00"
    assert described(package.folder)[:2] == [True, []]
    assert package.resource["schema"]["primaryKey"][-1] == "Artikel-Nr."
    assert package.resource["key"][-1] == "supplier_sku"


def typed_rows(package: Package) -> list[dict[str, str]]:
    """Read the file by frictionless and the manifest; sorted by SKU, values as text."""
    (path,) = package.folder.glob("*.manifest.json")
    script = (
        "import frictionless, json\n"
        f"package = frictionless.Package({path.name!r})\n"
        "with package.resources[0] as resource:\n"
        "    rows = [row.to_dict() for row in resource.row_stream]\n"
        "print(json.dumps([{k: str(v) for k, v in row.items()} for row in rows]))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        cwd=package.folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows: list[dict[str, str]] = json.loads(done.stdout)
    return sorted(rows, key=lambda row: row["Artikel-Nr."])


def test_drift_why_and_changes_read_numbers_as_declared(tmp_path: Path) -> None:
    project = german(tmp_path)
    package = publish(project)
    (tmp_path / "plain").mkdir()
    plain = german(tmp_path / "plain")
    del plain.meta["columns"], plain.meta["dialect"]["decimal_char"]
    expected = publish(plain.write())
    figures = [
        profile(each, LIMITS, tmp_path)["columns"] for each in (package, expected)
    ]
    # The words of a boolean are texts of another length.
    for each in figures:
        del each["is_new"]
    assert figures[0] == figures[1]
    (record,) = find(
        path_of(package), package.dialect, "supplier_sku", "100-00002",
        tuple(package.fields),
    )  # fmt: skip
    assert record.values["sell_price"] == "999,990"
    project.rows[2]["sell_price"] = "1000.00"
    project.later()
    second = publish(project.write())
    assert second.run["changes"]["columns"] == {"sell_price": 1}
    with (second.folder / "changes.csv").open(encoding="utf-8", newline="") as lines:
        (change,) = csv.DictReader(lines)
    assert json.loads(change["_before"]) == {"sell_price": "999,990"}
    assert change["sell_price"] == "1.000,000"


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b.replace(b"1.234.567,890", b"1.234.567,891"),
        lambda b: b.replace(b"1.234.567,890", b"1234567.890"),
        lambda b: b.replace(b";005;", b";5;"),
        lambda b: b.replace(b";nein;", b";Nein;"),
        lambda b: b.replace(b"05.01.2026", b"01.05.2026", 1),
    ],
)
def test_a_number_that_is_another_one_stays_here(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    gates = german(tmp_path).judge_changed(change)
    assert {check.id for check in gates.closed if check.hard} == {"RUN_READBACK"}


def test_the_partners_own_file_is_adopted_by_its_headers(tmp_path: Path) -> None:
    project = german(tmp_path)
    package = publish(project)
    (tmp_path / "other").mkdir()
    other = german(tmp_path / "other")
    done = other.run(
        "publish", "adopt", "onpart_inventory", path_of(package), "--because", "theirs"
    )
    assert done.returncode == 0, done.stderr
    (record,) = other.records("adopted")
    assert (record["rows"], record["problems"], record["unknown"]) == (4, 0, [])
    # What the partner has is what the mart has, number by number.
    (outcome,) = other.here()
    assert outcome.summary["status"] == "unchanged", outcome.text


RECORDS = {
    "header_records": [
        "H;{environment};{time:%Y%m%d};{time:%H:%M:%SZ}",
        "#{file:<40}|",
    ],
    "trailer_records": [
        "T;{rows:0>9};{lines};{sum(sell_price):0>15}",
        "E{sum(qty_on_hand):>4}",
    ],
}


@pytest.mark.sample(2)
@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252", "utf-16le"])
@pytest.mark.parametrize("header", [True, False])
def test_header_and_trailer_records_have_counts_and_sums(
    tmp_path: Path, encoding: str, header: bool
) -> None:
    mark = encoding.startswith("utf-16")
    dialect = {**RECORDS, "encoding": encoding, "byte_order_mark": mark}
    dialect |= {"delimiter": ";", "decimal_char": ",", "header": header}
    project = project_of(tmp_path, dialect, file="{date}.txt")
    for row, price in zip(project.rows, ("-400.10", "5", "7.5", "0.01"), strict=True):
        row |= {"sell_price": price, "qty_on_hand": -7, "description": "two\nlines;"}
    package = publish(project.quick())
    codec = "utf-16" if mark else encoding
    lines = path_of(package).read_bytes().decode(codec).split("\n")
    first = ["H;dev;20260115;07:00:00Z", f"#{'2026-01-15.txt':<40}|"]
    last = [f"T;000000004;{8 + header};-00000000387,59", "E -28", ""]
    assert (lines[:2], lines[-3:]) == (first, last)
    records = {"header": first, "trailer": last[:-1]}
    assert package.resource["records"] == records
    # Readers skip them.
    frame = pd.read_csv(
        path_of(package), sep=";", skiprows=2, skipfooter=2, engine="python",
        encoding=codec, decimal=",", header=0 if header else None, dtype={2: str},
    )  # fmt: skip
    assert frame.iloc[:, 22].sum() == pytest.approx(-387.59)
    assert profile(package, LIMITS, tmp_path)["rows"] == 4
    (record,) = find(
        path_of(package), package.dialect, "supplier_sku", "100-00002",
        tuple(package.fields),
    )  # fmt: skip
    assert "100-00002" in lines[record.first_line - 1]
    assert record.last_line == record.first_line + 1
    # A partner state of four rows was kept, without the records.
    project.later()
    project.rows[0]["brand"] = "Other"
    changes = publish(project.write()).run["changes"]
    assert (changes["rows_before"], changes["columns"]) == (4, {"brand": 1})


def test_frictionless_skips_header_records(tmp_path: Path) -> None:
    dialect = {"header_records": RECORDS["header_records"]}
    package = publish(project_of(tmp_path, dialect).quick())
    assert described(package.folder)[:2] == [True, []]


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b.replace(b"T;000000004", b"T;000000005"),
        lambda b: b.replace(b"H;dev;", b"H;uat;"),
        lambda b: b.replace(b";20260115;", b";20260114;"),
        lambda b: b.replace(b"924.00", b"924.01"),
        lambda b: b[:-1],
    ],
)
def test_a_record_that_is_not_of_the_rows_stays_here(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    project = project_of(tmp_path, RECORDS).quick()
    gates = project.judge_changed(change)
    assert [check.id for check in gates.closed if check.hard] == ["RUN_RECORDS"]
    # A row that is gone, or twice, is not that of the mart.
    lines = project.judge_changed(lambda b: b.replace(b"\nT;", b"\nT;\nT;"))
    assert "RUN_READBACK" in {check.id for check in lines.closed}
    assert not project.judge_changed(lambda content: content).closed


def test_a_value_that_is_longer_than_its_field_holds_the_file(tmp_path: Path) -> None:
    records = {"trailer_records": ["T{sum(sell_price):0>5}"]}
    project = project_of(tmp_path, records).quick()
    (outcome,) = project.here(accept_first=True)
    assert outcome.summary["status"] == "held"
    (held,) = outcome.summary["held_by"]
    assert (held["id"], held["count"]) == ("RUN_RECORDS", 1)
    package = Package(Path(outcome.summary["package"]))
    assert checks(package)["RUN_RECORDS"]["examples"] == [
        "924.00 is longer than its width in T924.00"
    ]


def test_verify_compares_the_records_with_the_manifest(tmp_path: Path) -> None:
    package = publish(project_of(tmp_path, RECORDS).quick())
    (manifest,) = package.folder.glob("*.manifest.json")
    content = manifest.read_text()
    manifest.write_text(content.replace("T;000000004", "T;000000005"))
    done = subprocess.run(
        [sys.executable, "-I", VERIFY, package.folder],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "records of DEMO01" in done.stdout


def test_the_bytes_that_a_person_approved_go_out_at_their_logical_time(
    tmp_path: Path,
) -> None:
    project = project_of(tmp_path, RECORDS).quick()
    (outcome,) = project.here()
    assert outcome.summary["status"] == "held"
    digest = outcome.summary["sha256"]
    done = project.run("publish", "approve", digest, "--because", "seen")
    assert done.returncode == 0, done.stderr
    (outcome,) = project.here()
    assert (outcome.summary["status"], outcome.summary["sha256"]) == (
        "delivered", digest,
    )  # fmt: skip


def fixed(folder: Path, **dialect: Any) -> SampleProject:
    """Return a sample of fixed widths with a header and a trailer record."""
    delimited = ("delimiter", "quote", "quoting", "escape", "null_text", "header")
    dialect = {
        **dict.fromkeys(delimited),
        "format": "fixed",
        "encoding": "windows-1252",
        "line_breaks": "blank",
        "newline": "crlf",
        "header_records": ["HDR{time:%Y%m%d}"],
        "trailer_records": ["TRL{rows:0>7}{sum(qty_on_hand):0>9}"],
        **dialect,
    }
    project = project_of(folder, dialect)
    project.columns |= {"article": "varchar"}
    widths = dict.fromkeys(project.columns, 30) | {"description": 40}
    columns: dict[str, dict[str, Any]] = {
        name: {"width": width} for name, width in widths.items()
    }
    columns["qty_on_hand"] |= {"width": 6, "pad": "0"}
    columns["sell_price"] |= {"width": 12, "decimal_char": "", "pad": "0"}
    columns["list_price"] |= {"width": 12, "decimal_char": ","}
    columns["article"] |= {"width": 9, "align": "right", "pad": "0"}
    columns["brand"] |= {"align": "right"}
    # A gap of three characters, as the positions of a specification have them.
    columns["location_code"]["start"] = 34
    project.meta["columns"] = columns
    values = [
        ("Größe  \n L ", " x", "-12.50", 7, "123"),
        ('ÿ|;,"', "Müller", "0.05", -35, "999999999"),
        ("", "  ", "1234567890.12", 0, None),
        (None, "a b", "0", 999999, "0"),
    ]
    for row, (text, brand, price, quantity, article) in zip(
        project.rows, values, strict=True
    ):
        row |= {"description": text, "brand": brand, "sell_price": price}
        row |= {"qty_on_hand": quantity, "article": article}
    project.meta["guards"] = {}
    return project.quick()


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("encoding", "mark", "codec"),
    [
        ("windows-1252", False, "cp1252"),
        ("utf-8", True, "utf-8-sig"),
        ("utf-16be", False, "utf-16-be"),
    ],
)
def test_a_file_of_fixed_widths_is_read_by_its_positions(
    tmp_path: Path, encoding: str, mark: bool, codec: str
) -> None:
    project = fixed(tmp_path, encoding=encoding, byte_order_mark=mark)
    package = publish(project)
    head, *lines, tail, end = path_of(package).read_bytes().decode(codec).split("\r\n")
    assert (head, tail, end) == ("HDR20260115", "TRL0000004000999971", "")
    # 22 columns of 30 characters, a gap of 3, five other widths.
    assert {len(line) for line in lines} == {22 * 30 + 3 + 40 + 6 + 12 + 12 + 9}
    fields = package.resource["schema"]["fields"]
    places = {
        f["name"]: slice(f["start"] - 1, f["start"] - 1 + f["width"]) for f in fields
    }
    assert places["location_code"].start == 33
    rows = {line[places["supplier_sku"]].strip(): line for line in lines}
    cells = [
        {name: rows[sku][place] for name, place in places.items()}
        for sku in sorted(rows)
    ]
    assert [cell["qty_on_hand"] for cell in cells] == ["000007", "-00035", "000000",
                                                      "999999"]  # fmt: skip
    assert [cell["sell_price"] for cell in cells] == [
        "-00000001250", "000000000005", "123456789012", "000000000000"
    ]  # fmt: skip
    assert [cell["list_price"] for cell in cells] == ["412,50".rjust(12)] * 4
    assert [cell["article"] for cell in cells] == ["000000123", "999999999", " " * 9,
                                                  "0" * 9]  # fmt: skip
    texts_written = ["Größe    L", 'ÿ|;,"', "", ""]
    assert [cell["description"] for cell in cells] == [
        t.ljust(40) for t in texts_written
    ]
    assert [cell["brand"].strip() for cell in cells] == ["x", "Müller", "", "a b"]
    assert cells[1]["brand"] == "Müller".rjust(30)
    # pandas has a reader for it.
    frame = pd.read_fwf(
        path_of(package), colspecs=[(p.start, p.stop) for p in places.values()],
        names=list(places), header=None, skiprows=1, skipfooter=1, encoding=codec,
        dtype=str, engine="python",
    )  # fmt: skip
    frame = frame.set_index("supplier_sku").sort_index()
    assert list(frame["article"].fillna("")) == ["000000123", "999999999", "", "0" * 9]
    assert list(frame["description"].fillna("")) == texts_written
    # Our readers.
    figures = profile(package, LIMITS, tmp_path)
    assert (figures["rows"], figures["columns"]["sell_price"]["zeros"]) == (4, 0.25)
    read = [*read_lines(path_of(package), package.dialect, package.fields)]
    assert [(number, row["article"]) for number, row in read] == [
        (2, "999999999"), (3, "0" * 9), (4, "000000123"), (5, "")
    ]  # fmt: skip
    assert formatted(package.fields["article"], "123") == "000000123"
    project.later()
    project.rows[0] |= {"sell_price": "-12.51"}
    project.rows[1] |= {"brand": "   Müller"}  # the same when it is written
    changes = publish(project.write()).run["changes"]
    assert (changes["rows_before"], changes["columns"]) == (4, {"sell_price": 1})


def test_cobol_programmers_read_it_by_struct(tmp_path: Path) -> None:
    """In an encoding of one byte positions are bytes too."""
    package = publish(fixed(tmp_path))
    fields = package.resource["schema"]["fields"]
    lines = path_of(package).read_bytes().split(b"\r\n")[1:-2]
    pattern = "30s3x" + "".join(f"{field['width']}s" for field in fields[1:])
    names = [field["name"] for field in fields]
    rows = [
        dict(zip(names, struct.unpack(pattern, line), strict=True)) for line in lines
    ]
    assert sorted(int(row["sell_price"]) for row in rows) == [-1250, 0, 5, 123456789012]
    assert {row["location_code"].decode("cp1252").strip() for row in rows} == {
        "EAST", "MAIN"
    }  # fmt: skip


def test_what_has_no_room_holds_the_file(tmp_path: Path) -> None:
    project = fixed(tmp_path)
    project.rows[1] |= {"qty_on_hand": -1_000_000, "description": "x" * 41}
    project.rows[2] |= {"article": "1234567890"}
    (outcome,) = project.write().here(accept_first=True)
    assert outcome.summary["status"] == "held"
    (held,) = outcome.summary["held_by"]
    assert (held["id"], held["count"]) == ("RUN_WIDTH", 3)
    package = Package(Path(outcome.summary["package"]))
    assert checks(package)["RUN_WIDTH"]["hard"] is True
    assert checks(package)["RUN_WIDTH"]["examples"] == [
        "supplier_code DEMO01, location_code EAST, supplier_sku 100-00001, "
        f"column description, width 40, value {'x' * 41}",
        "supplier_code DEMO01, location_code EAST, supplier_sku 100-00001, "
        "column qty_on_hand, width 6, value -1000000",
        "supplier_code DEMO01, location_code MAIN, supplier_sku 100-00002, "
        "column article, width 9, value 1234567890",
    ]


@pytest.mark.parametrize(
    ("closed", "change"),
    [
        ("RUN_READBACK", lambda b: b.replace(b"000000000005", b"000000000006")),
        ("RUN_READBACK", lambda b: b.replace(b"000000123", b"      123")),
        ("RUN_READBACK", lambda b: b.replace(b"Gr\xf6\xdfe", b"Gr\xf6\xdfe ")),
        ("RUN_RECORDS", lambda b: b.replace(b"TRL0000004", b"TRL0000003")),
    ],
)
def test_a_file_of_fixed_widths_with_other_bytes_stays_here(
    tmp_path: Path, closed: str, change: Callable[[bytes], bytes]
) -> None:
    project = fixed(tmp_path)
    assert not project.judge_changed(lambda content: content).closed
    gates = project.judge_changed(change)
    assert [check.id for check in gates.closed if check.hard] == [closed]


def test_verify_reads_the_lines_of_a_file_of_fixed_widths(tmp_path: Path) -> None:
    package = publish(fixed(tmp_path))
    content = path_of(package).read_bytes()
    for changed in (content.replace(b"M\xfcller", b"M\xfcll r "),
                    content.replace(b"\r\nTRL", b"\r\n\r\nTRL")):  # fmt: skip
        assert changed != content
        path_of(package).write_bytes(changed)
        assert verified(package.folder) == 1


def json_lines(folder: Path) -> SampleProject:
    """Return a sample of JSON lines."""
    unused = ("delimiter", "quote", "quoting", "escape", "null_text", "header")
    dialect = {**dict.fromkeys(unused), "format": "jsonl"}
    columns = {
        "supplier_sku": {"header": "Artikel-Nr. (€)"},
        "sell_price": {"places": 3},
    }
    project = project_of(folder, dialect, columns=columns, guards={})
    project.columns |= {"is_new": "boolean", "total": "decimal(38,2)"}
    values = [
        ('a "quote" \\ / \u2028', True, "1234567890123456789012345678901234.56"),
        ("line\nfeed\ttab \x01 \U0001f600", False, "-0.05"),
        ("", None, None),
        (None, True, "0"),
    ]
    for row, (text, new, total) in zip(project.rows, values, strict=True):
        row |= {"description": text, "is_new": new, "total": total}
    return project.quick()


def test_json_lines_are_what_others_read(tmp_path: Path) -> None:
    project = json_lines(tmp_path)
    package = publish(project)
    lines = path_of(package).read_bytes().decode().split("\n")
    assert lines.pop() == ""
    rows = [json.loads(line, parse_float=str) for line in lines]
    rows.sort(key=lambda row: row["Artikel-Nr. (€)"])
    names = ("description", "is_new", "total", "sell_price", "qty_on_hand")
    totals = [project.rows[0]["total"], "-0.05", None, "0.00"]
    assert [[row[name] for name in names] for row in rows] == [
        [row["description"], row["is_new"], total, "231.000", 10]
        for row, total in zip(project.rows, totals, strict=True)
    ]
    # Miller and Ruby. pandas refuses numbers of more than 64 bits.
    done = subprocess.run(
        ["mlr", "--ijsonl", "--ojsonl", "cat", path_of(package)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    # Miller does not escape control characters.
    copies = [
        json.loads(line, parse_float=str, strict=False)
        for line in done.stdout.rstrip("\n").split("\n")
    ]
    assert sorted(copies, key=lambda row: row["Artikel-Nr. (€)"]) == rows
    script = "puts JSON.generate(File.foreach(ARGV[0]).map { |l| JSON.parse(l) })"
    done = subprocess.run(
        ["ruby", "-rjson", "-e", script, path_of(package)], capture_output=True,
        check=True, env={**clean_environment(), "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    texts_read = [row["description"] for row in json.loads(done.stdout)]
    assert texts_read == [json.loads(line)["description"] for line in lines]
    assert package.resource["format"] == "jsonl"
    # Our readers.
    assert profile(package, LIMITS, tmp_path)["columns"]["is_new"]["nulls"] == 0.25
    read = [*read_lines(path_of(package), package.dialect, package.fields)]
    assert [row["supplier_sku"] for _, row in read] == [
        json.loads(line)["Artikel-Nr. (€)"] for line in lines
    ]
    project.later()
    project.rows[2]["description"] = None  # another value than an empty text
    changes = publish(project.write()).run["changes"]
    assert (changes["rows_before"], changes["columns"]) == (4, {"description": 1})


@pytest.mark.parametrize(
    ("closed", "change"),
    [
        ("RUN_READBACK", lambda b: b.replace(b"901234.56", b"901234.57")),
        ("RUN_READBACK", lambda b: b.replace(b'"is_new":false', b'"is_new":true')),
        ("RUN_READBACK", lambda b: b.replace(b':""', b":null", 1)),
        ("RUN_READBACK", lambda b: b[:-2]),
        ("RUN_HEADER", lambda b: b.replace(b"sell_price", b"price")),
    ],
)
def test_json_lines_with_other_bytes_stay_here(
    tmp_path: Path, closed: str, change: Callable[[bytes], bytes]
) -> None:
    project = json_lines(tmp_path)
    assert not project.judge_changed(lambda content: content).closed
    gates = project.judge_changed(change)
    assert [check.id for check in gates.closed if check.hard] == [closed]


JSONL = Dialect(
    format="jsonl", encoding="utf-8", newline="lf", timestamp_format="%Y",
    date_format="%Y",
)  # fmt: skip


def read_objects(folder: Path, content: bytes) -> list[tuple[Any, ...]]:
    path = folder / "objects.jsonl"
    path.write_bytes(content)
    with cells(path, ("one", "two"), JSONL, folder) as source:
        return duckdb.sql(f"select * from {source}").fetchall()


@pytest.mark.parametrize(
    "line",
    [
        r'{"a":12345678901234567890.1200,"b":"q\"w\\ \/\u00e9\ud83d\ude00\u0001\n"}',
        r'{"a":1E5,"b":-0.0}',
        r'{"a":"x,","b":"{\"a\":1}"}',
        r'{"a":"},","b":",\"b\":2}"}',
        '{"a":" \u2028\x7f","b":""}',
        '{ "a" : true , "b" : null }',
    ],
)
def test_an_object_is_read_as_python_reads_it(tmp_path: Path, line: str) -> None:
    read = read_objects(tmp_path, line.encode() + b"\n")
    values = json.loads(line, parse_float=str, parse_int=str).values()
    words = {True: "true", False: "false"}
    assert read == [tuple(words[v] if isinstance(v, bool) else v for v in values)]


@pytest.mark.parametrize(
    "line",
    [
        b"", b"null", b"[1,2]", b'{"a":1}', b'{"b":1,"a":2}', b'{"a":1,"a":2}',
        b'{"a":1,"b":2,"b":3}', b'{"a":1,"b":2}{', b'{"a":01,"b":2}', b'{"a":.5,"b":2}',
        b'{"a":NaN,"b":2}', b'{"a":[1],"b":2}', b'{"a":"x\ty","b":2}',
        b'{"a":"\\x","b":2}', b'{"a":"\\ud800","b":2}', b'{"a":"\xff","b":2}',
        b'{"a":1 2,"b":2}', b'{"a":1,"b":2,}',
    ],
)  # fmt: skip
def test_what_is_no_such_object_is_refused(tmp_path: Path, line: bytes) -> None:
    good = b'{"a":1,"b":2}\n'
    for content in (good + line + b"\n", good + line + b"\n" + good):
        with pytest.raises((duckdb.Error, ValueError)):
            read_objects(tmp_path, content)
    with pytest.raises(ValueError, match="has no end"):
        read_objects(tmp_path, good + good[:-1])
    assert read_objects(tmp_path, b"") == []


def test_verify_reads_the_objects_of_json_lines(tmp_path: Path) -> None:
    package = publish(json_lines(tmp_path))
    path, content = path_of(package), path_of(package).read_bytes()
    for changed in (content[: content.index(b"\n") + 1], content.replace(b"tab", b"ta"),
                    content.replace(b"sell_price", b"price")):  # fmt: skip
        path.write_bytes(changed)
        assert verified(package.folder) == 1


@pytest.mark.sample(1)
@pytest.mark.parametrize("form", [fixed, german, json_lines])
def test_the_page_of_a_run_is_made_of_any_form(
    tmp_path: Path, form: Callable[[Path], SampleProject]
) -> None:
    project = form(tmp_path)
    package = publish(project)
    done = project.run("monitor", "report", "--run", package.run_id)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    page = (
        project.data / "report/onpart_inventory" / f"{package.run_id}.html"
    ).read_text()
    assert f"{package.resource['bytes']:,} bytes" in page
