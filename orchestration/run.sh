#!/bin/sh
# Extracts, builds and publishes once, from any folder. Only a step that ends with 75 is
# tried again: RETRIES times (3), after RETRY_SECONDS (900). After any other code than 0
# no further step runs. At the end `monitor alert` sends what is new, good or bad. The
# exit code is that of the last step.
cd "$(dirname "$0")/.." || exit 2
PATH="$PWD/.venv/bin:$PATH"

# A signal is passed on, so that a command ends well; then no other one begins.
stopped=
trap 'stopped=143; kill "$child" 2>/dev/null' HUP INT TERM

run() {
    "$@" &
    child=$!
    wait "$child"
    code=$?
    while kill -0 "$child" 2>/dev/null; do # the signal ended only the wait
        wait "$child"
        code=$?
    done
    return "${stopped:-$code}"
}

step() {
    left=${RETRIES:-3}
    while :; do
        run "$@" && return 0
        if [ "$code" -ne 75 ] || [ "$left" -eq 0 ]; then return "${stopped:-$code}"; fi
        echo "run.sh: $*: 75, once more in ${RETRY_SECONDS:-900} s" >&2
        left=$((left - 1))
        run sleep "${RETRY_SECONDS:-900}" || return
    done
}

step extract && step publish build && step publish --due
ended=$?
[ -z "$stopped" ] || exit "$stopped"
run monitor alert
alerted=$?
# An alert that was not sent must not hide how the run ended.
if [ "$ended" -eq 0 ]; then exit "$alerted"; fi
exit "$ended"
