#!/usr/bin/env bash
# Guess: sqlglot translates date_diff of DuckDB into a SQLite expression with the same value, as both
#   are known to it: the days between 23:00 and 01:00 of the next day are 1.
# Fact: sqlglot 30.30.0 writes a difference of Julian days, divided by 30 for months and by 365 for
#   years, and cuts the fraction off. The day is 0; from 31 January to 1 February is 0 months (DuckDB
#   counts the boundary: 1); from 1 January 2000 to 1 January 2120 is 120 years in both, but 1460
#   months instead of 1440. No warning, also not with unsupported_level=RAISE.
# Source: DuckDB's page "Date Part Functions", date_diff (the number of boundaries between the dates);
#   sqlglot/generators/sqlite.py, the function for DateDiff.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check sqlglot==30.30.0 duckdb==2.0.1
cd "$folder"
env/bin/python - <<'PY'
import sqlite3
import sys

import duckdb
import sqlglot

print("sqlglot", sqlglot.__version__, "duckdb", duckdb.__version__)
print("sqlite", sqlite3.sqlite_version)
QUERIES = [
    "date_diff('day', timestamp '2026-01-01 23:00:00', timestamp '2026-01-02 01:00:00')",
    "date_diff('month', date '2026-01-31', date '2026-02-01')",
    "date_diff('month', date '2000-01-01', date '2120-01-01')",
]
connection = sqlite3.connect(":memory:")
results = []
for query in QUERIES:
    (translated,) = sqlglot.transpile(
        f"select {query}",
        read="duckdb",
        write="sqlite",
        unsupported_level=sqlglot.ErrorLevel.RAISE,
    )
    by_duckdb = duckdb.sql(f"select {query}").fetchall()[0][0]
    by_sqlite = connection.execute(translated).fetchone()[0]
    print(f"{query}\n  {translated}\n  DuckDB {by_duckdb}, SQLite {by_sqlite}")
    results.append((by_duckdb, by_sqlite))
surprise = results == [(1, 0), (1, 0), (1440, 1460)]
sys.exit(None if surprise else "the behaviour has changed")
PY
