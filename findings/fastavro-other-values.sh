#!/usr/bin/env bash
# Guess: fastavro raises an error for a value that is not of the field's type, as it does for a number
#   in a string field and for the text "5" in an int field.
# Fact: fastavro 1.13.1 writes another value instead: 5.7 in an int field is 5, the text "false" in a
#   boolean field is true, and 2147483648 is written to an int, which has 32 bits. Apache's avro
#   1.12.2 refuses all three.
# Source: Apache Avro 1.12, Primitive Types (int: 32-bit signed); fastavro's page "write"
#   (validator: none unless it is given); fastavro/_write_py.py, write_int and write_boolean.
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

import avro.errors
import avro.io
import avro.schema
import fastavro

for name in ("fastavro", "avro"):
    print(name, importlib.metadata.version(name))


def schema(type_):
    return {"type": "record", "name": "r", "fields": [{"name": "x", "type": type_}]}


def with_fastavro(type_, value):
    file = io.BytesIO()
    try:
        fastavro.writer(file, fastavro.parse_schema(schema(type_)), [{"x": value}])
    except (TypeError, ValueError) as error:
        return type(error).__name__
    file.seek(0)
    return next(fastavro.reader(file))["x"]


def with_avro(type_, value):
    writer = avro.io.DatumWriter(avro.schema.parse(json.dumps(schema(type_))))
    try:
        writer.write({"x": value}, avro.io.BinaryEncoder(io.BytesIO()))
    except avro.errors.AvroTypeException as error:
        return type(error).__name__
    return value


CASES = [("string", 5), ("int", "5"), ("int", 5.7), ("boolean", "false"), ("int", 2**31)]
results = []
for type_, value in CASES:
    results.append((with_fastavro(type_, value), with_avro(type_, value)))
    print(f"{value!r} as {type_}: fastavro {results[-1][0]!r}, avro {results[-1][1]!r}")
surprise = [result for result, _ in results] == ["TypeError", "TypeError", 5, True, 2**31] and {
    result for _, result in results
} == {"AvroTypeException"}
sys.exit(None if surprise else "the behaviour has changed")
PY
