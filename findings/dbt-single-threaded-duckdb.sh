#!/usr/bin/env bash
# Guess: dbt --single-threaded, which dbt has for profiling, runs a project as ever, only without threads.
# Fact: dbt 1.11.16 with dbt-duckdb 1.11.1 runs no node of any project, even one of a single model. It ends with
#   "Connection already closed!" and exit code 2, with a file as the warehouse and in memory.
# Source: dbt/task/runnable.py (_submit) runs each node in the thread that holds dbt's own connection;
#   seen by running.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check \
    dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==1.5.6
env/bin/pip freeze 2> /dev/null | grep -E "^(dbt-(core|duckdb)|duckdb)="
mkdir models
echo 'select 1 as id' > models/orders.sql
cat > dbt_project.yml <<'YML'
name: shop
profile: shop
flags:
  send_anonymous_usage_stats: false
YML
cat > profiles.yml <<'YML'
shop:
  target: file
  outputs:
    file: {type: duckdb, path: shop.duckdb}
    memory: {type: duckdb, path: ":memory:"}
YML
run() {
    local code=0
    env/bin/dbt --no-use-colors "$@" --profiles-dir . > out.txt 2>&1 || code=$?
    grep -oE "Completed successfully|Connection already closed!" out.txt | sort -u | tr '\n' ' '
    echo "exit code $code"
}
threads=$(run run --target file)
single=$(run --single-threaded run --target file)
memory=$(run --single-threaded run --target memory)
printf 'threads: %s\nsingle-threaded: %s\nsingle-threaded, in memory: %s\n' \
    "$threads" "$single" "$memory"
[ "$threads" = "Completed successfully exit code 0" ] \
    && [ "$single" = "Connection already closed! exit code 2" ] \
    && [ "$memory" = "$single" ] \
    || { echo "the behaviour has changed" >&2; exit 1; }
