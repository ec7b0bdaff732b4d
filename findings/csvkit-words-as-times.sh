#!/usr/bin/env bash
# Guess: csvjson keeps words as text. A column of first names (April, June) is text, and so is a
#   column of sizes (12m, 5h).
# Fact: csvkit 2.2.0 makes the names dates of the year 1 (0001-04-01) and the sizes durations
#   (0:12:00, 5:00:00), without a warning. One name that is no month turns the column back into
#   text. The option --no-inference (-I) keeps all text.
# Source: csvkit's page "csvjson" (an option for the date format, none set here); agate's page "Data
#   types"; the packages parsedatetime and pytimeparse, to which agate gives every column.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check \
    csvkit==2.2.0 agate==1.14.2 parsedatetime==2.6 pytimeparse==1.1.10
printf 'name,size\nApril,12m\nJune,5h\n' > parts.csv
env/bin/csvjson --version
cat parts.csv
env/bin/csvjson parts.csv | tee inferred.json
echo
env/bin/csvjson --no-inference parts.csv | tee text.json
echo
python3 - <<'PY'
import json
import sys

with open("inferred.json") as inferred, open("text.json") as text:
    inferred, text = json.load(inferred), json.load(text)
surprise = inferred == [
    {"name": "0001-04-01", "size": "0:12:00"},
    {"name": "0001-06-01", "size": "5:00:00"},
] and text == [{"name": "April", "size": "12m"}, {"name": "June", "size": "5h"}]
sys.exit(None if surprise else "the behaviour has changed")
PY
