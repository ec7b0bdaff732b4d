#!/usr/bin/env bash
# Guess: a field with the standard's `groupChar` reads 1.234 as 1234, be it an integer or a number.
# Fact: frictionless 5.21.0 knows it for a number only. For an integer it ignores the property without a word,
#   and reports each such value as a type error; the cell is then null.
# Source: Table Schema 2.0, field type `integer`: "groupChar" (datapackage.org/standard/table-schema/#integer);
#   frictionless/fields/integer.py has only bare_number and float_number; seen by running.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check frictionless==5.21.0
env/bin/pip freeze 2> /dev/null | grep "^frictionless="
printf 'pieces;price\n1.234;1.234,50\n' > stock.csv
cat > read.py <<'PY'
from frictionless import Resource

for kind in ("number", "integer"):
    field = {"name": "pieces", "type": kind, "groupChar": "."}
    if kind == "number":
        field["decimalChar"] = ","
    resource = Resource.from_descriptor({
        "name": "stock", "path": "stock.csv", "dialect": {"csv": {"delimiter": ";"}},
        "schema": {"fields": [field, {"name": "price", "type": "string"}]},
    })
    (row,) = resource.read_rows()
    errors = [
        error for (error,) in resource.validate().flatten(["type"])
    ]
    print(kind, row["pieces"], *errors)
PY
result=$(env/bin/python read.py)
echo "$result"
[ "$result" = "number 1234
integer None type-error" ] || { echo "the behaviour has changed" >&2; exit 1; }
