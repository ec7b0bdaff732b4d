#!/usr/bin/env bash
# Guess: dbt seed into DuckDB gives a column with the values 2026_01 and 2026_02 the type text, as
#   DuckDB's own reader does with the same file.
# Fact: dbt 1.11.16 with dbt-duckdb 1.11.1 makes it an INTEGER with the values 202601 and 202602. dbt
#   decides the type with agate, which reads numbers as Python's Decimal does. No warning.
# Source: dbt's page "column_types" (a seed's types are inferred); dbt-core's issue 4740;
#   agate/data_types/number.py, Number.cast.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check \
    dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==2.0.1
mkdir seeds
printf 'batch,pieces\n2026_01,7\n2026_02,9\n' > seeds/batches.csv
cat > dbt_project.yml <<'YML'
name: parts
profile: parts
flags:
  send_anonymous_usage_stats: false
YML
cat > profiles.yml <<'YML'
parts:
  target: local
  outputs:
    local: {type: duckdb, path: parts.duckdb}
YML
env/bin/pip freeze 2> /dev/null | grep -E "^dbt-(core|duckdb)="
env/bin/dbt --quiet seed --profiles-dir .
env/bin/python - <<'PY'
import sys

import duckdb

print("duckdb", duckdb.__version__)
with duckdb.connect("parts.duckdb") as connection:
    results = []
    for source in ("'seeds/batches.csv'", "batches"):
        relation = connection.sql(f"select batch from {source}")
        results.append((str(relation.types[0]), relation.fetchall()))
        print(source, *results[-1])
surprise = results == [
    ("VARCHAR", [("2026_01",), ("2026_02",)]),
    ("INTEGER", [(202601,), (202602,)]),
]
sys.exit(None if surprise else "the behaviour has changed")
PY
