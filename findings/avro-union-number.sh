#!/usr/bin/env bash
# Guess: an integer that is written to an Avro union of long and double is written as the long, which
#   holds it exactly, whatever the order of the two.
# Fact: fastavro 1.13.1 takes the first type that accepts the number, and Apache's avro 1.12.2 the
#   last one. Each order is right in one library only: in the other 9007199254740993 becomes
#   9007199254740992.0, without an error.
# Source: Apache Avro 1.12, Unions and JSON encoding (a value has one branch); fastavro/_write_py.py,
#   write_union; avro/io.py, the writer of a union.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check fastavro==1.13.1 avro==1.12.2
cd "$folder"
env/bin/python - <<'PY'
import importlib.metadata
import io
import json
import sys

import avro.datafile
import avro.io
import avro.schema
import fastavro

for name in ("fastavro", "avro"):
    print(name, importlib.metadata.version(name))
NUMBER = 9007199254740993


def with_fastavro(schema):
    file = io.BytesIO()
    fastavro.writer(file, fastavro.parse_schema(schema), [{"amount": NUMBER}])
    return file


def with_avro(schema):
    file = io.BytesIO()
    writer = avro.datafile.DataFileWriter(
        file, avro.io.DatumWriter(), avro.schema.parse(json.dumps(schema))
    )
    writer.append({"amount": NUMBER})
    writer.flush()
    return file


results = {}
for union in (["long", "double"], ["double", "long"]):
    fields = [{"name": "amount", "type": union}]
    schema = {"type": "record", "name": "stock", "fields": fields}
    for write in (with_fastavro, with_avro):
        file = write(schema)
        file.seek(0)
        (row,) = fastavro.reader(file)
        results[union[0], write.__name__] = row["amount"]
        print(union, write.__name__, row["amount"])
exact, rounded = NUMBER, float(NUMBER)
surprise = [(value, type(value)) for value in results.values()] == [
    (exact, int),
    (rounded, float),
    (rounded, float),
    (exact, int),
]
sys.exit(None if surprise else "the behaviour has changed")
PY
