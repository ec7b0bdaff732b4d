#!/usr/bin/env bash
# Guess: the constraint pattern is for the whole value, as in XML Schema. S|M allows S and M; a
#   value SX is an error.
# Fact: frictionless 5.21.0 puts ^ and $ around the pattern without a group. The pattern S|M then
#   means "starts with S, or is M": SX is valid, XS and MX are not. The pattern (S|M), and a pattern
#   without alternatives, are checked against the whole value.
# Source: Data Package 2.0, Table Schema, pattern (XML Schema's syntax; XML Schema Part 2,
#   appendix F: a pattern is for the whole text); frictionless/schema/field.py, create_cell_reader.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check frictionless==5.21.0
cd "$folder"
env/bin/python - <<'PY'
import sys

import frictionless

print("frictionless", frictionless.__version__)


def allowed(pattern):
    values = ["S", "M", "SX", "XS", "MX", "XM"]
    with open("sizes.csv", "w") as file:
        file.write("size\n" + "\n".join(values) + "\n")
    field = {"name": "size", "type": "string", "constraints": {"pattern": pattern}}
    schema = frictionless.Schema.from_descriptor({"fields": [field]})
    report = frictionless.Resource(path="sizes.csv", schema=schema).validate()
    errors = {row for (row,) in report.flatten(["rowNumber"])}
    result = [value for row, value in enumerate(values, 2) if row not in errors]
    print(f"pattern {pattern} allows {result}")
    return result


surprise = allowed("(S|M)") == ["S", "M"] and allowed("S|M") == ["S", "M", "SX"]
sys.exit(None if surprise else "the behaviour has changed")
PY
