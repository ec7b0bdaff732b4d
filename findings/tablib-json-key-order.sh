#!/usr/bin/env bash
# Guess: a list of JSON objects is loaded by the names of the keys, in whatever order an object has
#   them. A key that is missing in one object gives an empty cell.
# Fact: tablib 3.10.0 takes the column names of the first object and the values of every object by
#   their position. With the keys in another order the values change columns, and a row with another
#   key ends up under the wrong name. No error as long as the number of keys is the same.
# Source: RFC 8259, section 1 and 4 (an object is unordered; do not depend on the order);
#   tablib's page "Formats", json; tablib/core.py, the setter of Dataset.dict.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check tablib==3.10.0
cd "$folder"
env/bin/python - <<'PY'
import importlib.metadata
import json
import sys

import tablib

print("tablib", importlib.metadata.version("tablib"))


def load(objects):
    rows = tablib.Dataset().load(json.dumps(objects), format="json").dict
    rows = [dict(row) for row in rows]
    print(f"{json.dumps(objects)}\n  is loaded as {json.dumps(rows)}")
    return rows


order = load([{"part": "A", "pieces": 7}, {"pieces": 9, "part": "B"}])
other = load([{"part": "A", "pieces": 7}, {"part": "B", "weight": 3}])
surprise = order[1] == {"part": 9, "pieces": "B"} and other[1] == {"part": "B", "pieces": 3}
sys.exit(None if surprise else "the behaviour has changed")
PY
