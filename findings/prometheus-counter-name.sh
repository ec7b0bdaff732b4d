#!/usr/bin/env bash
# Guess: the parser of the Prometheus text format gives each sample the name that stands in the
#   text, as Prometheus itself does. A name without _total is valid there.
# Fact: prometheus_client 0.26.0 appends _total to the samples of every counter. "rows 3" is read as
#   rows_total, so a look-up of "rows" finds nothing. A valid text with a counter "rows" and a gauge
#   "rows_total" gives two samples of one name, and written again they are duplicates.
# Source: Prometheus, "Exposition formats" (the TYPE line has the name of the samples; only a
#   histogram and a summary have suffixes); prometheus_client/parser.py, build_metric.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check prometheus_client==0.26.0
"$folder/env/bin/python" - <<'PY'
import importlib.metadata
import sys

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

print("prometheus_client", importlib.metadata.version("prometheus_client"))
TEXT = "# TYPE rows counter\nrows 3\n# TYPE rows_total gauge\nrows_total 5\n"
print(TEXT)
families = list(text_string_to_metric_families(TEXT))
samples = [(s.name, s.value) for family in families for s in family.samples]
print("samples:", samples)


class Again:
    def collect(self):
        return families


text = generate_latest(Again()).decode()
lines = [line for line in text.splitlines() if not line.startswith("#")]
print("written again:", lines)
surprise = samples == [("rows_total", 3), ("rows_total", 5)] and lines == [
    "rows_total 3.0",
    "rows_total 5.0",
]
sys.exit(None if surprise else "the behaviour has changed")
PY
