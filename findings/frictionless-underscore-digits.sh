#!/usr/bin/env bash
# Guess: a validator refuses the text 2026_01 in a column of the type integer or number. Table Schema
#   allows a character between digits only where groupChar declares it.
# Fact: frictionless 5.21.0 gives the text to Python's int and Decimal, which follow the notation of
#   Python's source code. 2026_01 is valid and is read as 202601, and 1_0.5 as 10.5. DuckDB 2.0.1
#   and pyarrow 26.0.1 read the same columns as text.
# Source: Data Package 2.0, Table Schema, integer and groupChar; frictionless/fields/integer.py and
#   number.py.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check \
    frictionless==5.21.0 duckdb==2.0.1 pyarrow==26.0.1
cd "$folder"
env/bin/python - <<'PY'
import sys

import duckdb
import frictionless
import pyarrow
import pyarrow.csv

print("frictionless", frictionless.__version__)
with open("batches.csv", "w") as file:
    file.write("batch,weight\n2026_01,1_0.5\n")
fields = [{"name": "batch", "type": "integer"}, {"name": "weight", "type": "number"}]
schema = frictionless.Schema.from_descriptor({"fields": fields})
resource = frictionless.Resource(path="batches.csv", schema=schema)
valid = resource.validate().valid
rows = [row.to_dict() for row in resource.read_rows()]
print("valid:", valid, rows)
others = [
    list(map(str, duckdb.sql("from 'batches.csv'").types)),
    list(map(str, pyarrow.csv.read_csv("batches.csv").schema.types)),
]
print("duckdb", duckdb.__version__, others[0])
print("pyarrow", pyarrow.__version__, others[1])
surprise = (
    valid
    and [(row["batch"], str(row["weight"])) for row in rows] == [(202601, "10.5")]
    and others == [["VARCHAR", "VARCHAR"], ["string", "string"]]
)
sys.exit(None if surprise else "the behaviour has changed")
PY
