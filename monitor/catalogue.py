"""Every finding there can be: how bad it is, and what to do about it.

    act      somebody must act: exit 1
    unsure   it could not be told: exit 75, unless somebody must act
    warn     told, but nothing is held up by it
    note     good to know

docs/health.md has the same table; a test holds the two together.
"""

from dataclasses import dataclass

AREAS = ("source", "build", "feed", "destination", "machine", "drift", "alerts")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding.

    Attributes:
        severity: act, unsure, warn or note.
        area: what was looked at; one of `AREAS`.
        means: what it says, in a few words.
        do: the next step; `{about}` is the source, file or destination.
    """

    severity: str
    area: str
    means: str
    do: str


CATALOGUE: dict[str, Kind] = {
    # Whatever could not be read: nothing is said to be well that was not seen.
    "CANNOT_TELL": Kind(
        "unsure", "machine", "something that had to be looked at cannot be read",
        "Look at what the sentence names; then ask again.",
    ),
    "EXTRACT_MISSING": Kind(
        "act", "source", "nothing was ever landed, from any source",
        "Run `extract`.",
    ),
    "SOURCE_LEFT_OUT": Kind(
        "note", "source", "never landed, while another source was",
        "If it should be read, set its variables (.env.example) and run `extract`.",
    ),
    "EXTRACT_STALE": Kind(
        "act", "source", "the last complete extract is older than the cadence allows",
        "Run `extract {about}`: it says why it does not complete. Then look at the "
        "orchestrator, which should have run it.",
    ),
    "EXTRACT_UNFINISHED": Kind(
        "warn", "source", "an extract was begun after the last complete one",
        "If it is not running any more, run `extract {about}`: it goes on where it "
        "ended, or says why it cannot.",
    ),
    "EXTRACT_COUNTS": Kind(
        "act", "source", "the source counted other than what was landed",
        "Run `extract {about} --full`, then `dbt build`.",
    ),
    "SCHEMA_DRIFT": Kind(
        "warn", "source", "the source sends fields that we do not know",
        "Their values are kept in _unrecognised. If they matter, name them in "
        "extract/entities.py; else acknowledge.",
    ),
    "CUSTOM_FIELD_MISSING": Kind(
        "warn", "source", "no record has a custom field that the project maps",
        "Look whether it was renamed in the source; its name is `custom_field` in the "
        "source's YAML below models/staging.",
    ),
    "FIELD_MISSING": Kind(
        "warn", "source", "a field that the last run still had is in no record",
        "Ask whoever runs the source. What is made from it is empty now.",
    ),
    "FIELD_RETYPED": Kind(
        "warn", "source", "a field's values are of another kind than in the last run",
        "Look at the examples, and at what the staging model casts them to.",
    ),
    "SEED_UNUSED": Kind(
        "warn", "source", "entries of a mapping match nothing any more",
        "Look whether the source has renamed what they name; mend seeds/{about}.csv.",
    ),
    "DBT_MISSING": Kind(
        "act", "build", "there is no build, or its artifacts are gone",
        "Run `dbt build` from the project root.",
    ),
    "DBT_FAILED": Kind(
        "act", "build", "models or tests of the last build failed",
        "Mend what they name, then `dbt build`.",
    ),
    "DBT_EMPTY": Kind(
        "act", "build", "the last build was made with --empty",
        "Run `dbt build`.",
    ),
    "DBT_STALE": Kind(
        "act", "build", "the build is older than what was landed",
        "Run `dbt build`, then `publish`.",
    ),
    "DBT_UNFINISHED": Kind(
        "act", "build", "the last build was killed, or did not test its tables",
        "Run `dbt build`.",
    ),
    "DBT_WARNED": Kind(
        "warn", "build", "tests of the last build warned",
        "Look at the rows they name: `dbt show --select TEST`.",
    ),
    "FILE_HELD": Kind(
        "act", "feed", "a file was held; the partner keeps the last good one",
        "Look at gates.html in the package; mend the cause, or `publish approve "
        'DIGEST --because "..."`.',
    ),
    "FILE_RELEASED": Kind(
        "note", "feed", "a held file was approved and is not sent yet",
        "Run `publish`: it delivers those bytes.",
    ),
    "FILE_OVERDUE": Kind(
        "act", "feed", "a file was due and nothing was sent",
        "Run `extract`, `dbt build`, `publish --due`; look at the orchestrator's log.",
    ),
    "FILE_NEVER_SENT": Kind(
        "note", "feed", "no file of the feed was ever sent",
        "Run `publish`; a person releases the first file.",
    ),
    "DELIVERY_FAILED": Kind(
        "act", "feed", "the last try to deliver failed",
        "Mend what the sentence names (`publish check DEST` tries the server), then "
        "`publish`.",
    ),
    "DELIVERY_OPEN": Kind(
        "act", "feed", "a delivery was begun and its end was never recorded",
        "Run `publish`: it looks at the partner's folder and settles it.",
    ),
    "DELIVERY_UNKNOWN": Kind(
        "act", "feed", "nobody can tell whether a delivery arrived",
        "Ask the partner whether the file came, then `publish settle ATTEMPT`.",
    ),
    "NOT_PICKED_UP": Kind(
        "act", "feed", "the partner has not taken a file in the agreed time",
        "Ask the partner whether his reader runs.",
    ),
    "PICKUP_NOT_LOOKED": Kind(
        "unsure", "feed", "nobody has looked whether a file was taken",
        "Run `publish status --look`.",
    ),
    "STATE_MISSING": Kind(
        "act", "feed", "the rows that the partner holds are gone from delivered/",
        "Restore them from a copy: without them no loss could be noticed.",
    ),
    "PACKAGE_MISSING": Kind(
        "note", "feed", "the package of the last delivery is gone from the outbox",
        "Restore it from a copy if its evidence is still wanted.",
    ),
    "DEST_UNCONFIGURED": Kind(
        "act", "destination", "the destination of a feed has no settings",
        "Set DEST_<NAME>_URL and what belongs to it (docs/destinations.md).",
    ),
    "DEST_UNCHECKED": Kind(
        "note", "destination", "the server was never tried, and nothing was sent",
        "Run `publish check {about}`.",
    ),
    "DEST_CHECK_OLD": Kind(
        "note", "destination", "the last check or delivery was long ago",
        "Run `publish check {about}`, or `monitor health --fresh`.",
    ),
    "DEST_NOT_READY": Kind(
        "act", "destination", "the last check found the server not acceptable",
        "Run `publish check {about}`: it shows the step and the server's words.",
    ),
    "DEST_UNREACHABLE": Kind(
        "unsure", "destination", "the server was unavailable at the last check",
        "Run `publish check {about}` again; if it stays so, ask the partner.",
    ),
    "CERT_RENEWAL_DUE": Kind(
        "warn", "destination", "the server's certificate ends within 30 days",
        "Tell the partner, if it is not renewed by itself.",
    ),
    "CERT_EXPIRES": Kind(
        "act", "destination", "the server's certificate ends within 7 days, or has",
        "Ask the partner to renew it: without it nothing will be sent.",
    ),
    "CERT_NOT_CHECKED": Kind(
        "warn", "destination", "files go to a server that anybody could pose as",
        "Set DEST_<NAME>_CA_FILE to the partner's authority, DEST_<NAME>_TLS_VERIFY "
        "back to 1.",
    ),
    "DISK_LOW": Kind(
        "act", "machine", "the disk is nearly full",
        "Make room: `publish prune --dry-run` says what is old and may go.",
    ),
    "LOCK_OLD": Kind(
        "act", "machine", "a command has held the lock for long",
        "Look at what it does; if it hangs, end it by its process id: it may be run "
        "again.",
    ),
    "LEDGER_BROKEN": Kind(
        "act", "machine", "the ledger was edited, cut or damaged",
        "Restore ledger.jsonl and ledger.head from a copy; until then nothing is sent.",
    ),
    "LEDGER_TORN": Kind(
        "note", "machine", "a crash cut the ledger's last line short",
        "Nothing: the next `publish` cuts it off and records that.",
    ),
    "DRIFT_ROWS": Kind(
        "warn", "drift", "far fewer or more rows than usual",
        "Look at `monitor drift`, then at audit.csv for the reason that grew.",
    ),
    "DRIFT_NULLS": Kind(
        "warn", "drift", "a column is empty more or less often than usual",
        "Look at the column in the source, and at the model that fills it.",
    ),
    "DRIFT_VALUES": Kind(
        "warn", "drift", "the shares of a column's values, or of reasons, have moved",
        "Look which value grew or vanished, then `monitor why` for one of its rows.",
    ),
    "DRIFT_NUMBERS": Kind(
        "warn", "drift", "the numbers of a column are distributed otherwise",
        "Look at changes.csv for the rows that moved furthest.",
    ),
    "DRIFT_TEXT": Kind(
        "warn", "drift", "a column's texts are of another length or variety",
        "Look at the column's values in the file: cut off, or all the same?",
    ),
    "DRIFT_MOVES": Kind(
        "warn", "drift", "far more rows changed, came or went than usual",
        "Look at changes.csv: one change of price or stock for all, or a source that "
        "was reset?",
    ),
    "DRIFT_SLOW": Kind(
        "warn", "drift", "a figure has crept away over weeks, too slowly for a day",
        "Look at `monitor drift`, and ask whether the business did that.",
    ),
    "DRIFT_NOT_PROFILED": Kind(
        "note", "drift", "the newest file was not compared with earlier ones yet",
        "Run `monitor drift`.",
    ),
    "ALERT_FAILED": Kind(
        "warn", "alerts", "a channel of alerts does not take them",
        "Look at its FEEDS_ALERT_* variables; `monitor alert` tries again.",
    ),
}  # fmt: skip
