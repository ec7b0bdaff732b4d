#!/usr/bin/env bash
# Guess: a Parquet reader that gives int64 as BigInt, so that no digit is lost, gives a decimal
#   without loss too: as a text, as a BigInt with a scale, or as bytes.
# Fact: npm's hyparquet 1.33.0 divides the unscaled value as a JavaScript number. In one row of one
#   file, the int64 9007199254740993 is exact and the DECIMAL(20,2) 9007199254740993.00 is
#   9007199254740994. No option of the reader gives the digits of a decimal.
# Source: Apache Parquet, LogicalTypes.md, DECIMAL ("arbitrary-precision"); hyparquet,
#   src/convert.js, the branch for the converted type DECIMAL.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check pyarrow==26.0.1
npm install --silent --no-audit --no-fund --prefix "$folder" hyparquet@1.33.0 > /dev/null
env/bin/python - <<'PY'
from decimal import Decimal

import pyarrow
import pyarrow.parquet

number = 9007199254740993
amounts = [Decimal(f"{number}.00"), Decimal("12345678901234567.89")]
table = pyarrow.table(
    {
        "id": pyarrow.array([number, number]),
        "amount": pyarrow.array(amounts, pyarrow.decimal128(20, 2)),
    }
)
pyarrow.parquet.write_table(table, "amounts.parquet", compression="none")
print("pyarrow", pyarrow.__version__)
print(pyarrow.parquet.read_table("amounts.parquet").to_pylist())
PY
cat > read.mjs <<'JS'
import { readFileSync } from "node:fs";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";

console.log("hyparquet", JSON.parse(readFileSync("node_modules/hyparquet/package.json")).version);
const rows = await parquetReadObjects({ file: await asyncBufferFromFile("amounts.parquet") });
console.log(rows);
const surprise =
  rows[0].id === 9007199254740993n &&
  rows[0].amount === 9007199254740994 &&
  rows[1].amount === 12345678901234568;
if (!surprise) throw new Error("the behaviour has changed");
JS
node read.mjs
