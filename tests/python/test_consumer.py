"""The loader that institutions get, into real databases, killed and run twice."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from commands import ROOT
from order_consumer import Consumer, Row, in_order
from order_project import DAY, MONDAY, OrderProject, night, order

from publish import compression, workbook
from store.feeds.declaration import Compression, Workbook

LOADER = ROOT / "consumer/load_orders.py"
# Kills itself before a line of the loader runs; the place is counted.
KILLED = f"""
import os, runpy, signal, sys
left = int(sys.argv.pop(1))
def lines(frame, event, _):
    global left
    if frame.f_code.co_filename != {str(LOADER)!r}:
        return None
    if event == "line":
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return lines
sys.argv[0] = {str(LOADER)!r}
sys.settrace(lines)
try:
    runpy.run_path({str(LOADER)!r}, run_name="__main__")
finally:
    sys.settrace(None)
    sys.stderr.write(f"left {{left}}")
"""


class Database:
    """A place to load into, and a look at its rows."""

    def __init__(self, kind: str, folder: Path, python: str) -> None:
        self.kind, self.folder, self.python, self.number = kind, folder, python, 0
        self.new()

    def new(self) -> None:
        """Begin with an empty database."""
        self.number += 1
        if self.kind == "duckdb":
            self.place = str(self.folder / f"orders{self.number}.duckdb")
        else:
            self.psql(f"create database orders{self.number}", "postgres")
            self.place = (
                f"postgresql:///orders{self.number}?host={self.folder}&user=postgres"
            )

    def psql(self, query: str, database: str | None = None) -> str:
        done = subprocess.run(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.folder,
             "-U", "postgres", "-c", query, database or f"orders{self.number}"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout

    def query(self, query: str) -> list[Row]:
        if self.kind == "duckdb":
            with duckdb.connect(self.place) as connection:
                result = connection.execute(query)
                names = [each[0] for each in result.description or ()]
                return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
        text = self.psql(f"select json_agg(t) from ({query}) as t")
        rows: list[Row] = json.loads(text or "[]")
        return rows

    def rows(self) -> list[Row]:
        rows = self.query("select * from orders")
        ours = ("feed_term", "feed_file")
        return in_order(
            {name: value for name, value in row.items() if name not in ours}
            for row in rows
        )

    def load(self, folder: Path, *before: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, *(before or [str(LOADER)]), str(folder), self.place],
            check=False, capture_output=True, text=True,
        )  # fmt: skip


@pytest.fixture(params=["duckdb", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    if request.param == "duckdb":
        with tempfile.TemporaryDirectory(prefix="orders") as name:
            yield Database("duckdb", Path(name), sys.executable)
        return
    python = ROOT / ".venv/readers/bin/python"
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not python.exists() or not programs:
        if os.environ.get("FEEDS_REQUIRE_READERS") == "1":
            pytest.fail("PostgreSQL or .venv/readers is not there")
        pytest.skip("PostgreSQL or .venv/readers is not there")
    # A server refuses to run as root, and may not enter the folders of pytest.
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="orders") as name:
        folder = Path(name)
        if user:
            shutil.chown(folder, user)

        def run(program: str, *words: object) -> None:
            subprocess.run(
                [programs[-1] / program, *map(str, words)], check=True, user=user,
                extra_groups=[] if user else None, cwd=folder,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

        data = folder / "db"
        run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8")
        options = f"-c listen_addresses= -c unix_socket_directories={folder}"
        run("pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start")
        try:
            yield Database("postgresql", folder, str(python))
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


@pytest.fixture
def nights(order_project: OrderProject, tmp_path: Path) -> Path:
    """Files of two weeks: a section and an order vanish, one is canceled, one odd."""
    project, folder = order_project, tmp_path / "order-feed"
    odd = order(4, 'say "hi" \\', "two\nlines, \\", "NULL", "", sections="S1 S2")
    first = order(1, "A"), order(2, "B", sections="S1 S2"), order(3, "C"), odd
    night(project, MONDAY, *first)
    second = order(1, "A"), order(2, "B", sections="S2"), odd, order(5, "E")
    third = order(3, "C", canceled_at="2026-11-24T00:00:00Z")
    night(project, MONDAY + DAY, *second, third)
    night(project, MONDAY + 7 * DAY, *second[1:], third, order(6, "F"))
    shutil.copytree(project.partner, folder)
    assert len([*folder.iterdir()]) >= 4
    return folder


@pytest.fixture
def expected(nights: Path) -> list[Row]:
    consumer = Consumer()
    consumer.take(nights.glob("*.csv"))
    rows = consumer.rows("4218")
    consumer.close()
    return rows


def test_the_rows_are_those_of_the_newest_files(
    database: Database, nights: Path, expected: list[Row], order_project: OrderProject
) -> None:
    (nights / ".2026-11-23-4218-order-feed-full.csv.part").touch()
    files = sorted(path.name for path in nights.glob("2026*.csv"))
    done = database.load(nights)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == files
    assert [path.suffix for path in nights.iterdir()] == [".part"]
    assert database.rows() == expected
    current = {
        row["order_id"] for row in database.query("select * from current_orders")
    }  # fmt: skip
    assert current == {"2", "4", "5", "6"}
    receipts = {
        receipt["name"]: (receipt["rows"], receipt["characters"])
        for path in order_project.data.glob("outbox/*/*/receipt.json")
        for receipt in [json.loads(path.read_text())]
    }
    loaded = database.query("select file, rows, characters from loaded_files")
    assert {row["file"]: (row["rows"], row["characters"]) for row in loaded} == receipts


@pytest.mark.sample(1)
def test_killed_anywhere_and_run_again_the_rows_are_the_same(
    database: Database,
    nights: Path,
    expected: list[Row],
    order_project: OrderProject,
    tmp_path: Path,
) -> None:
    kill = tmp_path / "kill.py"
    kill.write_text(KILLED)
    pack(order_project, sorted(nights.iterdir())[0], ".zip")
    waiting = shutil.copytree(nights, tmp_path / "waiting")
    whole = database.load(waiting, str(kill), "1000000")
    assert whole.returncode == 0, whole.stderr
    steps = 1_000_000 - int(whole.stderr.rpartition(" ")[2])
    assert steps > 200
    half = 0
    for step in range(40, steps, max(1, steps // 5)):
        database.new()
        shutil.rmtree(waiting)
        shutil.copytree(nights, waiting)
        killed = database.load(waiting, str(kill), str(step))
        assert killed.returncode == -9, killed.stderr
        half += 0 < len([*waiting.iterdir()]) < len([*nights.iterdir()])
        done = database.load(waiting)
        assert done.returncode == 0, done.stderr
        assert not [*waiting.iterdir()]
        assert database.rows() == expected, step
    assert half


@pytest.mark.sample(1)
def test_a_file_is_loaded_whole_or_not_at_all(
    database: Database, nights: Path, expected: list[Row]
) -> None:
    *good, last = sorted(nights.iterdir())
    content = last.read_bytes()
    last.write_bytes(content + b'"9","torn')
    done = database.load(nights)
    assert done.returncode == 1
    assert last.name in done.stderr
    assert [*nights.iterdir()] == [last]
    assert {row["feed_file"] for row in database.query("select * from orders")} <= {
        path.name for path in good
    }
    last.write_bytes(content)
    assert database.load(nights).returncode == 0
    assert database.rows() == expected
    # The same bytes again are loaded already; an older file would bring old rows.
    last.write_bytes(content)
    again = database.load(nights)
    assert (again.returncode, [*nights.iterdir()]) == (0, [])
    assert "was loaded before" in again.stdout
    (nights / good[0].name).write_bytes(content)
    older = database.load(nights)
    assert (older.returncode, [*nights.iterdir()]) == (1, [nights / good[0].name])
    assert "older" in older.stderr
    assert database.rows() == expected


def pack(project: OrderProject, path: Path, suffix: str) -> Path:
    """Put the file that an exposure can declare in place of a delivered one."""
    packed = path.with_name(path.name.removesuffix(".csv") + suffix)
    if suffix.endswith(".xlsx"):
        workbook.write(project.feeds[0], Workbook("Orders"), path, packed)
    else:
        kind: Any = {".gz": "gzip", ".zip": "zip"}[packed.suffix]
        compression.compress(Compression(format=kind), path, packed)
    path.unlink()
    return packed


@pytest.mark.parametrize(
    "suffix",
    [
        pytest.param(".csv.gz", marks=pytest.mark.long),
        pytest.param(".zip", marks=pytest.mark.long),
        ".xlsx",
    ],
)
def test_what_is_packed_has_the_same_rows(
    database: Database,
    nights: Path,
    expected: list[Row],
    order_project: OrderProject,
    suffix: str,
) -> None:
    plain = {path.name: path.read_bytes() for path in nights.iterdir()}
    packed = {pack(order_project, nights / name, suffix): name for name in plain}
    sha256 = {
        path.name: hashlib.sha256(
            path.read_bytes() if suffix == ".xlsx" else plain[name]
        ).hexdigest()
        for path, name in packed.items()
    }
    damaged = max(packed)
    good = damaged.read_bytes()
    damaged.write_bytes(good[: len(good) // 2])
    done = database.load(nights)
    assert done.returncode == 1, done.stderr
    assert f"{damaged} cannot be unpacked" in done.stderr
    assert [*nights.iterdir()] == [damaged]
    damaged.write_bytes(good)
    (nights / f".{damaged.name}.unpacked").write_text("of a killed program")
    done = database.load(nights)
    assert (done.returncode, done.stderr) == (0, "")
    assert not [*nights.iterdir()]
    if suffix == ".xlsx":  # it has no empty text
        expected = [{k: v or None for k, v in row.items()} for row in expected]
    assert database.rows() == in_order(expected)
    loaded = database.query("select file, sha256 from loaded_files")
    assert {row["file"]: row["sha256"] for row in loaded} == sha256


def test_a_workbook_that_was_saved_is_refused(
    order_project: OrderProject, tmp_path: Path
) -> None:
    database = Database("duckdb", tmp_path, sys.executable)
    folder = tmp_path / "files"
    folder.mkdir()
    file = folder / "2026-11-23-A-order-feed-full.csv"
    file.write_text('"order_id","is_deleted"\n"1","false"\n')
    path = pack(order_project, file, ".csv.xlsx")
    book = openpyxl.load_workbook(path)
    book["Orders"]["A2"] = 1
    book.save(path)
    done = database.load(folder)
    assert (done.returncode, path.exists()) == (1, True)
    assert "is no text: load the file as it came" in done.stderr


def test_another_loader_is_waited_for(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "2026-11-23-A-order-feed-full.csv"
    file.write_text('"order_id","is_deleted"\n"1","false"\n')
    if database.kind == "duckdb":
        with duckdb.connect(database.place):
            done = database.load(tmp_path)
    else:
        held = "select pg_advisory_lock(232977389); select pg_sleep(60)"
        command = ["psql", "-X", "-h", database.folder, "-U", "postgres", "-c", held,
                   f"orders{database.number}"]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
            locks = "select count(*) from pg_locks where locktype = 'advisory'"
            while database.psql(locks).strip() != "1":
                pass
            done = database.load(tmp_path)
            other.kill()
    assert (done.returncode, file.exists()) == (75, True)
    assert "Error: " in done.stderr


def test_a_newer_layout_adds_columns_and_a_full_names_what_it_lacks(
    database: Database, tmp_path: Path
) -> None:
    head, folder = '"order_id","is_deleted"', tmp_path / "files"
    folder.mkdir()
    first = folder / "2026-11-23-A-B-order-feed-full.csv"
    first.write_text(f'{head},"x"\n"1","false","one"\n"2","true","null"\n')
    second = folder / "2026-11-30-A-B-order-feed-full.csv"
    # Two requests of an order may be equal: both have their row.
    second.write_text(f'"y",{head}\n' + '"new","1","false"\n' * 2)
    done = database.load(folder)
    assert done.returncode == 0, done.stderr
    assert "1 orders of the term are not in this full file" in done.stdout
    assert database.query("select order_id, x, y from orders order by 1") == [
        {"order_id": "1", "x": None, "y": "new"},
        {"order_id": "1", "x": None, "y": "new"},
        {"order_id": "2", "x": None, "y": None},
    ]
    assert database.query("select y from current_orders") == [{"y": "new"}] * 2
    # Compressed it is the same: its digest is that of the sender's receipt.
    content = f'{head},"x"\n"1","false","two\nlines"\n'.encode()
    packed = folder / "2026-11-30-C-order-feed-full.csv.gz"
    packed.write_bytes(gzip.compress(content)[:-9])
    done = database.load(folder)
    assert (done.returncode, packed.exists()) == (1, True)
    assert f"{packed} cannot be unpacked" in done.stderr
    packed.write_bytes(gzip.compress(content))
    done = database.load(folder)
    assert (done.returncode, packed.exists()) == (0, False), done.stderr
    assert database.query("select x from orders where order_id = '1'") == [
        {"x": "two\nlines"}
    ]
    assert database.query("select sha256 from loaded_files where rows = 1") == [
        {"sha256": hashlib.sha256(content).hexdigest()}
    ]
    bad = folder / "2026-12-01-A-B-order-feed-delta.csv"
    bad.write_text('"id"\n"1"\n')
    done = database.load(folder)
    assert (done.returncode, bad.exists()) == (1, True)
    assert "expected a header" in done.stderr
