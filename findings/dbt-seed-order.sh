#!/usr/bin/env bash
# Guess: a second dbt seed after somebody moved a column in the CSV file gives each column its own values: the
#   file has a header, and the contract of a seed is by name.
# Fact: dbt 1.11.16 with dbt-duckdb 1.11.1 exchanges the values of the two columns. It empties the table that exists
#   and copies the file into it by position. Exit code 0, no warning. With --full-refresh the values are right.
# Source: dbt-duckdb's macros/seed.sql, duckdb__load_csv_rows (COPY without columns); seen by running.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check \
    dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==1.5.6
mkdir seeds
cat > dbt_project.yml <<'YML'
name: parts
profile: parts
flags:
  send_anonymous_usage_stats: false
YML
cat > profiles.yml <<'YML'
parts:
  target: local
  outputs:
    local: {type: duckdb, path: parts.duckdb}
YML
env/bin/pip freeze 2> /dev/null | grep -E "^(dbt-(core|duckdb)|duckdb)="
seed() { env/bin/dbt --quiet seed --profiles-dir . "$@"; echo "exit code $?"; }
rows() {
    env/bin/python -c 'import duckdb
print(duckdb.connect("parts.duckdb").sql("select place, code from places").fetchall())'
}
printf 'place,code\nHQ,MAIN\n' > seeds/places.csv
seed
rows
printf 'code,place\nMAIN,HQ\n' > seeds/places.csv
seed
second=$(rows)
echo "$second"
seed --full-refresh
rows
[ "$second" = "[('MAIN', 'HQ')]" ] || { echo "the behaviour has changed" >&2; exit 1; }
