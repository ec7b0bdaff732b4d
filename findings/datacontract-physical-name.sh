#!/usr/bin/env bash
# Guess: "datacontract test" reads the file that the contract's server names as path. physicalName
#   of a table is a name: for a feed, that of the file at the partner.
# Fact: datacontract-cli 1.2.8 makes a view of path under the table's name, and then asks for a
#   table called physicalName. DuckDB takes a name that ends in .csv for a file in the current
#   folder. So the test judges another file if there is one of that name, and fails with "No files
#   found" if there is none. No message says that path was not read.
# Source: Open Data Contract Standard, schema, physicalName; datacontract-cli,
#   datacontract/engines/checks/create_checks.py, to_schema_name.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check 'datacontract-cli[duckdb]==1.2.8' duckdb==1.5.6
cd "$folder"
mkdir out
printf 'id\n1\n2\n' > out/today.csv
write() {
    cat > "$1" <<YAML
apiVersion: v3.1.0
kind: DataContract
id: stock
version: 1.0.0
status: active
servers:
  - {server: here, type: local, path: out/today.csv, format: csv}
schema:
  - name: stock
$2    quality:
      - {metric: rowCount, mustBe: 2}
    properties:
      - {name: id, logicalType: integer, physicalType: integer}
YAML
}
write plain.yaml ''
write named.yaml $'    physicalName: stock.csv\n'
run() {
    local status=0
    NO_COLOR=1 COLUMNS=200 env/bin/datacontract test "$1" > "$2" 2>&1 || status=$?
    echo "--- $2: exit $status"
    grep -E 'row_count|No files|valid' "$2" || true
    results+=("$status")
}
env/bin/pip list 2> /dev/null | grep -i datacontract-cli
results=()
run plain.yaml plain
run named.yaml named-without-file
printf 'id\n1\n2\n3\n' > stock.csv
run named.yaml named-other-file
[ "${results[*]}" = "0 1 1" ] && grep -q 'No files found' named-without-file &&
    grep -q 'row_count.* was 3' named-other-file ||
    { echo "the behaviour has changed"; exit 1; }
