#!/usr/bin/env bash
# Guess: dplib, the Python models of the Data Package standard, reads the examples that stand in the
#   standard itself: a field with a name alone, and an integer field with labelled categories.
# Fact: dplib-py 1.1.0 raises a ValidationError for both. It wants a type for every field, and texts
#   as the values of categories. A field of the type "any", which means the same as none, is read.
# Source: Data Package 2.0, Table Schema, "Field" (only the name is required; without a type it is
#   "any") and "categories" (its example has the integer values 0, 1 and 2).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check dplib-py==1.1.0 pydantic==2.14.4
"$folder/env/bin/python" - <<'PY'
import sys
from importlib.metadata import version

from dplib.models import Schema
from pydantic import ValidationError

print("dplib-py", version("dplib-py"))
FIELDS = {
    "a name alone": {"name": "size"},
    "the type any": {"name": "size", "type": "any"},
    "integer categories": {
        "name": "size",
        "type": "integer",
        "categories": [{"value": 0, "label": "small"}, {"value": 1, "label": "large"}],
    },
}
seen = {}
for name, field in FIELDS.items():
    try:
        Schema.from_dict({"fields": [field]})
        seen[name] = "read"
    except ValidationError as error:
        seen[name] = "refused"
        print(f"{name}: {error.errors()[0]['msg']}")
print(seen)
surprise = list(seen.values()) == ["refused", "read", "refused"]
sys.exit(None if surprise else "the behaviour has changed")
PY
