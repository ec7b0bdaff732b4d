#!/usr/bin/env bash
# Guess: csv-stringify writes false as a text of its own (false or 0) and a Date as a date
#   (ISO 8601). A reader can tell false from "not known".
# Fact: npm's csv-stringify 6.9.0 writes false as an empty field, as it does null, and true as 1.
#   A Date is a number of milliseconds. papaparse 5.7.1 writes the words and the date.
# Source: csv.js.org, "Option cast" (custom functions by type; it states no such default);
#   csv-stringify, lib/api/normalize_options.js, the defaults of cast.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" \
    csv-stringify@6.9.0 papaparse@5.7.1 > /dev/null
cat > write.mjs <<'JS'
import { readFileSync } from "node:fs";
import { stringify } from "csv-stringify/sync";
import papaparse from "papaparse";

for (const name of ["csv-stringify", "papaparse"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}
const rows = [[1, true, new Date(0)], [2, false, null], [3, null, null]];
const results = [stringify(rows), papaparse.unparse(rows, { newline: "\n" })];
results.forEach((text) => console.log(text));
if (results[0] !== "1,1,0\n2,,\n3,,\n" || !results[1].includes("2,false,")) {
  throw new Error("the behaviour has changed");
}
JS
node write.mjs
