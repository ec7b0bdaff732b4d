#!/usr/bin/env bash
# Guess: a Parquet column of the logical type JSON is text (UTF-8 by definition), so polars gives a
#   String, as it does for the logical type STRING.
# Fact: polars 2.1.0 gives Binary. The functions of .str raise an error and write_csv refuses the
#   column. DuckDB writes every JSON column with this logical type.
# Source: Apache Parquet, LogicalTypes.md, JSON (a UTF-8 encoded string).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check polars==2.1.0 duckdb==2.0.1
cd "$folder"
env/bin/python - <<'PY'
import sys

import duckdb
import polars

print("polars", polars.__version__, "duckdb", duckdb.__version__)
duckdb.sql(
    "copy (select 'A' as name, '{\"size\": 7}'::json as details) to 'parts.parquet'"
    " (format parquet)"
)
print(duckdb.sql("select name, type, logical_type from parquet_schema('parts.parquet')"))
parts = polars.read_parquet("parts.parquet")
print(parts)


def attempt(action):
    try:
        return str(action())
    except polars.exceptions.PolarsError as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"


decoded = attempt(lambda: parts.select(polars.col("details").str.json_path_match("$.size")))
csv = attempt(parts.write_csv)
print(decoded, csv, sep="\n")
surprise = parts.schema == {"name": polars.String, "details": polars.Binary} and all(
    "Error" in result for result in (decoded, csv)
)
sys.exit(None if surprise else "the behaviour has changed")
PY
