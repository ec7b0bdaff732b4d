#!/usr/bin/env bash
# Guess: "0 6 */2 * 1" fires on Mondays with an odd day of the month. crontab(5) joins the two day
#   fields with "or" only if neither contains a star; */2 contains one, so both must match.
# Fact: npm's cron-parser 5.10.6, croner 11.0.1 and cron 4.4.0 fire on every odd day and on every
#   Monday: four times in the first week. cronsim 2.8 does as cron does: four times in eight weeks.
# Source: crontab(5) of Debian's cron, the note on the day of month and day of week; cron's source,
#   entry.c (the flag DOM_STAR is set for */2 too).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check cronsim==2.8
npm install --silent --no-audit --no-fund --prefix "$folder" \
    cron-parser@5.10.6 croner@11.0.1 cron@4.4.0 > /dev/null
cat > days.mjs <<'JS'
import { readFileSync } from "node:fs";
import { CronTime } from "cron";
import { CronExpressionParser } from "cron-parser";
import { Cron } from "croner";

const expression = "0 6 */2 * 1";
const start = new Date("2026-01-01T00:00:00Z");
const day = (time) => time.toISOString().slice(0, 10);
const libraries = {
  "cron-parser": () => {
    const times = CronExpressionParser.parse(expression, { currentDate: start, tz: "UTC" });
    return [1, 2, 3, 4].map(() => day(times.next().toDate()));
  },
  croner: () => new Cron(expression, { timezone: "UTC" }).nextRuns(4, start).map(day),
  cron: () => {
    let time = start;
    return [1, 2, 3, 4].map(() => {
      time = new CronTime(expression, "UTC").getNextDateFrom(time, "UTC").toJSDate();
      return day(time);
    });
  },
};
for (const [name, days] of Object.entries(libraries)) {
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`));
  console.log(name, version, ...days());
}
JS
node days.mjs | tee days.txt
env/bin/python - <<'PY'
import datetime
import importlib.metadata
import sys

import cronsim

times = cronsim.CronSim("0 6 */2 * 1", datetime.datetime(2026, 1, 1))
days = [f"{next(times):%Y-%m-%d}" for _ in range(4)]
print("cronsim", importlib.metadata.version("cronsim"), *days)
with open("days.txt") as file:
    others = [line.split()[2:] for line in file]
first_week = ["2026-01-01", "2026-01-03", "2026-01-05", "2026-01-07"]
surprise = others == [first_week] * 3 and days == [
    "2026-01-05",
    "2026-01-19",
    "2026-02-09",
    "2026-02-23",
]
sys.exit(None if surprise else "the behaviour has changed")
PY
