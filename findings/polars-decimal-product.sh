#!/usr/bin/env bash
# Guess: the product of two decimals with two digits has four: 1.05 * 1.05 is 1.1025, as in SQL and in
#   Arrow.
# Fact: polars 2.1.0 keeps two digits and rounds: 1.10. An amount times a rate loses its cents before
#   it is summed, without a warning. DuckDB 2.0.1 and pyarrow 26.0.1 give 1.1025.
# Source: polars' page "Decimal" (it states no scale of a product); ISO/IEC 9075-2, the type of a
#   numeric product (the scale is the sum of the scales); Arrow's page "Compute Functions", multiply.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check \
    polars==2.1.0 duckdb==2.0.1 pyarrow==26.0.1
cd "$folder"
env/bin/python - <<'PY'
import sys
from decimal import Decimal

import duckdb
import polars
import pyarrow
import pyarrow.compute

for library in (polars, duckdb, pyarrow):
    print(library.__name__, library.__version__)
amount, rate = Decimal("1.05"), Decimal("1.05")
frame = polars.DataFrame(
    {"amount": [amount], "rate": [rate]},
    schema={"amount": polars.Decimal(8, 2), "rate": polars.Decimal(8, 2)},
)
columns = [pyarrow.array([value], pyarrow.decimal128(8, 2)) for value in (amount, rate)]
results = {
    "polars": frame.select(polars.col("amount") * polars.col("rate")).item(),
    "duckdb": duckdb.sql("select 1.05::decimal(8,2) * 1.05::decimal(8,2)").fetchall()[0][0],
    "pyarrow": pyarrow.compute.multiply(*columns)[0].as_py(),
}
print(results)
surprise = [str(value) for value in results.values()] == ["1.10", "1.1025", "1.1025"]
sys.exit(None if surprise else "the behaviour has changed")
PY
