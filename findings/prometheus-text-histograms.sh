#!/usr/bin/env bash
# Guess: a parser of the Prometheus text format gives a histogram that has two label sets (one for
#   each feed) as two histograms with their labels, as it does for a counter or a gauge.
# Fact: npm's parse-prometheus-text-format 1.1.1 makes one histogram of them, without labels, sum
#   and count. It has the buckets of both feeds, and the last one wins a size that both have: the 3
#   of one feed stands beside the 9 of the other. It joins summaries in the same way. No error.
# Source: Prometheus, "Exposition formats" (a line stands for its name and labels; each histogram
#   has a sum and a count); the package's README (a gauge with labels, a histogram without).
#   prometheus_client 0.26.0 reads both feeds.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check prometheus_client==0.26.0
npm install --silent --no-audit --no-fund --prefix "$folder" \
    parse-prometheus-text-format@1.1.1 > /dev/null
cat > metrics.txt <<'TEXT'
# TYPE seconds histogram
seconds_bucket{feed="orders",le="1"} 3
seconds_bucket{feed="orders",le="+Inf"} 4
seconds_sum{feed="orders"} 6
seconds_count{feed="orders"} 4
seconds_bucket{feed="parts",le="5"} 8
seconds_bucket{feed="parts",le="+Inf"} 9
seconds_sum{feed="parts"} 40
seconds_count{feed="parts"} 9
# TYPE rows gauge
rows{feed="orders"} 1
rows{feed="parts"} 2
TEXT
cat > read.cjs <<'JS'
const { readFileSync } = require("fs");
const parse = require("parse-prometheus-text-format");
const { version } = require("parse-prometheus-text-format/package.json");
console.log("parse-prometheus-text-format", version);
const [seconds, rows] = parse(readFileSync("metrics.txt", "utf8")).map((family) => family.metrics);
console.log("gauge:", JSON.stringify(rows));
console.log("histogram:", JSON.stringify(seconds));
const surprise =
  rows.length === 2 &&
  JSON.stringify(seconds) === '[{"buckets":{"1":"3","5":"8","+Inf":"9"}}]';
if (!surprise) console.log("the behaviour has changed");
process.exit(surprise ? 0 : 1);
JS
node read.cjs
env/bin/python - <<'PY'
import sys
from importlib.metadata import version

from prometheus_client.parser import text_string_to_metric_families

print("prometheus_client", version("prometheus_client"))
with open("metrics.txt") as file:
    family = next(iter(text_string_to_metric_families(file.read())))
counts = {s.labels["feed"]: s.value for s in family.samples if s.name == "seconds_count"}
print("counts:", counts)
sys.exit(counts != {"orders": 4, "parts": 9})
PY
