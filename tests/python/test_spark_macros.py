"""Each macro on both engines, over the same values: the same results."""

import datetime as dt
import itertools
import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import spark
from landing import land_parts

ENGINES = Path(__file__).parent / "engines"
LETTERS = [
    *(None, "", " ", "  ", "\u00a0", "\u2003x\u3000", " a ", "a b  c", "\u00a01\u202f"),
    *("a\n", "A\n", "ABC\r\n", "A\u2028", "\u0085", "a\x0bb", "\x1ca", "a\u0000b"),
    *("straße", "STRASSE", "ﬁn", "ŉ", "İstanbul", "\u0131I", "ǅ", "ΑΣΣ ς", "\u212a"),
    *("é É", "ÉÉ"),
    *("ა", "ᾳ", "𐐨", "a\u200bb", "\ufeffa", "🙂", "e\u0301", "٣٤", "½", "x\u0301" * 9),
    *("O'Neil", "C:\\new", "back\\", '"q"', "''", "\\'", "\\n", "$1", "a$", "$", "\\1"),
    *(
        "a|b",
        "a|",
        "|",
        "||",
        "a,b;c",
        "%_",
        "[x",
        "{y",
        "a]",
        "=1+1",
        "-5",
        "@x",
        "+5",
    ),
    *(
        "null",
        "None",
        "NULL",
        "N/A",
        "n.a.",
        "TBD",
        "tba 12",
        "TBA0020",
        "x",
        "XX",
        "0",
    ),
    *("no warranty", "not", "No. 1", "unknown", "yes", "ask Bob", "dealer surplus"),
    *("1234567", "11111-11111", "00000", "9876543", "a" * 70, "word " * 20, "-" * 12),
]
NUMBERS = [
    *(
        "1",
        "1.",
        ".5",
        "+1",
        "-0",
        "1e3",
        "1E-7",
        "1e400",
        "1e-400",
        "1_000",
        "_1",
        "1_",
    ),
    *("12,50", "0x10", "NaN", "Infinity", " 1 ", "\t1", "1\n", "1 2", "1d", "1f", "1L"),
    *("--1", "1e", "e1", "1e+2", "1.5e2", "00012.50", "-1.005", "1.0000005", "2.5e-7"),
    *("999999999999.999999", "999999999999.9999994", "999999999999.9999995"),
    *("1000000000000", "0.0000005", "0.00000049", "-0.0000005", "12.344999999999999"),
    *("9223372036854775807", "9223372036854775808", "1" * 39, "036000291452", "1." * 2),
    *("0036000291452", "00036000291452", "000000000000", "036000291453", ".", "-", "+"),
]
TIMES = [
    *("2026-09-01T18:51:00Z", "2026-09-01T18:51:00+02:00", "2026-09-01T18:51:00+0200"),
    *("2026-09-01T18:51:00+02", "2026-09-01T18:51+02:00", "2026-09-01T18:51Z"),
    *("2026-09-01T18:51", "2026-09-01 18:51:00", "2026-09-01T18:51:00.123456789Z"),
    *(
        "2026-09-01T18:51:00.9999999Z",
        "2026-09-01T18:51:00.5-14:00",
        "0100-01-01T00:00Z",
    ),
    *("9899-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"),
    *("2026-02-30T00:00:00Z", "2026-13-01T00:00Z", "2026-09-01T24:00:00Z"),
    *("2026-09-01T23:60:00Z", "2026-09-01T23:59:60Z", "2026-09-01T18:51:00+15:00"),
    *("2026-09-01T18:51:00-00:00", "2026-09-01T18:51:00z", "2026-09-01", "2026-9-1"),
    *("2026-02-29", "2024-02-29", "0000-01-01", "2026-09-01\n", "20260901", "epoch"),
    *("2026-09-01T18:51:00Z\n", "1582-10-10T00:00:00Z", "1582-10-10", "2026-09-01T"),
]
NUMBERS_OF_PARTS = [
    *("018-b5032", "52119 0E901", "52119-0E901", "A, B", "A / B", "WAS 12H2178", "A*"),
    *("12H2178 OLD", "12H2178 x2", "1.23E+11", "44E5285", "1814.0", "#N/A", "_x000D_"),
    *("02-JAN", "2024-03-05", "12/2023", "00:00", "12345", "1K0 615 301 AB", "A → B"),
    *("TO1000123C", "TO 1000-123 capa", "ab1234cde", "'123", "...", "[]", "mar-2019"),
    *("11111-A22222-B", "11111-A\\22222-B", "11111-A\n22222-B", "A or B; C", "x:y<z>w"),
    *("536227e119", "123456|654321", "8O7 832 057 A", "—", "\u20131", "a…b"),
]
JSON = [
    *("[]", "{}", "[1]", "[null]", '["a"]', '["a", 1, true, null, {"b": 2}, ["c"]]'),
    *('{"a": {"b": "x"}, "n": 12}', '{"a": {"b": null}}', '{"a": {"b": 1.50}}'),
    *('{"n": 1e-7}', '{"n": 12.30}', '{"n": 12345678901234567890123}', '{"n": 1E400}'),
    *(
        '{"n": -0}',
        '{"n": 0.1000000000000000055511151231257827}',
        '{"a": {"b": [1, 2]}}',
    ),
    *('[{"a": "x", "n": 1}, {"a": null}]', '[{"a": 1.0, "n": 1.25}]', '[{"n": 1E5}]'),
    *(
        '[{"a": {"b": "c"}, "n": [1, 2.50]}]',
        '[1, {"a": "y"}, "z", null]',
        '[{"b": 1}]',
    ),
    *('[{"a": true, "n": false}]', '[{"a": "é\\u00e9\\n\\"q\\""}]', '[{"a": "1.50"}]'),
    *('[{"n": 123456789012345678901234567890}]', '[{"a": "x: 1.50, 2", "n": 2.50}]'),
    *(
        "[1,]",
        "[1,,2]",
        "[1 2]",
        "[1",
        "1]",
        '{"a": 1,}',
        "{a: 1}",
        "{'a': 1}",
        "['a']",
    ),
    *("[1] x", "[] []", "[NaN]", "[Infinity]", "[01]", "[+1]", '["a\nb"]', "[// c\n1]"),
    *('["Roe, A.", "Poe, B."]', '["Roe", "", " ", "false"]', '"text"', "12", "true"),
    *('{"a": 1, "a": 2}', '[{"a": 1, "a": 2}]', "[Draft] Chemistry [2nd]", "[[[]]]"),
    *(
        '"a \\u00e9 \\"q\\" \\\\n"',
        '""',
        '" x "',
        json.dumps([{"a": "x\\\n" * 3000, "n": 7.50}]),
    ),
    *(" [1]", '\t{"n": 3}', '[{"a": ["x", {"y": 1.10}]}]', '[{"a": -0.0, "n": 0.0}]'),
]
LEDGER = [
    '{"event": "held", "state": {"sha256": "0a"}}',
    '{"event": "held", "sta',
    *("", "12", "[1]", "null", '"text"', "held"),
    '{"event": "O\'Neil\\\\ \\u00e9 \\"q\\"", "state": null}',
    '{"event": null}',
    '{"state": {"sha256": "0b"}, "event": "ended"}',
]
TEXTS = [*LETTERS, *NUMBERS, *TIMES, *NUMBERS_OF_PARTS, *JSON]
AMOUNTS = [
    *(
        "0",
        "0.000001",
        "-0.000001",
        "0.004999",
        "0.005",
        "-0.005",
        "1.005",
        "10",
        "9999",
    ),
    *("12.345", "999999999999.999999", "-999999999999.999999", "99999.5", "2147483648"),
]
PIECES = [None, "1", "3", "8", "12", "144", "0.333333", "1000000"]
AT = [
    dt.datetime(2026, 1, 15, 6, 59, 59, 999999), dt.datetime(100, 1, 1, 0, 0, 30),
    dt.datetime(1582, 10, 10, 12, 30, 30, 500000),
    dt.datetime(9899, 12, 31, 23, 59, 59), None,
]  # fmt: skip


def strict(text: str | None) -> bool:
    """Whether `extract` would land this text as JSON."""

    def pairs(items: list[tuple[str, object]]) -> None:
        assert len({name for name, _ in items}) == len(items)

    def refuse(word: str) -> None:
        raise ValueError(word)

    try:
        json.loads(text or "", object_pairs_hook=pairs, parse_constant=refuse)
    except (ValueError, AssertionError):
        return False
    return True


def as_written(number: int, text: str) -> list[tuple[object, ...]]:
    """Return the fields of a list's records whose numbers are as the text has them.

    Returns:
        The number of the text, and the position, name and value of each field.
    """
    listed = json.loads(text, parse_int=str, parse_float=str)
    return [
        (number, position, name, value)
        for position, record in enumerate(listed)
        if isinstance(record, dict)
        for name, value in record.items()
        if name in ("a", "n") and isinstance(value, str)
    ]


def write_values(folder: Path) -> dict[str, str]:
    """Write the values as Parquet files; return the variables that name them."""
    # Planes above have ideographs, tags and private use alone.
    codes = (range(0xD800), range(0xE000, 0x20000), [0x2A6DF, 0xE0001, 0x10FFFF])
    letters = [chr(code) for code in itertools.chain(*codes)]
    amounts = [
        (Decimal(amount), Decimal(pieces) if pieces else None, place, at, later)
        for place, (amount, pieces, at, later) in enumerate(
            itertools.product(AMOUNTS, PIECES, AT[:2], AT[2:])
        )
    ]
    decimals, stamp = pa.decimal128(18, 6), pa.timestamp("us")
    tables = {
        "texts": pa.table({
            "number": pa.array(range(len(TEXTS)), pa.int64()),
            "given": pa.array(TEXTS, pa.string()),
            "is_valid": [strict(each) for each in TEXTS],
        }),
        "letters": pa.table({
            "number": pa.array(range(len(letters)), pa.int64()), "given": letters,
        }),
        "amounts": pa.table({
            "number": pa.array(range(len(amounts)), pa.int64()),
            "amount": pa.array([each[0] for each in amounts], decimals),
            "pieces": pa.array([each[1] for each in amounts], decimals),
            "whole": pa.array([each[2] for each in amounts], pa.int64()),
            "moment": pa.array([each[3] for each in amounts], stamp),
            "later": pa.array([each[4] for each in amounts], stamp),
        }),
    }  # fmt: skip
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet")
    return {name: str(folder / f"{name}.parquet") for name in tables}


@pytest.mark.timeout(900)
def test_every_macro_has_the_same_results_on_both_engines(
    project: Path, data: Path, tmp_path: Path, build: Callable[..., tuple[int, str]]
) -> None:
    spark.require()
    land_parts(data, [], [])
    (data / "ledger.jsonl").write_text("\n".join([*LEDGER, ""]))
    (project / "models/engines").mkdir()
    for path in ENGINES.iterdir():
        shutil.copy(path, project / "models/engines" / path.stem)
    variables = json.dumps(write_values(tmp_path))
    words = ("--select", "path:models/engines", "--vars", variables)
    code, output = build(*words, project=project)
    assert code == 0, output
    ran = spark.dbt(tmp_path, data, "build", *words, project=project)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    differences = []
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as opened:
        for model in sorted(path.name.split(".")[0] for path in ENGINES.iterdir()):
            (folder,) = (data / "spark").glob(f"*/{model}")
            opened.execute(
                f"create temp view spark_{model} as select * from '{folder}/*.parquet'"
            )
            columns = opened.sql(f"select * from {model} limit 0").columns
            of_spark = opened.sql(f"select * from spark_{model} limit 0").columns
            assert of_spark == columns, model
            several = model in ("records", "parts")
            key = ", ".join(columns[: 2 if several else 1])
            shown = "given" if "given" in columns else columns[0]
            for column in columns:
                differences += opened.execute(
                    f"select '{model}.{column}', d.{shown}, d.{column}, s.{column} "
                    f"from {model} as d full outer join spark_{model} as s "
                    f"using ({key}) where d.{column} is distinct from s.{column} "
                    "limit 40"
                ).fetchall()
        wrong = [
            (number, position, name, value, of_duckdb)
            for place, text in enumerate(TEXTS)
            if text and text[0] == "[" and strict(text)
            for number, position, name, value in as_written(place, text)
            for (of_duckdb,) in opened.execute(
                f"select {name} from records where order_id = {number} "
                f"and position = {position}"
            ).fetchall()
            if of_duckdb != value
        ]
    assert not differences, "\n".join(map(str, differences))
    assert not wrong
