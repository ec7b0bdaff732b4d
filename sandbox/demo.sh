#!/bin/sh
# Both feeds end to end, against stand-in servers on this machine. Called by
# `make demo`; arguments go to `sandbox run` (--items N, --data FOLDER, ...).
set -eu

if [ "${1:-}" != steps ]; then
    PATH="$PWD/$BIN:$PATH"
    export PATH
    export FEEDS_ENVIRONMENT=dev FEEDS_DATA="${FEEDS_DATA:-data/demo}"
    # Its own artifacts, so that the demo does not disturb an analyst's.
    export DBT_TARGET_PATH="$FEEDS_DATA/target" DBT_LOG_PATH="$FEEDS_DATA/logs"
    # The very first file of a feed needs a person's word; the demo gives it.
    export FEEDS_ACCEPT_FIRST=1
    mkdir -p "$FEEDS_DATA/partner/dev/order-feed"
    exec sandbox run "$@" --partner-folder "$FEEDS_DATA/partner" -- sh "$0" steps
fi

step() {
    printf '\n== %s\n' "$*"
    began=$(date +%s)
    "$@"
    printf '   (%s s)\n' "$(($(date +%s) - began))"
}

step extract --quiet
step dbt --quiet build
step publish --quiet
printf '\n== and once more: nothing is sent twice\n'
step publish --quiet

printf '\n== what the partners see\n'
(cd "$FEEDS_DATA/partner" && find . -type f | sort | xargs ls -l)
printf '\n'
head -3 "$(ls -t "$FEEDS_DATA"/partner/*.csv | head -1)"
printf '\n'
head -3 "$(ls -t "$FEEDS_DATA"/partner/dev/order-feed/*.csv | head -1)"

printf '\n== what became of every part at every location\n'
dbt --quiet show --limit 60 --inline "
    select status, output, reason_code, count(*) as items
    from {{ ref('inventory_audit') }} group by all order by all"

package=$(ls -dt "$FEEDS_DATA"/outbox/onpart_inventory/* | head -1)
printf '\nEvidence of the inventory file: %s\n' "$package"
ls "$package"

# The last of dbt: it rewrites the verdict that `publish` reads.
dbt --quiet docs generate --static
monitor drift --quiet >"$FEEDS_DATA/logs/drift.txt"
step monitor report --quiet
printf '\nThe page to look at: file://%s/report/index.html\n' "$(cd "$FEEDS_DATA" && pwd | sed 's/ /%20/g')"
