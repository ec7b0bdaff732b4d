#!/usr/bin/env bash
# Guess: a validator that reads a Data Package 2.0 descriptor checks the keywords of version 2, or
#   says which of them it does not know.
# Fact: frictionless 5.21.0 accepts a descriptor whose $schema names version 2.0, checks some of its
#   new keywords (exclusiveMinimum) and ignores others without a warning: a table with a doubled
#   value in a key of uniqueKeys is "valid", and so is a value outside of categories. The same key
#   as a primaryKey is checked.
# Source: Data Package 2.0, Table Schema, uniqueKeys and categories;
#   frictionless/schema/schema.py, which has no such property.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check frictionless==5.21.0
cd "$folder"
env/bin/python - <<'PY'
import json
import sys

import frictionless

print("frictionless", frictionless.__version__)
with open("parts.csv", "w") as file:
    file.write("id,size\n7,XL\n7,XL\n")


def report(keyword, value, field=0, of_field=None):
    fields = [{"name": "id", "type": "integer"}, {"name": "size", "type": "string"}]
    fields[field].update(of_field or {})
    schema = {"fields": fields}
    if keyword:
        schema[keyword] = value
    descriptor = {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "resources": [
            {"name": "parts", "type": "table", "path": "parts.csv", "schema": schema}
        ],
    }
    with open("datapackage.json", "w") as file:
        json.dump(descriptor, file)
    result = frictionless.validate("datapackage.json")
    errors = sorted({error.type for task in result.tasks for error in task.errors})
    warnings = [warning for task in result.tasks for warning in task.warnings]
    print(f"{keyword or ', '.join(of_field)}: valid={result.valid} {errors} warnings={warnings}")
    return result.valid and not warnings


surprise = (
    not report("primaryKey", ["id"])
    and not report(None, None, 0, {"constraints": {"exclusiveMinimum": 7}})
    and report("uniqueKeys", [["id"]])
    and report(None, None, 1, {"categories": ["S", "M"]})
)
sys.exit(None if surprise else "the behaviour has changed")
PY
