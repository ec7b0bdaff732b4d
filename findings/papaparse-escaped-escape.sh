#!/usr/bin/env bash
# Guess: a CSV parser with an option for the escape character reads a doubled escape character as
#   one. PostgreSQL and DuckDB double it when they write, or a field that ends with it would not end.
# Fact: npm's papaparse 5.7.1 knows the escape character before a quote only. The field C:\ that
#   DuckDB writes as "C:\\" swallows the closing quote and all that follows: two rows become one.
#   DuckDB and csv-parse 7.0.3 read the file back.
# Source: PostgreSQL's page "COPY", ESCAPE (before a data character that matches QUOTE, and before
#   the escape character itself); papaparse's issue 732.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check duckdb==2.0.1
npm install --silent --no-audit --no-fund --prefix "$folder" \
    papaparse@5.7.1 csv-parse@7.0.3 > /dev/null
env/bin/python - <<'PY'
import duckdb

print("duckdb", duckdb.__version__)
duckdb.sql(
    r"copy (values ('C:\', 1), ('D:\', 2)) to 'drives.csv'"
    r" (header false, escape '\', force_quote (col0))"
)
with open("drives.csv") as file:
    print(file.read())
PY
cat > read.mjs <<'JS'
import { readFileSync } from "node:fs";
import papaparse from "papaparse";
import { parse } from "csv-parse/sync";

for (const name of ["papaparse", "csv-parse"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}
const text = readFileSync("drives.csv", "utf8");
const { data } = papaparse.parse(text, { escapeChar: "\\", skipEmptyLines: true });
const right = parse(text, { escape: "\\" });
console.log("papaparse", data);
console.log("csv-parse", right);
const wanted = JSON.stringify([["C:\\", "1"], ["D:\\", "2"]]);
if (data.length !== 1 || JSON.stringify(right) !== wanted) {
  throw new Error("the behaviour has changed");
}
JS
node read.mjs
