#!/usr/bin/env bash
# Guess: csvtojson gives each row an entry for each column. A header with the columns size and
#   size.unit has two values in every row.
# Fact: npm's csvtojson 2.0.14 makes an object of a dotted name, and the object takes the place of the
#   value of size: {"size":{"unit":"mm"}}. The number is lost, with no error and no warning. With the
#   columns the other way round the unit is lost. The option flatKeys keeps both.
# Source: csvtojson's README, "Nested JSON Structure" (it does not name the case) and flatKeys;
#   RFC 4180, section 2 (each field of a line stands for a column).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" csvtojson@2.0.14 > /dev/null
cat > read.mjs <<'JS'
import { readFileSync } from "node:fs";
import csvtojson from "csvtojson";

const { version } = JSON.parse(readFileSync("node_modules/csvtojson/package.json"));
console.log("csvtojson", version);
const read = async (text, options) => {
  const rows = JSON.stringify(await csvtojson(options).fromString(text));
  console.log(JSON.stringify(text), JSON.stringify(options), rows);
  return rows;
};
const results = [
  await read("id,size,size.unit\nA,7,mm\n", {}),
  await read("id,size.unit,size\nA,mm,7\n", {}),
  await read("id,size,size.unit\nA,7,mm\n", { flatKeys: true }),
];
const surprise =
  results[0] === '[{"id":"A","size":{"unit":"mm"}}]' &&
  results[1] === '[{"id":"A","size":"7"}]' &&
  results[2] === '[{"id":"A","size":"7","size.unit":"mm"}]';
if (!surprise) throw new Error("the behaviour has changed");
JS
node read.mjs
