#!/usr/bin/env bash
# Guess: xxhash64(a, b) of Spark SQL, the usual hash of a row, differs if a value moves from one column to another.
# Fact: pyspark 4.3.0 skips a missing value: the hash of (1, null), of (null, 1) and of 1 alone are one number. A
#   comparison of rows by this hash does not see such a change. `hash` does the same.
# Source: org.apache.spark.sql.catalyst.expressions.HashExpression: a null leaves the seed as it is. The documentation
#   of the function does not say so (spark.apache.org/docs/latest/api/sql/#xxhash64); seen by running.
set -euo pipefail
command -v java > /dev/null || { echo "needs Java 17" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check pyspark==4.3.0
env/bin/pip freeze 2> /dev/null | grep "^pyspark="
cat > run.py <<'PY'
from pyspark.sql import SparkSession

spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.ui.enabled", "false").config("spark.log.level", "OFF").getOrCreate()
)
for name in ("xxhash64", "hash"):
    (row,) = spark.sql(
        f"select {name}(1, cast(null as int)) as last, {name}(cast(null as int), 1) as first,"
        f" {name}(1) as one, {name}(1, 2) as two, {name}(2, 1) as swapped"
    ).collect()
    print(name, row["last"] == row["first"] == row["one"], row["two"] == row["swapped"])
PY
result=$(env/bin/python run.py 2> /dev/null)
echo "$result"
[ "$result" = "xxhash64 True False
hash True False" ] || { echo "the behaviour has changed" >&2; exit 1; }
