"""`extract NAME` of declared files: CSV and XLSX, from a folder and over SFTP."""

import datetime
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from declared_project import DeclaredProject
from servers.fixtures import Start

from runtime.exits import Misuse, Refused, Stop, Temporary

CSV = {
    "name": "parts",
    "file_glob": "parts_*.csv",
    "format": "csv",
    "delimiter": ";",
    "encoding": "windows-1252",
    "primary_key": "Part No",
    "columns": {"Part No": {"nullable": False}, "text": {}, "price": {}},
    "complete": {"second_reading": True},
}
XLSX = {
    "name": "stock",
    "file_glob": "*.xlsx",
    "format": "xlsx",
    "primary_key": ["part", "place"],
    "columns": {
        name: {} for name in ("part", "place", "number", "day", "at", "flag", "sum")
    },
    "complete": {"second_reading": True},
}
TEXT = (
    'Part No;"text";price\r\n'
    '007;"Müller; ""A""\r\nB";12,50\r\n'
    "9007199254740993;;\r\n"
    '1E5;"";0.30\r\n'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two CSV files and a workbook."""
    inbox = tmp_path / "in"
    inbox.mkdir()
    (inbox / "parts_1.csv").write_bytes(TEXT.encode("windows-1252"))
    (inbox / "parts_2.csv").write_bytes(b"Part No;text;price\r\nZ-9;last;1\r\n")
    workbook(inbox / "stock.xlsx")
    return inbox


def workbook(path: Path, **cells: Any) -> None:
    """Write a workbook: texts, numbers, times, a formula with its value."""
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as book:
        sheet = book.add_worksheet("Stock")
        sheet.write_row(0, 0, XLSX["columns"])
        sheet.write_row(1, 0, ["007", "A", 12.5])
        sheet.write_datetime(1, 3, datetime.datetime(2026, 2, 1))
        sheet.write_datetime(1, 4, datetime.datetime(2026, 2, 1, 6, 30))
        sheet.write_boolean(1, 5, True)
        sheet.write_formula(1, 6, "=C2*2", None, 25)
        sheet.write_row(3, 0, ["8", "A", 0.1])
        for cell, value in cells.items():
            sheet.write(cell, value)


def declare(
    project: DeclaredProject, url: str, *lists: dict[str, Any], **more: Any
) -> None:
    filesystem = {"bucket_url": url, "resources": list(lists), **more}
    project.write({"filesystem": filesystem})


def test_csv_and_xlsx_of_a_folder_are_landed_as_texts(
    tmp_path: Path, folder: Path
) -> None:
    shop = DeclaredProject(tmp_path / "project")
    declare(shop, f"file://{folder}", CSV, XLSX)
    done = shop.extract("--quiet")  # all sources
    assert done.returncode == 0, done.stderr
    assert "shop: 4 parts, 2 stock; " in done.stdout
    assert shop.rows('"Part No", text, price') == [
        ("007", 'Müller; "A"\r\nB', "12,50"),
        ("1E5", "", "0.30"),
        ("9007199254740993", None, None),
        ("Z-9", "last", "1"),
    ]
    columns = ", ".join(f'"{name}"' for name in XLSX["columns"])
    assert shop.rows(columns, "stock") == [
        ("007", "A", "12.5", "2026-02-01", "2026-02-01 06:30:00", "true", "25"),
        ("8", "A", "0.1", None, None, None, None),
    ]  # fmt: skip
    entity = shop.report["entities"]["parts"]
    assert (entity["proof"], entity["count_after"]) == ("second_reading", None)
    assert shop.check()["unproven"] == []


def test_over_sftp_only_a_known_server_is_read(
    tmp_path: Path, folder: Path, server: Start
) -> None:
    to = server("openssh")
    for file in folder.iterdir():
        to.lay(file.name, file.read_bytes())
    shop = DeclaredProject(tmp_path / "project", SHOP_PASSWORD=to.password)
    login: dict[str, Any] = {
        "sftp_username": to.user,
        "sftp_password": {"env": "SHOP_PASSWORD"},
        "sftp_port": to.port,
        "known_hosts": str(to.known_hosts),
    }
    url = f"sftp://{to.host}{to.folder}"

    def declared(**changes: Any) -> None:
        declare(shop, url, CSV, XLSX, credentials=login | changes)

    declared()
    done = shop.extract()
    assert done.returncode == 0, done.stderr
    assert "shop: 4 parts, 2 stock; " in done.stdout
    texts = [done.stderr, *(each.read_text() for each in shop.data.rglob("*.json"))]
    assert not any(to.password in text for text in texts)
    with pytest.raises(Misuse, match=r"access is denied .*Check credentials"):
        shop.copy(SHOP_PASSWORD="wrong-password")
    other = tmp_path / "other_hosts"
    other.write_text("")
    declared(known_hosts=str(other))
    with pytest.raises(Misuse, match="not found in known_hosts"):
        shop.copy()
    name, kind, _ = to.known_hosts.read_text().split()[:3]
    key = "AAAAC3NzaC1lZDI1NTE5AAAAIEr8hy5VrT1KQDjWVuN4Y0ktKx1ItYqOVrsWJzSmzyQg"
    other.write_text(f"{name} {kind} {key}\n")
    with pytest.raises(Misuse, match="expected the key that known_hosts"):
        shop.copy()
    declared(sftp_key_filename=str(to.key_file), sftp_password=None)
    content = shop.file.read_text().replace("    sftp_password: null\n", "")
    shop.file.write_text(content)
    shop.copy()
    assert len(shop.rows('"Part No"')) == 4
    declared(sftp_port=1)
    with pytest.raises(Temporary, match=r"sftp://localhost.*try later"):
        shop.copy()


def changed(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "parts_1.csv").write_text(text, newline="")


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        (
            changed("Part No;text;price\n1;2\n"),
            Refused,
            r"parts_1.csv: CSV Error on Line: 2 .* Columns: 3 Found: 2",
        ),
        (
            changed('Part No;text;price\n1;"x;3\n'),
            Refused,
            "parts_1.csv: CSV Error on Line: 2 .* unterminated quote",
        ),
        (
            changed("Part No;text;Text\n"),
            Refused,
            "parts_1.csv: expected each column name once, found text again",
        ),
        (changed(""), Refused, "parts_1.csv: expected a first row with the name"),
        (
            lambda folder: (folder / "parts_1.csv").write_bytes(b"Part No;text\n\x81"),
            Refused,
            "parts_1.csv: expected windows-1252, found the byte 0x81 near position 13",
        ),
        (
            changed("Part No;text;price\nZ-9;again;1\n"),
            Refused,
            r'the key "Part No" = \(.Z-9.,\) appears 2 times',
        ),
        (
            changed("number;text;price\n1;again;1\n"),
            Refused,
            'have no "Part No", which is their key',
        ),
        (
            lambda folder: [path.unlink() for path in folder.glob("*.csv")],
            Temporary,
            r"parts_\*.csv: expected at least one file, found none",
        ),
        (
            lambda folder: (folder / "stock.xlsx").write_bytes(b"PK"),
            Refused,
            "stock.xlsx: expected an XLSX workbook, found something else",
        ),
        (
            lambda folder: workbook(folder / "stock.xlsx", J4="x"),
            Refused,
            "stock.xlsx: expected 7 cells in row 4, as the first row has, found 'x'",
        ),
        (
            lambda folder: workbook(folder / "stock.xlsx", C2="=1/0"),
            None,
            "0",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    tmp_path: Path,
    folder: Path,
    spoil: Callable[[Path], object],
    kind: type[Stop] | None,
    words: str,
) -> None:
    shop = DeclaredProject(tmp_path / "project")
    declare(shop, f"file://{folder}", CSV, XLSX)
    spoil(folder)
    if kind is None:  # XlsxWriter writes 0 as the value of a formula
        shop.copy()
        assert shop.rows("number", "stock")[0] == ("0",)
        return
    with pytest.raises(kind, match=words):
        shop.copy()
    assert not (shop.data / "landing/current").exists()


def test_a_cell_without_its_value_is_refused(tmp_path: Path, folder: Path) -> None:
    shop = DeclaredProject(tmp_path / "project")
    declare(shop, f"file://{folder}", XLSX)
    book = openpyxl.load_workbook(folder / "stock.xlsx")
    book["Stock"]["G2"] = "=C2*2"
    book.save(folder / "stock.xlsx")
    with pytest.raises(
        Refused, match=r"stock.xlsx: .* in G2, found a formula that was"
    ):
        shop.copy()
    book["Stock"]["G2"] = "#N/A"
    book.save(folder / "stock.xlsx")
    with pytest.raises(Refused, match=r"expected a value in G2, found #N/A"):
        shop.copy()
    book.create_sheet("Notes")
    book["Stock"]["G2"] = 1
    book.save(folder / "stock.xlsx")
    with pytest.raises(Refused, match="expected `sheet`: one of Stock, Notes"):
        shop.copy()
    declare(shop, f"file://{folder}", XLSX | {"sheet": "Stock"})
    shop.copy()
    assert shop.rows("sum", "stock") == [("1",), (None,)]


def test_an_empty_file_and_a_folder_that_looks_like_a_partition(tmp_path: Path) -> None:
    inbox = tmp_path / "price=7 ü *"
    inbox.mkdir()
    (inbox / "parts_1.csv").write_text("Part No;text;price\n")
    shop = DeclaredProject(tmp_path / "text=8")
    declare(shop, f"file://{inbox}", CSV)
    shop.copy()
    assert shop.check()["rows"] == {"parts": 0}
    (inbox / "parts_1 %20 ä.csv").write_text("Part No;text;price\nA;b;1.0\n")
    shop.copy()
    assert shop.rows('"Part No", text, price') == [("A", "b", "1.0")]


def test_a_count_beside_the_files_and_a_file_that_grows(
    tmp_path: Path, folder: Path
) -> None:
    shop = DeclaredProject(tmp_path / "project")
    declare(shop, f"file://{folder}", CSV | {"complete": {"count": "parts.count"}})
    with pytest.raises(Temporary, match=r"parts.count"):
        shop.copy()
    (folder / "parts.count").write_text("4\n")
    shop.copy()
    assert shop.report["entities"]["parts"]["count_after"] == 4
    (folder / "parts.count").write_text("5\n")
    with pytest.raises(
        Refused, match="counts 5 records before and 5 after a list of 4"
    ):
        shop.copy()
    (folder / "parts.count").write_text("many")
    with pytest.raises(Refused, match=r"parts.count: expected a count .* found 'many'"):
        shop.copy()


# Three files are copied twice each, and have a page each; there are two lists.
COPIED = {
    "in-file@1": 0, "in-file@3": 2, "in-file@5": 4, "after-page@1": 4,
    "after-page@3": 6,
}  # fmt: skip
# The rest is in `make long`.
POINTS = (
    *COPIED,
    *("in-landing@1", "in-landing@2", "before-current", "after-current"),
)
SAMPLE = {"in-file@5", "in-landing@2"}


def kill(shop: DeclaredProject, point: str) -> None:
    """Run `extract` until it is killed at a point."""
    name, _, visit = point.partition("@")
    done = shop.extract(FEEDS_FAILPOINT=f"{name}=kill@{visit or 1}")
    assert done.returncode == -signal.SIGKILL, done.stderr


def landed(shop: DeclaredProject) -> list[list[Any]]:
    """The rows of both lists; the landing is one whole run, and nothing else."""
    (run,) = (shop.data / "landing").glob("2*/shop")
    assert {path.name for path in run.rglob("*")} == {
        "extract.json", "parts.parquet", "stock.parquet",
    }  # fmt: skip
    assert [*run.parent.parent.glob("current/.*")] == []
    assert shop.check()["unproven"] == []
    return [shop.rows('"Part No", text, price'), shop.rows("part, number", "stock")]


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(point, marks=[] if point in SAMPLE else [pytest.mark.long])
        for point in POINTS
    ],
)
def test_killed_anywhere_and_run_again_the_landing_is_whole(
    tmp_path: Path, folder: Path, point: str
) -> None:
    shop = DeclaredProject(tmp_path / "project")
    declare(shop, f"file://{folder}", CSV, XLSX)
    kill(shop, point)
    is_current = point == "after-current"
    assert (shop.data / "landing/current/shop").exists() == is_current
    result = shop.copy()
    # One that was at its end is not gone on with.
    assert result["resumed"] == (not point.endswith("-current"))
    if point in COPIED:  # no file is copied again, but the one that was not whole
        assert result["requests"] == 6 - COPIED[point]
    if is_current:
        current = (shop.data / "landing/current/shop").resolve().parent
        first, *more = {*(shop.data / "landing").glob("2*")} - {current}
        assert (more, (first / "shop/extract.json").exists()) == ([], True)
        shutil.rmtree(first)
    rows = landed(shop)
    unbroken = DeclaredProject(tmp_path / "unbroken")
    declare(unbroken, f"file://{folder}", CSV, XLSX)
    unbroken.copy()
    assert rows == landed(unbroken)


def test_a_file_that_changed_after_the_kill_is_read_anew(
    tmp_path: Path, folder: Path
) -> None:
    shop = DeclaredProject(tmp_path / "project")
    declare(shop, f"file://{folder}", CSV, XLSX)
    kill(shop, "in-landing@2")
    (folder / "parts_1.csv").write_text("Part No;text;price\n1;new;2\n")
    (folder / "parts_0.csv").write_text("Part No;text;price\n0;first;1\n")
    (folder / "parts_2.csv").unlink()
    assert shop.copy()["resumed"]
    assert landed(shop)[0] == [("0", "first", "1"), ("1", "new", "2")]


@pytest.mark.long
@pytest.mark.parametrize("point", ["in-file@2", "after-page@2", "before-current"])
def test_killed_over_sftp_and_run_again_the_landing_is_whole(
    tmp_path: Path, folder: Path, server: Start, point: str
) -> None:
    to = server("openssh")
    for file in folder.iterdir():
        to.lay(file.name, file.read_bytes())
    shop = DeclaredProject(tmp_path / "project", SHOP_PASSWORD=to.password)
    login = {
        "sftp_username": to.user, "sftp_password": {"env": "SHOP_PASSWORD"},
        "sftp_port": to.port, "known_hosts": str(to.known_hosts),
    }  # fmt: skip
    declare(shop, f"sftp://{to.host}{to.folder}", CSV, XLSX, credentials=login)
    kill(shop, point)
    shop.copy()
    parts, stock = landed(shop)
    assert (len(parts), len(stock)) == (4, 2)


def test_the_declaration_is_checked_by_field(tmp_path: Path) -> None:
    shop = DeclaredProject(tmp_path / "project")

    def message(**changes: Any) -> str:
        declare(shop, changes.pop("url", "file:///in"), CSV | changes)
        with pytest.raises(Misuse) as caught:
            shop.copy()
        return str(caught.value)

    words = message(columns={"Part No": {"data_type": "bigint"}})
    assert "columns.Part No.data_type: expected text, as a file has no other" in words
    words = message(primary_key="Part Nr")
    assert "primary_key: expected one of its columns; perhaps Part No" in words
    words = message(fileglob="*")
    assert "resources[0]: there is no field fileglob; perhaps file_glob" in words
    words = message(url="/in")
    assert "bucket_url: expected file:///FOLDER, or sftp://HOST/FOLDER" in words
    words = message(format="parquet")
    assert "resources[0].format: " in words
    words = message(columns={"_extract_x": {}})
    assert "expected the name of a field of the source" in words
    words = message(name="Parts")
    assert "name: expected a name of small letters, digits and _" in words
    words = message(complete={"count": "x", "second_reading": True})
    assert "complete: expected one of count, second_reading" in words
    words = message(url="sftp://files.example/in")
    assert "filesystem.credentials: expected sftp_username, known_hosts" in words
    shop.file.write_text("filesystem: [")
    with pytest.raises(Misuse, match="expected YAML, found something else"):
        shop.copy()
