#!/usr/bin/env bash
# Guess: in-toto's own library writes the predicate that it was given. A predicate is any JSON
#   object, and the predicates of in-toto have integers (the exit code of link, for one).
# Fact: in-toto-attestation 0.9.3 keeps the predicate as a protobuf Struct, whose numbers are
#   doubles. The row count 12 is written as 12.0, and 9007199254740993 as 9007199254740992.0,
#   without an error. A valid statement that is only read and written again changes in the same way.
# Source: in-toto Attestation, spec/v1/statement.md (predicate: object) and
#   spec/predicates/link.md; protos/in_toto_attestation/v1/statement.proto (google.protobuf.Struct).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check \
    in-toto-attestation==0.9.3 protobuf==7.36.2
"$folder/env/bin/python" - <<'PY'
import importlib.metadata
import json
import sys

from google.protobuf.json_format import MessageToJson, Parse
from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as Message

for name in ("in-toto-attestation", "protobuf"):
    print(name, importlib.metadata.version(name))
subject = ResourceDescriptor(name="stock.csv", digest={"sha256": "ab" * 32})
predicate = {"rows": 12, "offset": 9007199254740993}
statement = Statement([subject.pb], "https://example.org/delivery/v1", predicate)
statement.validate()
document = json.loads(MessageToJson(statement.pb)) | {"predicate": predicate}
again = MessageToJson(Parse(json.dumps(document), Message()))
results = [MessageToJson(statement.pb), again]
print("given:  ", json.dumps(predicate))
for text in results:
    print("written:", json.dumps(json.loads(text)["predicate"]))
surprise = all(
    '"rows": 12.0' in text and '"offset": 9007199254740992.0' in text for text in results
)
sys.exit(None if surprise else "the behaviour has changed")
PY
