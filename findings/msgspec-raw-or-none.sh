#!/usr/bin/env bash
# Guess: `Raw | None` takes any JSON value, as `Raw` does, and null as None.
# Fact: msgspec 0.22.0 accepts the type and then takes null alone: any other value is refused with
#   "Expected `null`, got `int`". `Raw` alone, and `Raw | UnsetType`, take every value.
# Source: msgspec's page "Raw": "a Raw field" takes any value; msgspec's rules for unions refuse
#   other unions that it cannot decode when the decoder is made.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check msgspec==0.22.0
"$folder/env/bin/python" - <<'PY'
import sys

import msgspec

print("msgspec", msgspec.__version__)


def decoded(type_, body):
    try:
        value = msgspec.json.decode(body, type=type_)
        return None if value is None else bytes(value)
    except msgspec.ValidationError as error:
        return str(error)


results = {}
for name, type_ in {
    "Raw": msgspec.Raw,
    "Raw | None": msgspec.Raw | None,
    "Raw | UnsetType": msgspec.Raw | msgspec.UnsetType,
}.items():
    results[name] = [decoded(type_, body) for body in (b"7", b'"a"', b"null")]
    print(f"{name:16}", results[name])
surprise = (
    results["Raw"][:2] == results["Raw | UnsetType"][:2] == [b"7", b'"a"']
    and results["Raw | None"][0] == "Expected `null`, got `int`"
)
sys.exit(None if surprise else "the behaviour has changed")
PY
