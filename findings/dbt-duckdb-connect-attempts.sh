#!/usr/bin/env bash
# Guess: `retries: {connect_attempts: 2}` lets dbt try twice to open a database that another process writes, as
#   dbt-duckdb says ("the number of attempts to try connecting").
# Fact: dbt-core 1.11.16 with dbt-duckdb 1.11.1 tries six times, over seven seconds: dbt opens the same connection
#   three times before it ends, and each time has the attempts of its own. With 5 it waits 94 seconds, not 31.
# Source: dbt/adapters/duckdb/credentials.py (Retries, connect_attempts); seen by counting the calls of duckdb.connect.
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
  target: dev
  outputs:
    dev:
      type: duckdb
      path: shop.duckdb
      retries: {connect_attempts: 2}
YML
cat > count.py <<'PY'
import atexit
import time

import duckdb

original, calls = duckdb.connect, []


def connect(*words, **options):
    calls.append(time.monotonic())
    return original(*words, **options)


duckdb.connect = connect
atexit.register(lambda: print(f"{len(calls)} calls in {calls[-1] - calls[0]:.0f} s"))
from dbt.cli.main import cli  # noqa: E402

cli()
PY
env/bin/python -c "
import duckdb, time
writer = duckdb.connect('shop.duckdb')
open('ready', 'w').close()
time.sleep(120)" &
writer=$!
until [ -e ready ]; do sleep 0.1; done
result=$(env/bin/python count.py --no-use-colors --quiet run --profiles-dir . 2> /dev/null | grep " calls in " || true)
kill "$writer"
echo "$result"
case $result in "6 calls in "*) ;; *) echo "the behaviour has changed" >&2; exit 1 ;; esac
