#!/usr/bin/env bash
# Guess: a price of three digits in a column that is declared DECIMAL(8,2) is rounded in one way by
#   every reader, half up as in SQL: 12.505 is 12.51. Or it is an error.
# Fact: three readers give three results. polars 2.1.0 rounds half to even (12.505 is 12.50, 12.515
#   is 12.52), DuckDB 2.0.1 half away from zero (12.51, 12.52), pyarrow 26.0.1 raises ArrowInvalid.
#   Totals of the same file differ by cents, with no message from the first two.
# Source: polars' page "Decimal" and its read_csv (schema), which state no rounding; DuckDB's page
#   "Numeric Types"; PostgreSQL's page "Numeric Types" (numeric rounds ties away from zero).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check \
    polars==2.1.0 duckdb==2.0.1 pyarrow==26.0.1
cd "$folder"
env/bin/python - <<'PY'
import sys

import duckdb
import polars
import pyarrow
import pyarrow.csv

for library in (polars, duckdb, pyarrow):
    print(library.__name__, library.__version__)
with open("prices.csv", "w") as file:
    file.write("price\n12.505\n12.515\n-12.505\n")


def with_polars():
    frame = polars.read_csv("prices.csv", schema={"price": polars.Decimal(8, 2)})
    return frame["price"].to_list()


def with_duckdb():
    rows = duckdb.sql(
        "from read_csv('prices.csv', auto_detect=false, header=true,"
        " columns={price: 'DECIMAL(8,2)'})"
    ).fetchall()
    return [price for (price,) in rows]


def with_pyarrow():
    options = pyarrow.csv.ConvertOptions(column_types={"price": pyarrow.decimal128(8, 2)})
    table = pyarrow.csv.read_csv("prices.csv", convert_options=options)
    return table["price"].to_pylist()


results = []
for read in (with_polars, with_duckdb, with_pyarrow):
    try:
        result = [str(price) for price in read()]
    except pyarrow.ArrowInvalid:
        result = "ArrowInvalid"
    print(read.__name__, result)
    results.append(result)
surprise = results == [
    ["12.50", "12.52", "-12.50"],
    ["12.51", "12.52", "-12.51"],
    "ArrowInvalid",
]
sys.exit(None if surprise else "the behaviour has changed")
PY
