#!/usr/bin/env bash
# Guess: in a cron expression the range 5-5 is the same as 5, as in every cron daemon. A cadence
#   written by a generator ("from 5 to 5") fires in May only.
# Fact: croniter 7.0.0 reads a range with two equal bounds as the whole field. "0 6 1 5-5 *" fires
#   on the first of every month, "0 6 * * 1-1" every day. No error, no warning. cronsim 2.8 reads
#   both as cron does.
# Source: croniter's README, "Note about Ranges" (an equal range means the whole cycle);
#   croniter/croniter.py, the branch of _expand that widens low == high.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check croniter==7.0.0 cronsim==2.8
"$folder/env/bin/python" - <<'PY'
import datetime
import importlib.metadata
import sys

import croniter
import cronsim

for name in ("croniter", "cronsim"):
    print(name, importlib.metadata.version(name))
start = datetime.datetime(2026, 1, 1)


def by_croniter(expression):
    times = croniter.croniter(expression, start)
    return [f"{times.get_next(datetime.datetime):%a %Y-%m-%d}" for _ in range(3)]


def by_cronsim(expression):
    times = cronsim.CronSim(expression, start)
    return [f"{next(times):%a %Y-%m-%d}" for _ in range(3)]


for expression in ("0 6 1 5 *", "0 6 1 5-5 *", "0 6 * * 1", "0 6 * * 1-1"):
    print(f"{expression:12} croniter {by_croniter(expression)}")
    print(f"{'':12} cronsim  {by_cronsim(expression)}")

surprise = (
    by_croniter("0 6 1 5-5 *") == ["Thu 2026-01-01", "Sun 2026-02-01", "Sun 2026-03-01"]
    and by_croniter("0 6 * * 1-1") == by_croniter("0 6 * * *")
    and by_cronsim("0 6 * * 1-1") == by_cronsim("0 6 * * 1")
)
sys.exit(None if surprise else "the behaviour has changed")
PY
