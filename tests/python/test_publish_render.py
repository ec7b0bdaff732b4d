"""The bytes of a file: pinned, and read alike by four readers."""

import csv
import datetime as dt
import io
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from sample_project import SampleProject, fill

from publish import render
from publish.gate import readback
from runtime import duck
from runtime.environment import Environment, Limits
from runtime.exits import Misuse, Temporary
from runtime.files import sha256_of
from store import feeds, mart
from store.dialect import RFC_4180, Dialect, read_csv
from store.feeds import Column, artifacts

COLUMNS = (
    Column("k", "integer", ""),
    Column("a", "varchar", ""),
    Column("b", "varchar", ""),
    Column("n", "decimal(18,2)", ""),
    Column("t", "timestamp", ""),
    Column("d", "date", ""),
)
ORDERS = Dialect(
    encoding="utf-8", delimiter=",", quote='"', quoting="all", escape="\\",
    null_text="null", newline="crlf", header=True, timestamp_format="%Y-%m-%d %H:%M",
    date_format="%Y-%m-%d",
)  # fmt: skip
ROWS = [
    (1, "plain", "", "412.5", "2026-01-15 06:00:00", "2026-01-15"),
    (2, None, "comma, here", "0", "2026-01-15 06:00:59.999", None),
    (3, "", 'a "quote"', "-0.05", None, "2024-02-29"),
    (4, "line\nfeed", "carriage\rreturn", "1e3", None, None),
    (5, "both\r\nof them", "ünï 漢字 😀", None, None, None),
    (6, " spaces ", "back\\slash", "0.1", None, None),
    (7, "#hash", '"', "999999.99", None, None),
    (8, "null", "NULL", "0.005", None, None),
    (9, "tab\there", "\\", "1", None, None),
    (10, "00123", "1.23E+11", "1", None, None),
]
PORTABLE = structs.replace(RFC_4180, quoting="portable")
GOLDEN = (
    b'"k","a","b","n","t","d"\n'
    b'1,plain,"",412.50,2026-01-15T06:00:00Z,2026-01-15\n'
    b'2,,"comma, here",0.00,2026-01-15T06:00:59Z,\n'
    b'3,"","a ""quote""",-0.05,,2024-02-29\n'
    b'4,"line\nfeed","carriage\rreturn",1000.00,,\n'
    b'5,"both\r\nof them",\xc3\xbcn\xc3\xaf \xe6\xbc\xa2\xe5\xad\x97 '
    b"\xf0\x9f\x98\x80,,,\n"
    b'6," spaces ",back\\slash,0.10,,\n'
    b'7,"#hash","""",999999.99,,\n'
    b"8,null,NULL,0.01,,\n"
    b"9,tab\there,\\,1.00,,\n"
    b"10,00123,1.23E+11,1.00,,\n"
)
GOLDEN_ORDERS = (
    b'"k","a","b","n","t","d"\r\n'
    b'"1","plain","","412.50","2026-01-15 06:00","2026-01-15"\r\n'
    b'"2","null","comma, here","0.00","2026-01-15 06:00","null"\r\n'
    b'"3","","a \\"quote\\"","-0.05","null","2024-02-29"\r\n'
    b'"4","line\nfeed","carriage\rreturn","1000.00","null","null"\r\n'
    b'"5","both\r\nof them","\xc3\xbcn\xc3\xaf \xe6\xbc\xa2\xe5\xad\x97 '
    b'\xf0\x9f\x98\x80","null","null","null"\r\n'
    b'"6"," spaces ","back\\\\slash","0.10","null","null"\r\n'
    b'"7","#hash","\\"","999999.99","null","null"\r\n'
    b'"8","null","NULL","0.01","null","null"\r\n'
    b'"9","tab\there","\\\\","1.00","null","null"\r\n'
    b'"10","00123","1.23E+11","1.00","null","null"\r\n'
)


@pytest.fixture
def connection() -> Any:
    with duckdb.connect() as connection:
        spec = {column.name: column.type for column in COLUMNS}
        rows = [dict(zip(spec, row, strict=True)) for row in reversed(ROWS)]
        fill(connection, "mart", spec, rows)
        yield connection


def written(
    connection: duckdb.DuckDBPyConnection, path: Path, dialect: Dialect
) -> bytes:
    assert render.table(connection, "mart", COLUMNS, ("k",), dialect, path) == len(ROWS)
    return path.read_bytes()


def test_the_house_dialect_to_the_byte(connection: Any, tmp_path: Path) -> None:
    assert written(connection, tmp_path / "f.csv", PORTABLE) == GOLDEN


def test_the_order_dialect_to_the_byte(connection: Any, tmp_path: Path) -> None:
    assert written(connection, tmp_path / "f.csv", ORDERS) == GOLDEN_ORDERS


def test_the_order_is_total_with_missing_values_first(
    connection: Any, tmp_path: Path
) -> None:
    path = tmp_path / "f.csv"
    render.table(connection, "mart", COLUMNS, ("t", "a", "k"), PORTABLE, path)
    lines = list(csv.reader(io.StringIO(path.read_text(), newline="")))[1:]
    assert [line[0] for line in lines] == [
        "3",
        "6",
        "7",
        "10",
        "5",
        "4",
        "8",
        "9",
        "1",
        "2",
    ]


def test_without_a_header_the_first_line_is_a_row(
    connection: Any, tmp_path: Path
) -> None:
    bare = structs.replace(PORTABLE, header=False, delimiter=";")
    content = written(connection, tmp_path / "f.csv", bare)
    assert content.startswith(b'1;plain;"";412.50;')


def test_quotes_and_a_null_text_of_another_choice(
    connection: Any, tmp_path: Path
) -> None:
    other = structs.replace(PORTABLE, quote="'", escape="'", null_text="NULL")
    lines = written(connection, tmp_path / "f.csv", other).split(b"\n")
    assert lines[0] == b"'k','a','b','n','t','d'"
    assert lines[2] == b"2,NULL,'comma, here',0.00,2026-01-15T06:00:59Z,NULL"
    assert lines[-4] == b"8,null,'NULL',0.01,NULL,NULL"
    read = read_csv(tmp_path / "f.csv", [c.name for c in COLUMNS], other)
    texts = connection.sql(f"select a, b from {read} order by k::int").fetchall()
    assert texts == [(a, b) for _, a, b, *_ in ROWS]


def as_text() -> list[list[str | None]]:
    """The rows as their text, a missing value as None."""
    lines = list(csv.reader(io.StringIO(GOLDEN.decode(), newline="")))[1:]
    for line, row in zip(lines, ROWS, strict=True):
        line[:] = [None if v is None else x for x, v in zip(line, row, strict=True)]
    return lines


def test_python_reads_every_field(connection: Any, tmp_path: Path) -> None:
    content = written(connection, tmp_path / "f.csv", PORTABLE).decode()
    lines = list(csv.reader(io.StringIO(content, newline=""), strict=True))[1:]
    assert lines == [[x or "" for x in line] for line in as_text()]


def test_duckdb_tells_empty_from_missing(connection: Any, tmp_path: Path) -> None:
    written(connection, tmp_path / "f.csv", PORTABLE)
    rows = duckdb.execute(
        f"select * from read_csv('{tmp_path / 'f.csv'}', all_varchar = true, "
        "allow_quoted_nulls = false, auto_detect = false, delim = ',', quote = '\"', "
        "escape = '\"', header = true, columns = {k: 'varchar', a: 'varchar', "
        "b: 'varchar', n: 'varchar', t: 'varchar', d: 'varchar'})"
    ).fetchall()
    assert [list(row) for row in rows] == as_text()


def test_postgresql_rules_tell_empty_from_missing(
    connection: Any, tmp_path: Path
) -> None:
    """COPY ... CSV: an unquoted empty field is NULL, a quoted one is empty text."""
    content = written(connection, tmp_path / "f.csv", PORTABLE).decode()
    assert _copy_csv(content)[1:] == as_text()


def _copy_csv(content: str) -> list[list[str | None]]:
    """Read CSV as PostgreSQL's CopyReadAttributesCSV does, default options."""
    rows: list[list[str | None]] = []
    row: list[str | None] = []
    field, quoted, inside, place = "", False, False, 0
    while place < len(content):
        character = content[place]
        if inside and content.startswith('""', place):
            field += '"'
            place += 1
        elif character == '"':
            inside, quoted = not inside, True
        elif not inside and character in ",\n":
            row.append(field if field or quoted else None)
            field, quoted = "", False
            if character == "\n":
                rows.append(row)
                row = []
        else:
            field += character
        place += 1
    assert not inside
    assert not row
    return rows


def test_duckdb_without_options_sees_a_late_quote(tmp_path: Path) -> None:
    """Its sniffer looks at a sample only: the quotes of the header tell it enough."""
    path, columns = tmp_path / "f.csv", (COLUMNS[0], COLUMNS[1])
    with duckdb.connect() as connection:
        connection.execute(
            "create table mart as select i::integer as k, if(i < 25000, 'plain', "
            "'16\" wheel, ' || i) as a from range(25001) as r(i)"
        )
        render.table(connection, "mart", columns, ("k",), PORTABLE, path)
        last = connection.sql(f"select a from '{path}' where k = 25000").fetchall()
    assert last == [('16" wheel, 25000',)]


def test_pandas_reads_the_numbers(connection: Any, tmp_path: Path) -> None:
    written(connection, tmp_path / "f.csv", PORTABLE)
    frame = pd.read_csv(tmp_path / "f.csv", dtype=str, keep_default_na=False)
    assert list(frame["n"]) == [line[3] or "" for line in as_text()]
    assert list(frame["b"]) == [line[2] or "" for line in as_text()]


@pytest.mark.parametrize("dialect", [PORTABLE, ORDERS], ids=["RFC 4180", "orders"])
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_text_comes_back(dialect: Dialect, tmp_path: Path, data: Any) -> None:
    alphabet = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
    texts = st.lists(
        st.none() | st.text(alphabet | st.sampled_from(',"\\\r\n\t #'), max_size=12),
        max_size=8,
    )
    values = data.draw(texts)
    column = (Column("k", "integer", ""), Column("a", "varchar", ""))
    with duckdb.connect() as connection:
        rows = [{"k": number, "a": value} for number, value in enumerate(values)]
        fill(connection, "mart", {"k": "integer", "a": "varchar"}, rows)
        path = tmp_path / "f.csv"
        render.table(connection, "mart", column, ("k",), dialect, path)
        rows = connection.execute(
            f"select a from {read_csv(path, ['k', 'a'], dialect)} order by k::int"
        ).fetchall()
    # Under the order dialect the text null and a missing value are the same bytes.
    expected = [None if dialect is ORDERS and v == "null" else v for v in values]
    assert [row[0] for row in rows] == expected


def test_the_same_bytes_on_any_number_of_threads(tmp_path: Path) -> None:
    project = SampleProject(tmp_path).write()
    with duckdb.connect(str(project.data / "warehouse.duckdb")) as connection:
        connection.execute(
            "insert into inventory_feed select f.* replace (supplier_sku || '-' || i "
            "as supplier_sku) from inventory_feed f, range(10000) r(i)"
        )
    digests = set()
    for memory, threads in (("1GB", 1), ("1GB", 2), ("1GB", 4), ("512MB", 4)):
        limits = Limits(memory, threads)
        with mart.find(project.place).session(limits, tmp_path) as connection:
            columns = tuple(
                Column(name, type_, "") for name, type_ in project.columns.items()
            )
            path = tmp_path / "f.csv"
            rows = render.table(
                connection, "warehouse.main.inventory_feed", columns,
                tuple(project.meta["sort"]), PORTABLE, path,
            )  # fmt: skip
            assert rows == 400_040
            digests.add(sha256_of(path))
    assert len(digests) == 1
    with path.open(newline="") as handle:
        keys = [
            [row[c] for c in project.meta["sort"]] for row in csv.DictReader(handle)
        ]
    assert keys == sorted(keys)


def test_a_failed_render_leaves_nothing(connection: Any, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("old")
    bad = (*COLUMNS, Column("gone", "varchar", ""))
    with pytest.raises(duckdb.BinderException):
        render.table(connection, "mart", bad, ("k",), PORTABLE, tmp_path / "f.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["f.csv"]
    assert (tmp_path / "f.csv").read_text() == "old"


def test_types_come_back_from_the_order_dialect(tmp_path: Path) -> None:
    """Seconds are what the declared format drops, and nothing else."""
    project = SampleProject(tmp_path)
    project.meta["dialect"].update(
        quoting="all", null_text="null", escape="\\", newline="crlf",
        timestamp_format="%Y-%m-%d %H:%M",
    )  # fmt: skip
    project.rows[0]["updated_at"] = "2026-01-15 06:00:42"
    project.rows[1]["weight_lb"] = Decimal("0.10")
    project.write()
    (feed,) = feeds.read(artifacts.read(project.root, Environment({})))
    path = tmp_path / "f.csv"
    limits = Limits("1GB", 2)
    with mart.find(project.place).session(limits, tmp_path) as connection:
        render.feed_file(connection, feed, None, path)
        with duck.scratch(connection):
            assert readback.same_rows(connection, feed, None, path).passed
            assert readback.header(feed, path).passed
            row = connection.execute(
                "select updated_at, weight_lb, gtin from feed order by supplier_sku "
                "limit 1 offset 1"
            ).fetchone()
    assert row == (dt.datetime(2026, 1, 15, 6), Decimal("0.10"), None)


def test_a_warehouse_that_dbt_is_writing_is_for_later(tmp_path: Path) -> None:
    project = SampleProject(tmp_path).write()
    path = project.data / "warehouse.duckdb"
    script = (
        f"import duckdb, sys; c = duckdb.connect({str(path)!r}); "
        "sys.stdout.write('open\\n'); sys.stdout.flush(); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as writer:  # fmt: skip
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        with (
            pytest.raises(Temporary, match="written by another process"),
            mart.find(project.place).session(Limits("1GB", 1), tmp_path),
        ):
            pass
        writer.communicate("")
    path.unlink()
    with pytest.raises(Misuse, match="expected a warehouse"):  # noqa: SIM117
        with mart.find(project.place).session(Limits("1GB", 1), tmp_path):
            pass
