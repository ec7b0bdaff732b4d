#!/usr/bin/env bash
# Guess: a column whose first values are true and false, and then "unknown", is read as text. Or the
#   value that does not fit is an error, or stays the text that it is.
# Fact: npm's udsv 0.7.3 looks at the first ten rows for the type, and in a column of booleans makes
#   every other text false: "unknown", "n/a" and "yes" are false, with no error. A column of Y and N
#   does the same. In a column of numbers the text is NaN, and 30 February is 2 March.
# Source: udsv's README, "Schema inference and value typing" (no rule for values that do not fit);
#   uDSV.d.ts, inferSchema (the analysis looks at ten rows).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" udsv@0.7.3 > /dev/null
cd "$folder"
cat > read.cjs <<'JS'
const { inferSchema, initParser } = require("udsv");
console.log("udsv", require("udsv/package.json").version);
const read = (first, late) => {
  const rows = [...Array(6).fill(first).flat(), ...late];
  const csv = ["part,value", ...rows.map((value, row) => `A${row},${value}`), ""].join("\n");
  const values = initParser(inferSchema(csv)).typedObjs(csv).map((row) => row.value);
  const seen = values.slice(-late.length).map((value) =>
    value instanceof Date && !isNaN(value) ? value.toISOString().slice(0, 10) : String(value));
  console.log(`after ${first}: ${late} is read as`, seen.join(", "));
  return seen.join();
};
const seen = [
  read(["true", "false"], ["unknown", "n/a", "yes"]),
  read(["Y", "N"], ["U"]),
  read(["1", "2"], ["7-A"]),
  read(["2026-01-30", "2026-01-31"], ["2026-02-30"]),
];
const surprise = seen.join(";") === "false,false,false;false;NaN;2026-03-02";
if (!surprise) console.log("the behaviour has changed");
process.exit(surprise ? 0 : 1);
JS
node read.cjs
