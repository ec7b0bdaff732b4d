#!/usr/bin/env bash
# Guess: COPY (format json) writes valid JSON. A NaN or an infinity, which JSON has no number for, is
#   written as null or is an error.
# Fact: DuckDB 2.0.1 writes the words NaN, Infinity and -Infinity. DuckDB reads the file back, so a
#   round trip shows nothing; polars 2.1.0, orjson 3.13.0 and JSON.parse of Node.js refuse it.
# Source: RFC 8259, section 6 ("Infinity and NaN are not permitted"); DuckDB's page "Writing JSON".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check \
    duckdb==2.0.1 orjson==3.13.0 polars==2.1.0
cd "$folder"
env/bin/python - <<'PY'
import sys

import duckdb
import orjson
import polars

for library in (duckdb, orjson, polars):
    print(library.__name__, library.__version__)
duckdb.sql(
    "copy (select 'nan'::double as ratio, '-inf'::double as low, 1.5 as price)"
    " to 'ratios.json' (format json)"
)
with open("ratios.json") as file:
    text = file.read()
print(text)
again = duckdb.sql("from 'ratios.json'").fetchall()
print("duckdb:", again)
errors = []
for read in (orjson.loads, lambda _: polars.read_ndjson("ratios.json")):
    try:
        print(read(text))
    except (orjson.JSONDecodeError, polars.exceptions.ComputeError) as error:
        errors.append(str(error))
        print("error:", error)
surprise = '"ratio":NaN,"low":-Infinity' in text and len(again) == 1 and len(errors) == 2
sys.exit(None if surprise else "the behaviour has changed")
PY
if command -v node > /dev/null; then
    node -e '
const text = require("fs").readFileSync(process.argv[1], "utf8");
try { console.log(JSON.parse(text)); } catch (error) { console.log("Node.js:", error.message); }
' "$folder/ratios.json"
fi
