#!/usr/bin/env bash
# Guess: a value that does not fit the type of its column goes to a variant column of dlt, as it is. A
#   text in a column of integers is kept as text, a decimal in a column of floats as a decimal.
# Fact: dlt 1.31.0 puts the text 2.0 into code__v_text, but reads the texts 0x1F and 1_0 as the
#   integers 31 and 10. A Decimal that follows an integer has a variant column; one that follows a
#   float is rounded: 12345678901234567.89 becomes 12345678901234568.0. No warning.
# Source: dlt's page "Schema", data types and variant columns; dlt/common/data_types/type_helpers.py,
#   coerce_value (Python's notation of integers).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check dlt==1.31.0 duckdb==2.0.1
export RUNTIME__DLTHUB_TELEMETRY=false RUNTIME__LOG_LEVEL=CRITICAL
export HOME=$folder
env/bin/python -W ignore - <<'PY'
import importlib.metadata
import sys
from decimal import Decimal

import dlt
import duckdb

for name in ("dlt", "duckdb"):
    print(name, importlib.metadata.version(name))


def load(name, values):
    pipeline = dlt.pipeline(
        name,
        pipelines_dir="pipelines",
        destination=dlt.destinations.duckdb(f"{name}.duckdb"),
        dataset_name="feed",
    )
    pipeline.run([{"code": value} for value in values], table_name="parts")
    with duckdb.connect(f"{name}.duckdb") as connection:
        relation = connection.sql("select columns('^code') from feed.parts")
        result = dict(zip(relation.columns, map(str, relation.types), strict=True))
        rows = relation.fetchall()
    print(values, "are loaded as", result, rows)
    return list(result.values()), rows


amount = Decimal("12345678901234567.89")
texts = load("texts", [7, "2.0", "0x1F", "1_0"])
integers = load("integers", [7, amount])
floats = load("floats", [1.5, amount])
surprise = (
    texts == (["BIGINT", "VARCHAR"], [(7, None), (None, "2.0"), (31, None), (10, None)])
    and integers == (["BIGINT", "DECIMAL(38,9)"], [(7, None), (None, amount)])
    and floats == (["DOUBLE"], [(1.5,), (12345678901234568.0,)])
)
sys.exit(None if surprise else "the behaviour has changed")
PY
