#!/usr/bin/env bash
# Guess: "datacontract test" checks each of the logicalTypeOptions of a field, or says which it does
#   not check. It knows the contract's schema and checks pattern, minimum and maxLength.
# Fact: datacontract-cli 1.2.8 accepts multipleOf and format and checks neither. 5 for a multiple of 2,
#   "x" for the format email and 2026-02-01 for the format dd.MM.yyyy are valid, and no line of the
#   report names the option. A minimum in the same contract is checked.
# Source: Open Data Contract Standard 3.1, Logical Type Options (multipleOf and format);
#   datacontract/engines/checks/create_checks.py.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check 'datacontract-cli[duckdb]==1.2.8' duckdb==1.5.6
cd "$folder"
printf 'pieces,email,day\n5,x,2026-02-01\n' > stock.csv
write() {
    cat > "$1" <<YAML
apiVersion: v3.1.0
kind: DataContract
id: stock
version: 1.0.0
status: active
servers:
  - {server: here, type: local, path: stock.csv, format: csv}
schema:
  - name: stock
    properties:
      - name: pieces
        logicalType: integer
        physicalType: integer
        logicalTypeOptions: {multipleOf: 2$2}
      - name: email
        logicalType: string
        physicalType: varchar
        logicalTypeOptions: {format: email}
      - name: day
        logicalType: date
        physicalType: date
        logicalTypeOptions: {format: dd.MM.yyyy}
YAML
}
run() {
    local status=0
    NO_COLOR=1 COLUMNS=200 env/bin/datacontract test "$1.yaml" > "$1.txt" 2>&1 || status=$?
    echo "--- $1: exit $status"
    grep -E 'passed|failed' "$1.txt" || true
    results+=("$status")
}
env/bin/pip list 2> /dev/null | grep -i datacontract-cli
results=()
write options.yaml ''
write minimum.yaml ', minimum: 6'
run options
run minimum
if [ "${results[*]}" != "0 1" ] || grep -E "passed|failed|warning" options.txt | grep -qvE "is present"; then
    echo "the behaviour has changed"
    exit 1
fi
