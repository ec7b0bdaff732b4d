"""Records are found by the value of a column, whatever the other values contain."""

import csv
import random
from pathlib import Path

import duckdb
import pytest
from msgspec import structs

from monitor.why.csv_search import find
from store.dialect import RFC_4180, Dialect

HOSTILE = [
    '"', '""', "\n", "\r\n", ",", '",', ',"', '"\n', "a\n1,A,B\n2,C,D", "é\u2028",
    'x\n7,"MAIN","S-1",REVIEW', "\\", '\\"', "", "'", ";", "\t",
]  # fmt: skip
ESCAPED = structs.replace(RFC_4180, escape="\\")


def write(path: Path, seed: int, size: int, dialect: Dialect) -> None:
    """Write a file as `publish` does: by DuckDB, sorted, nulls first."""
    drawn = random.Random(seed)
    with duckdb.connect() as connection:
        connection.execute(
            "create table t (item_id bigint, place varchar, sku varchar, note varchar)"
        )
        values = [
            [
                number,
                drawn.choice([None, "MAIN", "EAST", "a b", "é"]),
                drawn.choice([None, f"{drawn.randrange(size):05d}", "Q" * 9]),
                "".join(drawn.choices(HOSTILE, k=drawn.randrange(6)))
                + "x" * drawn.randrange(40),
            ]
            for number in range(size)
        ]
        # One statement: a statement a row takes a hundred times as long.
        marks = ", ".join(["(?, ?, ?, ?)"] * size)
        connection.execute(
            f"insert into t values {marks}", [v for row in values for v in row]
        )
        options = "header, delimiter ',', quote '\"', escape '\"'"
        if dialect.escape == "\\":
            options = "header, delimiter ',', quote '\"', escape '\\', force_quote *"
        connection.execute(
            "copy (select * from t order by place nulls first, sku nulls first,"
            f" item_id) to '{path}' ({options})"
        )


@pytest.mark.parametrize("dialect", [RFC_4180, ESCAPED], ids=["doubled", "escaped"])
@pytest.mark.parametrize("seed", range(3))
def test_every_record_is_found_and_no_other(tmp_path, seed, dialect):
    path = tmp_path / "audit.csv"
    write(path, seed, 5000, dialect)
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle, **dialect.for_csv))
    for column in ("item_id", "sku", "note"):
        expected: dict[str, list[dict]] = {}
        for row in rows:
            expected.setdefault(row[column], []).append(row)
        for value, same in random.Random(seed).sample(sorted(expected.items()), 100):
            records = find(path, dialect, column, value)
            assert [record.values for record in records] == same
        assert find(path, dialect, column, "no such") == []


def test_the_lines_of_a_record_are_counted_from_1(tmp_path):
    path = tmp_path / "orders.csv"
    rows = "".join(f'"{n}","{"y" * (n % 90)}\n"\r\n' for n in range(1, 9000, 2))
    path.write_text('"order_id","note"\n' + rows, newline="")
    for number in (1, 7, 99, 4321, 8999):
        (record,) = find(path, RFC_4180, "order_id", str(number))
        assert (record.first_line, record.last_line) == (number + 1, number + 2)
    for number in ("4322", "0", "90", "10000000", ""):
        assert find(path, RFC_4180, "order_id", number) == []


def test_the_last_record_needs_no_line_feed(tmp_path):
    path = tmp_path / "audit.csv"
    path.write_text("item_id,note\n1,a\n2,b")
    (record,) = find(path, RFC_4180, "item_id", "2")
    assert (record.values["note"], record.first_line, record.last_line) == ("b", 3, 3)
    (record,) = find(path, RFC_4180, "note", "b")
    assert record.values["item_id"] == "2"
    path.write_text("item_id,note\n")
    assert find(path, RFC_4180, "item_id", "1") == []
    path.write_text("")
    assert find(path, RFC_4180, "item_id", "1") == []
    assert find(tmp_path / "missing.csv", RFC_4180, "item_id", "1") == []


def test_a_text_that_looks_like_records_is_not_one(tmp_path):
    """A thousand lines within one value have the shape of records."""
    path = tmp_path / "audit.csv"
    fake = "".join(f"\n{n},MAIN,S-{n:06d},fake" for n in range(1000))
    rows = [f'{n},MAIN,S-{n:06d},"true, ""so"""\n' for n in range(3000)]
    rows[1500] = f'1500,MAIN,S-001500,"{fake}"\n'
    path.write_text("item_id,place,sku,note\n" + "".join(rows))
    for number in (3, 1400, 1499, 1500, 1501, 2999):
        for column, value in (("item_id", f"{number}"), ("sku", f"S-{number:06d}")):
            (record,) = find(path, RFC_4180, column, value)
            assert record.values["item_id"] == str(number)
            assert record.values["note"] != "fake"


def test_a_piece_does_not_end_within_an_escaped_quote(tmp_path):
    """Quotes are counted piece by piece; a pair must not be cut in two."""
    path = tmp_path / "orders.csv"
    for shift in range(4):
        text = "a" * ((1 << 20) - 40 + shift) + '\\\\\\"' * 20
        path.write_text(f'"order_id","note"\n"1","{text}"\n"2","b"\n')
        (record,) = find(path, ESCAPED, "order_id", "2")
        assert (record.values["note"], record.first_line) == ("b", 3)
