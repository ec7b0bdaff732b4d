#!/usr/bin/env bash
# Guess: a validator that does not know the dialect of a schema (its $schema) refuses the schema.
# Fact: fastjsonschema 2.22.3 says that it implements the drafts 4, 6 and 7, and checks a schema of any
#   other dialect with the keywords of draft 7, without a warning. With $schema 2020-12 it ignores
#   prefixItems, dependentRequired, minContains and unevaluatedProperties, so four documents that
#   break the schema are valid. jsonschema 4.26.0 finds all four.
# Source: JSON Schema Core 2020-12, section 8.1.2 ($vocabulary: an implementation that does not know
#   a required vocabulary must refuse); fastjsonschema/__init__.py, _get_code_generator_class.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check \
    fastjsonschema==2.22.3 jsonschema==4.26.0
cd "$folder"
env/bin/python - <<'PY'
import importlib.metadata
import sys

import fastjsonschema
import jsonschema

for name in ("fastjsonschema", "jsonschema"):
    print(name, importlib.metadata.version(name))
CASES = [
    ({"prefixItems": [{"type": "integer"}]}, ["seven"]),
    ({"dependentRequired": {"price": ["currency"]}}, {"price": 7}),
    ({"contains": {"const": 7}, "minContains": 2}, [7]),
    ({"properties": {"id": {}}, "unevaluatedProperties": False}, {"name": "A"}),
]


def valid_by_fastjsonschema(schema, document):
    try:
        fastjsonschema.validate(schema, document)
    except fastjsonschema.JsonSchemaException:
        return False
    return True


results = []
for keywords, document in CASES:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **keywords}
    fast = valid_by_fastjsonschema(schema, document)
    full = jsonschema.Draft202012Validator(schema).is_valid(document)
    print(keywords, document, f"fastjsonschema valid={fast}, jsonschema valid={full}")
    results.append((fast, full))
surprise = results == [(True, False)] * len(CASES)
sys.exit(None if surprise else "the behaviour has changed")
PY
