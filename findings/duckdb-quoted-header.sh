#!/usr/bin/env bash
# Guess: whether the names in a CSV file's header are in quotes does not matter. A reader takes the quotes away, and a
#   valid file is read right either way.
# Fact: DuckDB 1.5.6 without options guesses the quote character from a sample. Of a file whose first quoted value is
#   behind the sample (row 25,001), and whose header has no quotes, it guesses that there is none: one file is an error,
#   and of another a value keeps its quotes, all of them, without a word. With the header in quotes both are right.
# Source: https://duckdb.org/docs/stable/data/csv/auto_detection (a sample of 20,480 rows); seen by running.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check duckdb==1.5.6
env/bin/python - <<'PY'
import csv
import sys

import duckdb

print("duckdb", duckdb.__version__)
VALUES = {"a comma": "wheel, 16", "a quote": 'wheel 16"'}
seen = {}
for what, value in VALUES.items():
    for header in ("id,text\n", '"id","text"\n'):
        with open("parts.csv", "w", newline="") as file:
            file.write(header)
            rows = csv.writer(file, lineterminator="\n")
            rows.writerows([n, "plain"] for n in range(25_000))
            rows.writerow([25_000, value])
        with open("parts.csv", newline="") as file:  # valid: another reader
            assert list(csv.reader(file))[-1] == ["25000", value]
        try:
            found = duckdb.sql("from 'parts.csv' where id = 25000").fetchall()
            end = "right" if found == [(25_000, value)] else f"wrong: {found[0][1]}"
        except duckdb.Error as error:
            end = type(error).__name__
        seen[what, header[0] == '"'] = end
        print(f"{what}, header {header.strip()}: {end}")
expected = {
    ("a comma", False): "InvalidInputException",
    ("a comma", True): "right",
    ("a quote", False): 'wrong: "wheel 16"""',
    ("a quote", True): "right",
}
if seen != expected:
    sys.exit("the behaviour has changed")
PY
