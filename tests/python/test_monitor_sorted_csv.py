"""A row is found in a sorted file wherever it is, whatever stands in the values."""

import csv
import random
from pathlib import Path

import duckdb
import pytest

from monitor.why.sorted_csv import Dialect, SortedCsv, key_of, keys

HOSTILE = [
    '"', '""', "\n", "\r\n", ",", '",', ',"', '"\n', "a\n1,A,B\n2,C,D", "é\u2028",
    'x\n7,"MAIN","S-1",REVIEW', "\\", '\\"', "", "'", ";", "\t",
]  # fmt: skip
FULL = Dialect(escape="\\")


def write(path: Path, seed: int, size: int, dialect: Dialect) -> None:
    """A file as `publish` writes one: by DuckDB, sorted, nulls first."""
    drawn = random.Random(seed)
    with duckdb.connect() as made:
        made.execute(
            "create table t (item_id bigint, place varchar, sku varchar, said varchar)"
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
        made.execute(
            f"insert into t values {marks}", [v for row in values for v in row]
        )
        options = "header, delimiter ',', quote '\"', escape '\"'"
        if dialect.escape:
            options = "header, delimiter ',', quote '\"', escape '\\', force_quote *"
        made.execute(
            "copy (select * from t order by place nulls first, sku nulls first,"
            f" item_id) to '{path}' ({options})"
        )


@pytest.mark.parametrize("dialect", [Dialect(), FULL], ids=["doubled", "escaped"])
@pytest.mark.parametrize("seed", range(3))
def test_every_row_is_found_and_no_other(tmp_path, seed, dialect):
    path = tmp_path / "audit.csv"
    write(path, seed, 5000, dialect)
    assert path.stat().st_size > 1 << 17
    with path.open(encoding="utf-8", newline="") as handle:
        read = list(
            csv.DictReader(
                handle, escapechar=dialect.escape, doublequote=not dialect.escape
            )
        )
    wanted: dict[tuple, list[str]] = {}
    for row in read:
        key = (key_of("place", row["place"]), key_of("sku", row["sku"]))
        wanted.setdefault(key, []).append(row["item_id"])
    opened = SortedCsv(path, dialect, keys(("place", "sku")))
    for key, items in random.Random(seed).sample(sorted(wanted.items()), 300):
        found = opened.find(key)
        assert [each.values["item_id"] for each in found] == items
    assert opened.find((b"EAST", b"no such")) == []
    assert opened.find((b"", b"")) is not None
    opened.close()


def test_whole_numbers_are_found_in_their_order(tmp_path):
    path = tmp_path / "orders.csv"
    lines = "".join(f'"{n}","{"y" * (n % 90)}"\n' for n in range(1, 9000, 2))
    path.write_text('"order_id","said"\n' + lines)
    opened = SortedCsv(path, Dialect(), keys(("order_id",)))
    for number in (1, 7, 99, 4321, 8999):
        (found,) = opened.find((number,))
        assert opened.line(found.begin) == (number + 1) // 2 + 1
    assert opened.find((4322,)) == []
    assert opened.find((10**9,)) == []


def test_a_text_that_looks_like_rows_misleads_nobody(tmp_path):
    """A thousand lines within one value have the shape of rows, and an order."""
    path = tmp_path / "audit.csv"
    fake = "".join(f"\n7,MAIN,S-{n:06d},fake" for n in range(1000))
    rows = [f'{n},MAIN,S-{n:06d},"true, ""so"""\n' for n in range(3000)]
    rows[1500] = f'1500,MAIN,S-001500,"{fake}"\n'
    path.write_text("item_id,place,sku,said\n" + "".join(rows))
    opened = SortedCsv(path, Dialect(), keys(("place", "sku")))
    for number in (3, 1400, 1499, 1500, 1501, 2999):
        found = opened.find((b"MAIN", f"S-{number:06d}".encode()))
        assert [each.values["item_id"] for each in found] == [str(number)]
