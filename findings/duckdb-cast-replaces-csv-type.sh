#!/usr/bin/env bash
# Guess: read_csv with price declared DECIMAL(8,2) gives decimals with two digits, and a cast of
#   such a price to VARCHAR gives the text of the decimal. 12.505 is read as 12.51, so its text is
#   12.51.
# Fact: DuckDB 2.0.1 gives the cast to the reader, where it takes the place of the declared type.
#   The text is that of the file: 12.505, 1e3, and even "n/a", which is no decimal at all and is an
#   error as soon as the same query also uses the price itself. DuckDB 1.5.6 casts the decimal.
# Source: DuckDB's pull requests 22788 and 24167 (casts pushed into the CSV reader);
#   PushdownProjectionExpression in src/function/table/read_csv.cpp.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf 'id,price\n1,12.505\n2,1e3\n' > prices.csv
printf 'id,price\n1,n/a\n' > bad.csv
cat > read.py <<'PY'
import json

import duckdb


def ask(columns, file):
    try:
        rows = duckdb.sql(
            f"select {columns} from read_csv('{file}', header=true, auto_detect=false,"
            " delim=',', columns={id: 'INTEGER', price: 'DECIMAL(8,2)'})"
        ).fetchall()
    except duckdb.Error as error:
        return type(error).__name__
    return [" ".join(map(str, row)) for row in rows]


print(
    json.dumps(
        {
            "version": duckdb.__version__,
            "text": ask("price::varchar", "prices.csv"),
            "decimal and text": ask("price, price::varchar", "prices.csv"),
            "text of n/a": ask("price::varchar", "bad.csv"),
            "decimal and text of n/a": ask("price, price::varchar", "bad.csv"),
        }
    )
)
PY
for version in 1.5.6 2.0.1; do
    python3 -m venv "env-$version"
    "env-$version/bin/pip" install -q --disable-pip-version-check "duckdb==$version"
    "env-$version/bin/python" read.py | tee "$version.json"
done
python3 - <<'PY'
import json
import sys

with open("1.5.6.json") as old, open("2.0.1.json") as new:
    old, new = json.load(old), json.load(new)
surprise = (
    old["text"] == ["12.51", "1000.00"]
    and new["text"] == ["12.505", "1e3"]
    and new["decimal and text"] == ["12.51 12.51", "1000.00 1000.00"]
    and old["text of n/a"] == "ConversionException"
    and new["text of n/a"] == ["n/a"]
    and new["decimal and text of n/a"] == "ConversionException"
)
sys.exit(None if surprise else "the behaviour has changed")
PY
