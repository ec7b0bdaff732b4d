#!/usr/bin/env bash
# Guess: MERGE fails when two rows of the source match one row of the target, and changes nothing.
#   The standard has a code for it (21000, cardinality violation); PostgreSQL, Oracle, SQL Server
#   and Spark raise an error.
# Fact: DuckDB 2.0.1 applies one of the two rows and reports no error. The order of the source
#   decides which: with the rows turned round the other value stays.
# Source: ISO/IEC 9075-2, merge statement; PostgreSQL's page "MERGE"; DuckDB's page "MERGE INTO
#   Statement" does not mention the case, and its pull request 24058 adds the error for later.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check duckdb==2.0.1
"$folder/env/bin/python" - <<'PY'
import sys

import duckdb

print("duckdb", duckdb.__version__)


def merge(source):
    connection = duckdb.connect()
    connection.execute("create table stock as select 'A' as part, 0 as pieces")
    try:
        connection.execute(
            f"merge into stock using (values {source}) as news(part, pieces)"
            " on stock.part = news.part"
            " when matched then update set pieces = news.pieces"
        )
    except duckdb.Error as error:
        return str(error)
    return connection.execute("from stock").fetchall()


results = [merge("('A', 10), ('A', 20)"), merge("('A', 20), ('A', 10)")]
print(results)
surprise = results == [[("A", 10)], [("A", 20)]]
sys.exit(None if surprise else "the behaviour has changed")
PY
