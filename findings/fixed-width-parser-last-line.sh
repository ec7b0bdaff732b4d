#!/usr/bin/env bash
# Guess: a file of fixed width whose last line ends with a new line, as a line of text does, has as
#   many records as lines.
# Fact: npm's fixed-width-parser 3.0.0 gives one record more: an empty text and the number 0. A
#   count of rows is wrong, and a row with an empty key is loaded. A blank field of a number is 0
#   too. @evologi/fixed-width 1.1.0 gives one record for each line.
# Source: POSIX, base definitions 3.185 (a line ends with a new line); fixed-width-parser's README,
#   "Parse" (its example ends without one); the method parse of dist/FixedWidthParser.js.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" \
    fixed-width-parser@3.0.0 @evologi/fixed-width@1.1.0 > /dev/null
cd "$folder"
printf 'A1   0042\nB2       \n' > stock.txt
cat > read.cjs <<'JS'
const { readFileSync } = require("fs");
const { FixedWidthParser } = require("fixed-width-parser");
const { parse } = require("@evologi/fixed-width");
for (const name of ["fixed-width-parser", "@evologi/fixed-width"])
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
const text = readFileSync("stock.txt", "utf8");
const rows = new FixedWidthParser([
  { name: "part", start: 0, width: 5 },
  { name: "quantity", start: 5, width: 4, type: "int" },
]).parse(text);
console.log("fixed-width-parser:", JSON.stringify(rows));
const others = parse(text, {
  fields: [{ property: "part", width: 5 }, { property: "quantity", width: 4 }],
});
console.log("@evologi/fixed-width:", JSON.stringify(others));
const surprise =
  others.length === 2 && rows.length === 3 && rows[1].quantity === 0 &&
  rows[2].part === "" && rows[2].quantity === 0;
if (!surprise) console.log("the behaviour has changed");
process.exit(surprise ? 0 : 1);
JS
node read.cjs
