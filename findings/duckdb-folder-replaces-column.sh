#!/usr/bin/env bash
# Guess: read_csv with auto_detect=false and declared columns gives those columns, with the declared
#   types and the values of the file. Nothing is left to guess.
# Fact: DuckDB 2.0.1 still guesses a Hive partition from the path. In a folder named "id=7" the
#   declared INTEGER column id is a BIGINT, and every row has 7 in it; what the file says is lost.
#   In a folder "batch=7" a column is added. hive_partitioning=false turns it off.
# Source: DuckDB's page "CSV Import", auto_detect and columns; its pull request 5901 (a column of the
#   path replaces that of the file).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check duckdb==2.0.1
cd "$folder"
env/bin/python - <<'PY'
import os
import sys

import duckdb

print("duckdb", duckdb.__version__)


def read(name, options=""):
    os.makedirs(name, exist_ok=True)
    with open(f"{name}/parts.csv", "w") as file:
        file.write("id,size\n1,S\n2,M\n")
    relation = duckdb.sql(
        f"from read_csv('{name}/parts.csv', auto_detect=false, header=true, delim=',',"
        f" columns={{id: 'INTEGER', size: 'VARCHAR'}}{options})"
    )
    types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    rows = relation.fetchall()
    print(name, types, rows)
    return types, rows


declared = {"id": "INTEGER", "size": "VARCHAR"}
surprise = (
    read("plain") == (declared, [(1, "S"), (2, "M")])
    and read("id=7") == (declared | {"id": "BIGINT"}, [(7, "S"), (7, "M")])
    and list(read("batch=7")[0]) == ["id", "size", "batch"]
    and read("id=7", ", hive_partitioning=false") == (declared, [(1, "S"), (2, "M")])
)
sys.exit(None if surprise else "the behaviour has changed")
PY
