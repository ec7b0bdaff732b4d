#!/usr/bin/env bash
# Guess: from_json with a field of type string returns a number as it was written: Spark 4 reads such fields exactly
#   (SPARK-48148, spark.sql.json.enableExactStringParsing, on by default).
# Fact: pyspark 4.3.0 does so for files alone. from_json over a column writes the number again from a double: 12.30
#   becomes 12.3, 20 digits lose their last ones, 0.0000001 becomes 1.0E-7. The same text in a file stays as it is.
# Source: github.com/apache/spark/pull/46408, which says that from_json is meant too; seen by running.
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
print(spark.conf.get("spark.sql.json.enableExactStringParsing"))
for text in ("12.30", "1.2345678901234567890", "0.0000001"):
    record = f'{{"a": {text}}}'
    (row,) = spark.sql(f"select from_json('{record}', 'a string').a as a").collect()
    with open("record.json", "w") as file:
        file.write(record)
    (read,) = spark.read.schema("a string").json("record.json").collect()
    print(text, row["a"], read["a"])
PY
result=$(env/bin/python run.py 2> /dev/null)
echo "$result"
[ "$result" = "true
12.30 12.3 12.30
1.2345678901234567890 1.2345678901234567 1.2345678901234567890
0.0000001 1.0E-7 0.0000001" ] || { echo "the behaviour has changed" >&2; exit 1; }
