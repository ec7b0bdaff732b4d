#!/usr/bin/env bash
# Guess: read_json with a column declared VARCHAR (or JSON) keeps a number as the file writes it,
#   so the digits of a price can be kept by declaring text and casting to DECIMAL afterwards.
# Fact: DuckDB 1.5.6 and 2.0.1 turn the number into a double first: 12.30 becomes the text 12.3,
#   and 123456789012345678.91 becomes 1.2345678901234568e+17. Integers keep their digits, so a test
#   with ids shows nothing. In 1.5.6 a column declared DECIMAL(38,2) is wrong too
#   (123456789012345671.68); 2.0.1 reads that one right. read_json_objects keeps the record's text.
# Source: DuckDB's issue 24989 and pull request 25006, which fix DECIMAL alone;
#   DuckDB's documentation, "Loading JSON".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf '{"id": 9007199254740993, "price": 12.30, "sum": 123456789012345678.91}\n' > prices.json
for version in 1.5.6 2.0.1; do
    python3 -m venv "env-$version"
    "env-$version/bin/pip" install -q --disable-pip-version-check "duckdb==$version"
    "env-$version/bin/python" - <<'PY'
import sys
from decimal import Decimal

import duckdb

print("duckdb", duckdb.__version__)


def row(price_type):
    declared = f"{{id: 'VARCHAR', price: '{price_type}', sum: '{price_type}'}}"
    values = duckdb.sql(f"from read_json('prices.json', columns={declared})").fetchall()[0]
    print(f"  declared {price_type:14} {values}")
    return values


text = row("VARCHAR")
json_text = row("JSON")
decimal = row("DECIMAL(38,2)")
whole = duckdb.sql("select json::varchar from read_json_objects('prices.json')").fetchall()[0][0]
print(f"  read_json_objects       {whole}")
old = duckdb.__version__ == "1.5.6"
surprise = (
    text == ("9007199254740993", "12.3", "1.2345678901234568e+17")
    and json_text[1:] == ("12.3", "123456789012345680.0")
    and decimal[2] == Decimal("123456789012345671.68" if old else "123456789012345678.91")
    and "123456789012345678.91" in whole
)
sys.exit(None if surprise else "the behaviour has changed")
PY
done
