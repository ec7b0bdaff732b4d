"""Every kind of finding: how bad it is, what is wrong, and what to do.

    act      somebody must act: exit code 1
    unsure   a check could not be made: exit code 75, unless somebody must act
    warn     reported, but nothing is held
    note     good to know

`make docs` writes the table of docs/health.md from this.
"""

import msgspec

AREAS = ("source", "build", "feed", "destination", "machine", "drift", "alerts")
# Who acts: the operator, but for these areas and these kinds.
_ANALYST, _ORCHESTRATOR, _PARTNER = "analyst", "orchestrator", "partner"
_ACTS = {
    "build": _ANALYST, "drift": _ANALYST, "VALUES_WAIT": _ANALYST,
    "ROWS_REJECTED": _ANALYST, "SEED_UNUSED": _ANALYST, "SCHEMA_DRIFT": _ANALYST,
    "CUSTOM_FIELD_MISSING": _ANALYST, "FIELD_MISSING": _ANALYST,
    "FIELD_RETYPED": _ANALYST, "FILE_RELEASED": _ORCHESTRATOR,
    "FILE_OVERDUE": _ORCHESTRATOR, "DELIVERY_OPEN": _ORCHESTRATOR,
    "NOT_PICKED_UP": _PARTNER, "DELIVERY_UNKNOWN": _PARTNER,
}  # fmt: skip


class Kind(msgspec.Struct, frozen=True):
    """A kind of finding.

    Attributes:
        severity: act, unsure, warn or note.
        area: what was checked; one of `AREAS`.
        meaning: what is wrong, in a few words.
        remedy: the next step; `{about}` is the source, file or destination.
    """

    severity: str
    area: str
    meaning: str
    remedy: str


CATALOGUE: dict[str, Kind] = {
    "CANNOT_TELL": Kind(
        "unsure", "machine", "a check could not be made",
        "Fix what the message names. Then run `monitor health` again.",
    ),
    "EXTRACT_MISSING": Kind(
        "act", "source", "no source was ever extracted",
        "Run `extract`.",
    ),
    "SOURCE_LEFT_OUT": Kind(
        "note", "source", "the source was never extracted, another one was",
        "If you need it, set its variables (.env.example) and run `extract`.",
    ),
    "EXTRACT_STALE": Kind(
        "act", "source", "the last complete extract is too old for its feeds",
        "Run `extract {about}`: it reports why it does not complete. Then check the "
        "orchestrator, which should have run it.",
    ),
    "EXTRACT_UNFINISHED": Kind(
        "warn", "source", "an extract started after the last complete one and did not "
        "complete",
        "If it is not running any more, run `extract {about}`: it continues, or "
        "reports why it cannot.",
    ),
    "EXTRACT_COUNTS": Kind(
        "act", "source", "the source counts more or fewer records than were extracted",
        "Run `extract {about} --full`, then `dbt build`.",
    ),
    "SCHEMA_DRIFT": Kind(
        "warn", "source", "the source sends fields that the project does not know",
        "Their values are in the column _unrecognised. If you need them, add them to "
        "extract/entities.py. If not, acknowledge this.",
    ),
    "CUSTOM_FIELD_MISSING": Kind(
        "warn", "source", "no record has a custom field that the project maps",
        "Check whether the source renamed it. Its name is `custom_field` in the "
        "source's YAML below models/staging.",
    ),
    "FIELD_MISSING": Kind(
        "warn", "source", "no record has a field that the extract before still had",
        "Ask the operator of the source. Columns that need the field are empty now.",
    ),
    "FIELD_RETYPED": Kind(
        "warn", "source", "a field changed from numbers to texts, or back",
        "Compare the values with the type in the staging model.",
    ),
    "SEED_UNUSED": Kind(
        "warn", "source", "entries of a mapping match no record any more",
        "Check whether the source renamed them. Then correct seeds/{about}.csv.",
    ),
    "SEED_UNMATCHED": Kind(
        "warn", "build", "entries of a list that forbids match no record",
        "Correct or remove them in seeds/{about}.csv, or acknowledge the finding: the "
        "parts may come back.",
    ),
    "DBT_MISSING": Kind(
        "act", "build", "there is no build, or its files are missing",
        "Run `dbt build` from the project root.",
    ),
    "DBT_FAILED": Kind(
        "act", "build", "models or tests of the last build failed",
        "Fix the models or tests that the message names. Then run `dbt build`.",
    ),
    "DBT_EMPTY": Kind(
        "act", "build", "the last build used --empty",
        "Run `dbt build`.",
    ),
    "DBT_STALE": Kind(
        "act", "build", "the build is older than the extract",
        "Run `dbt build`, then `publish`.",
    ),
    "DBT_UNFINISHED": Kind(
        "act", "build", "the last build was killed, or did not test its tables",
        "Run `dbt build`.",
    ),
    "DBT_WARNED": Kind(
        "warn", "build", "tests of the last build warned",
        "Look at the rows: `dbt show --select TEST`.",
    ),
    "FILE_HELD": Kind(
        "act", "feed", "a file is held; the partner keeps the last good one",
        "Read gates.html in the package. Fix the cause, or run `publish approve "
        'DIGEST --because "..."`.',
    ),
    "FILE_RELEASED": Kind(
        "note", "feed", "a held file was approved and is not sent yet",
        "Run `publish`: it delivers the approved file.",
    ),
    "FILE_ON_HOLD": Kind(
        "note", "feed", "a person stopped the file until a time",
        'Nothing: the hold ends by itself. `publish release FEED --because "..."` ends '
        "it before.",
    ),
    "FILE_OVERDUE": Kind(
        "act", "feed", "a file was due and was not sent",
        "Run `extract`, `dbt build`, `publish --due`. Check the orchestrator's log.",
    ),
    "CLOCK_AHEAD": Kind(
        "act", "feed", "the last run of a file was for a time that has not come yet",
        "Correct the clock. Then run `publish --due`: its message has the command "
        "that sends the file.",
    ),
    "FILE_NEVER_SENT": Kind(
        "note", "feed", "the feed never sent a file",
        "Run `publish`. A person approves the first file.",
    ),
    "VALUES_WAIT": Kind(
        "warn", "feed", "values in review wait for a person to confirm them",
        "Read `publish confirm {about} --list`. Correct the source, or confirm the "
        "right ones.",
    ),
    "ROWS_REJECTED": Kind(
        "warn", "feed", "the partner rejected rows of the last file",
        "Read the page of the run. `monitor why` explains a row, with the partner's "
        "code.",
    ),
    "DELIVERY_FAILED": Kind(
        "act", "feed", "the last delivery failed",
        "Fix what the message names (`publish check DEST` tests the server). Then run "
        "`publish`.",
    ),
    "DELIVERY_OPEN": Kind(
        "act", "feed", "a delivery was interrupted; its end is not recorded",
        "Run `publish`: it checks the partner's folder and records the end.",
    ),
    "DELIVERY_UNKNOWN": Kind(
        "act", "feed", "it is not known whether a delivery arrived",
        "Ask the partner whether the file arrived. Then run `publish settle ATTEMPT`.",
    ),
    "STATE_MISSING": Kind(
        "act", "feed", "the rows that the partner has are missing in delivered/",
        "Restore them from a backup: without them no guard can notice a loss.",
    ),
    "PACKAGE_MISSING": Kind(
        "note", "feed", "the package of the last delivery is missing in the outbox",
        "Restore it from a backup if you still need its evidence.",
    ),
    "DEST_UNCONFIGURED": Kind(
        "act", "destination", "the destination of a feed has no settings",
        "Set DEST_<NAME>_URL and the other settings (docs/destinations.md).",
    ),
    "DEST_UNCHECKED": Kind(
        "note", "destination", "the server was never tested, and nothing was sent",
        "Run `publish check {about}`.",
    ),
    "DEST_CHECK_OLD": Kind(
        "note", "destination", "the last check or delivery is old",
        "Run `publish check {about}`, or `monitor health --fresh`.",
    ),
    "DEST_NOT_READY": Kind(
        "act", "destination", "the last check of the server failed",
        "Run `publish check {about}`: it shows the step and the server's answer.",
    ),
    "DEST_UNREACHABLE": Kind(
        "unsure", "destination", "the server was not available at the last check",
        "Run `publish check {about}` again. If it still fails, ask the partner.",
    ),
    "CERT_RENEWAL_DUE": Kind(
        "warn", "destination", "a certificate ends within 30 days: of a partner's "
        "server, of a source, or the authority of a CA_FILE",
        "Tell the partner, unless it is renewed automatically.",
    ),
    "CERT_EXPIRES": Kind(
        "act", "destination", "a certificate ends within 7 days, or has ended",
        "Ask the partner to renew it: with an expired certificate no file is sent.",
    ),
    "CERT_NOT_CHECKED": Kind(
        "warn", "destination", "files are sent without a check of the server's "
        "certificate",
        "Set DEST_<NAME>_CA_FILE to the partner's authority and "
        "DEST_<NAME>_TLS_VERIFY to 1.",
    ),
    "NOT_PICKED_UP": Kind(
        "act", "destination", "the partner did not remove files in the agreed time",
        "Ask the partner whether their reader runs.",
    ),
    "DISK_LOW": Kind(
        "act", "machine", "the disk is nearly full",
        "Free some space: `publish prune --dry-run` lists what can be removed.",
    ),
    "LOCK_OLD": Kind(
        "act", "machine", "a command has held the lock for a long time",
        "Check what it does. If it hangs, end it by its process id; you may run it "
        "again.",
    ),
    "DATA_RESTORED": Kind(
        "act", "machine", "the data directory was put back from a copy; nothing is "
        "sent",
        "Run `publish restored`: it compares the partners' folders with the ledger.",
    ),
    "LEDGER_BROKEN": Kind(
        "act", "machine", "the ledger was edited, cut or damaged",
        "Restore ledger.jsonl and ledger.head from a backup. Until then nothing is "
        "sent.",
    ),
    "LEDGER_TORN": Kind(
        "note", "machine", "a crash cut the last line of the ledger",
        "Nothing: the next `publish` removes that line and records it.",
    ),
    "DRIFT_ROWS": Kind(
        "warn", "drift", "the file has far fewer or more rows than usual",
        "Run `monitor drift`. Then find the reason that grew in audit.csv.",
    ),
    "DRIFT_NULLS": Kind(
        "warn", "drift", "a column is empty more or less often than usual",
        "Check the column in the source, and the model that fills it.",
    ),
    "DRIFT_REASONS": Kind(
        "warn", "drift", "a reason code decides far more or fewer rows than usual",
        "Run `monitor why` for one of its rows (audit.csv has them).",
    ),
    "DRIFT_NUMBERS": Kind(
        "warn", "drift", "the median or the zeros of a column are unusual",
        "Look in changes.csv for the rows that changed most.",
    ),
    "DRIFT_TEXT": Kind(
        "warn", "drift", "the texts of a column are of unusual length or variety",
        "Look at the column in the file: are texts cut off, or all the same?",
    ),
    "DRIFT_MOVES": Kind(
        "warn", "drift", "far more rows were added, removed or changed than usual",
        "Look at changes.csv: did all prices or stocks change, or was the source "
        "reset?",
    ),
    "DRIFT_NOT_PROFILED": Kind(
        "note", "drift", "the newest file is not compared with earlier ones yet",
        "Run `monitor drift`.",
    ),
    "ALERT_FAILED": Kind(
        "warn", "alerts", "a channel did not accept an alert",
        "Check its FEEDS_ALERT_* variables. `monitor alert` tries again.",
    ),
}  # fmt: skip


def who_acts(id_: str) -> str:
    """Return for whom a finding waits: operator, analyst, orchestrator or partner."""
    return _ACTS.get(id_) or _ACTS.get(CATALOGUE[id_].area, "operator")
