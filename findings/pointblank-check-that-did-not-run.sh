#!/usr/bin/env bash
# Guess: with thresholds of one failing row, pointblank's `assert_below_threshold()` stops a pipeline
#   if a column that a check names is gone or is text, and passes an empty table, in which nothing fails.
# Fact: pointblank 1.1.1 marks such a step `eval_error`, without counts, and a step without counts is
#   over no threshold: `assert_below_threshold()` passes a table that lacks the column. `all_passed()`
#   is False for it, and also for an empty table, whose steps are errors too. `assert_passing()`
#   raises a TypeError that names neither the step nor the column.
# Source: pointblank's pages on Thresholds and on assert_below_threshold and assert_passing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check \
    pointblank==1.1.1 polars==1.44.2
cd "$folder"
env/bin/python -W ignore - <<'PY'
import sys
from importlib.metadata import version

import pointblank
import polars

print("pointblank", version("pointblank"), "polars", version("polars"))
TABLES = {
    "a price below zero": polars.DataFrame({"price": [-1]}),
    "no column price": polars.DataFrame({"cost": [1]}),
    "prices are text": polars.DataFrame({"price": ["1"]}),
    "no rows": polars.DataFrame({"price": polars.Series([], dtype=polars.Int64)}),
}


def outcome(call, **arguments):
    try:
        call(**arguments)
    except Exception as error:
        return type(error).__name__
    return "passes"


results = {}
for name, table in TABLES.items():
    thresholds = pointblank.Thresholds(warning=1, error=1, critical=1)
    done = pointblank.Validate(table, thresholds=thresholds)
    done = done.col_vals_gt("price", 0).interrogate()
    results[name] = (
        outcome(done.assert_below_threshold, level="warning"),
        done.all_passed(),
        outcome(done.assert_passing),
    )
    print(name, *results[name])
unseen = ("passes", False, "TypeError")
surprise = [*results.values()] == [("AssertionError", False, "AssertionError"), *[unseen] * 3]
sys.exit(None if surprise else "the behaviour has changed")
PY
