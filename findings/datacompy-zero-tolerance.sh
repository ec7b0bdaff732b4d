#!/usr/bin/env bash
# Guess: datacompy compares two tables exactly unless it is given a tolerance: abs_tol and rel_tol are
#   0 by default, so order ids or amounts that differ by one do not match.
# Fact: datacompy 1.1.0 compares whole numbers and decimals as doubles. Two BIGINT columns with
#   9007199254740993 and 9007199254740992, or two decimals of 19 digits that differ by a cent, match:
#   `matches()` is true and the report counts no unequal value. With pandas and with polars alike.
# Source: datacompy's documentation of Compare (abs_tol and rel_tol, default 0) and its
#   comparator/numeric.py, which casts both sides to float before it compares.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check \
    datacompy==1.1.0 pandas==3.0.6 polars==1.44.2
cd "$folder"
env/bin/python -W ignore - <<'PY'
import sys
from decimal import Decimal
from importlib.metadata import version

import datacompy
import pandas
import polars

for name in ("datacompy", "pandas", "polars"):
    print(name, version(name))
PAIRS = {
    "whole numbers": (9007199254740993, 9007199254740992),
    "decimals": (Decimal("12345678901234567.01"), Decimal("12345678901234567.02")),
    "small numbers": (3, 4),
}
results = []
for kind, values in PAIRS.items():
    for library, compare in (
        (pandas, datacompy.PandasCompare),
        (polars, datacompy.PolarsCompare),
    ):
        sides = [library.DataFrame({"k": ["A"], "v": [each]}) for each in values]
        done = compare(*sides, join_columns="k", abs_tol=0, rel_tol=0)
        print(library.__name__, kind, *values, "match:", bool(done.matches()))
        results.append(bool(done.matches()))
surprise = results == [True, True, True, True, False, False]
sys.exit(None if surprise else "the behaviour has changed")
PY
