#!/bin/sh
# Runs both feeds against stand-in servers on this machine. `make demo` calls it;
# arguments go to `sandbox run` (--items N, --data FOLDER, ...).
set -eu

if [ "${1:-}" != steps ]; then
    PATH="$PWD/$BIN:$PATH"
    export PATH
    export FEEDS_ENVIRONMENT=dev FEEDS_DATA="${FEEDS_DATA:-data/demo}"
    # Artifacts of its own, so that the demo does not overwrite an analyst's.
    export DBT_TARGET_PATH="$FEEDS_DATA/target" DBT_LOG_PATH="$FEEDS_DATA/logs"
    # The first file of a feed needs an approval; this gives it.
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
printf '\n== once more: nothing is sent twice\n'
step publish --quiet

printf '\n== the files that the partners received\n'
(cd "$FEEDS_DATA/partner" && find . -type f | sort | xargs ls -l)
printf '\n'
head -3 "$(ls -t "$FEEDS_DATA"/partner/*.csv | head -1)"
printf '\n'
head -3 "$(ls -t "$FEEDS_DATA"/partner/dev/order-feed/*.csv | head -1)"

printf '\n== the result for every part at every location\n'
dbt --quiet show --limit 60 --inline "
    select status, output, reason_code, count(*) as items
    from {{ ref('inventory_audit') }} group by all order by all"

package=$(ls -dt "$FEEDS_DATA"/outbox/onpart_inventory/* | head -1)
printf '\nEvidence of the inventory file: %s\n' "$package"
ls "$package"

# After `publish`, because it overwrites the test results that `publish` reads.
dbt --quiet docs generate --static
monitor drift --quiet >"$FEEDS_DATA/logs/drift.txt"
step monitor report --quiet
printf '\nThe report: file://%s/report/index.html\n' "$(cd "$FEEDS_DATA" && pwd | sed 's/ /%20/g')"
