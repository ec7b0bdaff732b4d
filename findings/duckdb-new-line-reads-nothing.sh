#!/usr/bin/env bash
# Guess: a reader that knows the right line ending of a CSV file, and is set to be strict, reads
#   the file as before or complains.
# Fact: with new_line='\r\n' and strict_mode=true, DuckDB 1.5.6 and 2.0.1 read no row of a file
#   whose every line ends in CR LF: an empty table with the right columns, no error. Without
#   new_line, or without strict_mode, all rows are read. Leave new_line out: the sniffer finds it.
# Source: DuckDB's documentation, "CSV Import", the parameters new_line and strict_mode; pull
#   request 15959 (strict mode and mixed line endings).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
printf 'id,name\r\n1,bolt\r\n2,nut\r\n' > parts.csv
for version in 1.5.6 2.0.1; do
    python3 -m venv "env-$version"
    "env-$version/bin/pip" install -q --disable-pip-version-check "duckdb==$version"
    "env-$version/bin/python" - <<'PY'
import sys

import duckdb

print("duckdb", duckdb.__version__)


def rows(options):
    options = f", {options}" if options else ""
    relation = duckdb.sql(f"from read_csv('parts.csv', header=true{options})")
    print(f"  {options or ', (no option)':42} {relation.columns} {relation.fetchall()}")
    return relation.fetchall()


parts = [(1, "bolt"), (2, "nut")]
surprise = (
    rows("") == parts
    and rows("strict_mode=true") == parts
    and rows("new_line='\\r\\n', strict_mode=false") == parts
    and rows("new_line='\\r\\n', strict_mode=true") == []
)
sys.exit(None if surprise else "the behaviour has changed")
PY
done
