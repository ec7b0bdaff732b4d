#!/usr/bin/env bash
# Guess: one check of pandera allows the same values with pandas and with polars.
#   Check.str_matches("S|M") is for a match at the start of the text, as re.match is: XM is an error.
# Fact: pandera 0.35.0 with pandas refuses XM. With polars it puts ^ before the pattern without a
#   group, so only the first alternative is at the start, and XM is valid. (?:S|M) works with both.
# Source: pandera's page "Check", str_matches (the text starts with a match of the pattern);
#   pandera/backends/polars/builtin_checks.py, str_matches.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check \
    pandera==0.35.0 pandas==3.1.1 polars==2.1.0 typeguard==4.6.1
cd "$folder"
env/bin/python -W ignore - <<'PY'
import importlib.metadata
import sys

import pandas
import pandera.errors
import pandera.pandas
import pandera.polars
import polars

for name in ("pandera", "pandas", "polars"):
    print(name, importlib.metadata.version(name))


def allowed(module, frame, pattern):
    column = module.Column(str, module.Check.str_matches(pattern))
    schema = module.DataFrameSchema({"size": column})
    result = []
    for value in ("S", "M", "SX", "XM"):
        try:
            schema.validate(frame({"size": [value]}))
        except pandera.errors.SchemaError:
            continue
        result.append(value)
    return result


results = {}
for pattern in ("S|M", "(?:S|M)"):
    results[pattern] = (
        allowed(pandera.pandas, pandas.DataFrame, pattern),
        allowed(pandera.polars, polars.DataFrame, pattern),
    )
    print(pattern, "pandas:", results[pattern][0], "polars:", results[pattern][1])
right, wrong = ["S", "M", "SX"], ["S", "M", "SX", "XM"]
surprise = results == {"S|M": (right, wrong), "(?:S|M)": (right, right)}
sys.exit(None if surprise else "the behaviour has changed")
PY
