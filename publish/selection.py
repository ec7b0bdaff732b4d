"""Selects the feeds and split values of a run, and the files that it does not make."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from publish import gate
from publish.due import due_for, record_ahead
from publish.gate import sources as extracts
from publish.sequence import next_number
from publish.settings import Settings, format_utc
from runtime import duck
from runtime.exits import Misuse
from store import copies, feeds, holds, partner_state, sources
from store.builds import Build
from store.feeds import Feed, Open, exposure_of
from store.feeds.artifacts import Artifacts
from store.ledger import Ledger, Record
from store.package import Package
from store.sources import Source


@dataclass(frozen=True, slots=True)
class NotMade:
    """A file that is not made: it is not due, superseded, or cannot be made.

    Attributes:
        label: names the file, as `gate.Rendered.label` does.
        status: "not due", "on hold", "waiting", "superseded" or "refused".
        message: why, as a sentence.
        code: exit code.
    """

    label: str
    status: str
    message: str
    code: int = 0


def not_made(
    settings: Settings,
    ledger: Ledger,
    feed: Feed,
    split: str | None,
    build: Build | None,
) -> NotMade | None:
    """Return why a file is not made; None if it is made.

    Args:
        settings: of the command.
        ledger: has the deliveries.
        feed: the file's declaration.
        split: the split value, if the feed is split.
        build: that of the file's tables; None if they are not of one build.
    """
    label = gate.label(feed, split)
    at = settings.at
    if settings.due and not due_for(feed, ledger, at, split):
        period = format_utc(feed.cadence.last_due(at))
        return NotMade(label, "not due", f"the file due at {period} is settled")
    if hold := holds.active(ledger, feed.name, label, at):
        return on_hold(feed, label, hold)
    if settings.due and (ahead := record_ahead(feed, ledger, at, split)):
        return NotMade(label, "refused", f"{ahead}. {way_back(feed)}", 1)
    try:
        environment = settings.place.environment
        number = next_number(ledger, feed, split, environment)
        feed.file_name(at, environment, split, number)
    except Misuse as error:
        # The files of the other values still go out.
        return NotMade(label, "refused", str(error), 1)
    last = ledger.last_delivery_of(feed.state.model, feed.destination, split)
    by_day = "{date}" in feed.file and "{timestamp}" not in feed.file
    day, last_day = f"{at:%Y-%m-%d}", last["logical"][:10] if last and by_day else ""
    if last and last_day > day and not settings.redelivery:
        return NotMade(
            label,
            "refused",
            f"{last['name']} went out, and readers take files in the order of "
            f"their days: a file of {day} would have newer rows under an "
            f"older day. {way_back(feed)}",
            1,
        )
    if feed.is_whole:
        return _stale_snapshot(settings, ledger, feed, split, build)
    if gap := copies.gap(ledger, feed.state.model, feed.destination, split):
        return NotMade(
            label,
            "refused",
            f"{feed.destination} has {', '.join(gap['names'][split or ''])}, whose "
            "rows the ledger does not know since a copy was put back. "
            + (
                "Ask for the rows that it has now, and name them by "
                f"`publish adopt {feed.name} FILE`."
                if feed.delta
                else f"Publish the full file of {feed.state.model} first."
            ),
            1,
        )
    if last and last_day == day:
        # It would replace a file of the same name that the partner may not have read.
        return NotMade(
            label,
            "waiting",
            f"{last['name']} went out today; later changes follow in the file of "
            "another day",
        )
    if feed.delta:
        return None  # it is computed from what the partner has now
    return _stale_delta(settings, ledger, feed, split, build)


def _stale_delta(
    settings: Settings,
    ledger: Ledger,
    feed: Feed,
    split: str | None,
    build: Build | None,
) -> NotMade | None:
    """Return that a build subtracted something else than what the partner has.

    Files of other values that this very build made do not matter: it subtracted nothing
    of this one from them. So a file that failed is sent by the next try.
    """
    model, label = feed.state.model, gate.label(feed, split)
    if build is None:
        return None
    known, current = build.states_of(model), partner_state.current(ledger, model)
    new = [state for state in current if state not in known]
    ours = [state for state in new if _was_made_by(settings, ledger, state, build)]
    own = (feed.destination, split or "")
    if own in map(_place, ours):
        message = "the changes of this build went out. `publish build` shows later ones"
        return NotMade(label, "superseded", message, 75 if settings.due else 0)
    removed = {_place(state) for state in known} - {_place(state) for state in current}
    if ours == new and not removed:
        return None
    message = (
        "dbt built with other rows than the partner has, so that changes would be "
        "missed or sent twice. Run `publish build`, then publish again."
    )
    return NotMade(label, "superseded", message, 75)


def _place(state: partner_state.State) -> tuple[str, str]:
    return state.destination, state.split


def _was_made_by(
    settings: Settings, ledger: Ledger, state: partner_state.State, build: Build
) -> bool:
    """Return whether a state is that of a file which this build made.

    Or of a file that was not needed, since all that changed is that keys left.
    """
    rows = {"model": state.model, "sha256": state.sha256}
    for record in reversed(ledger.all("nothing")):
        # Two values that lost all keys have the same rows.
        place = record["destination"], record["split"] or ""
        if record.get("state") == rows and place == _place(state):
            return bool(record.get("build") == build.id)
    split = state.split or None
    last = ledger.last_delivery_of(state.model, state.destination, split)
    if last is None or last["state"]["sha256"] != state.sha256:
        return False
    return _build_of(settings, last) == build.id


def _build_of(settings: Settings, delivered: Record) -> str | None:
    """Return the id of the build that made a delivered file; None if unknown.

    Earlier versions did not record it. Then the package has it.
    """
    if build := delivered.get("build"):
        return str(build)
    try:
        package = Package.from_record(settings.place.outbox, delivered)
        return str(package.run["dbt"]["invocation_id"])
    except (OSError, ValueError, KeyError):
        return None


def _stale_snapshot(
    settings: Settings,
    ledger: Ledger,
    feed: Feed,
    split: str | None,
    build: Build | None,
) -> NotMade | None:
    """Return that a build did not know of a newer file, which another build made.

    That is the last file, or one of another value if readers replace rows by a key: the
    key may have moved there. The rows were compared with what the partner had before.
    This happens if the file of a killed run is found at the partner only after the next
    build.
    """
    if build is None:
        return None
    own = (feed.destination, split or "")
    known = build.states_of(feed.state.model)
    for state in partner_state.current(ledger, feed.state.model):
        # A key may have moved to another value, whose file replaced its rows.
        is_asked = feed.replaces_by or _place(state) == own
        if not is_asked or state in known:
            continue
        last = ledger.last_delivery_of(
            state.model, state.destination, state.split or None
        )
        if last is None or _was_made_by(settings, ledger, state, build):
            continue
        message = (
            f"dbt built before {last['name']} was recorded as delivered, so its rows "
            "were compared with an older file. Run `publish build`, then publish again."
        )
        return NotMade(gate.label(feed, split), "superseded", message, 75)
    return None


def on_hold(feed: Feed, label: str, hold: Record) -> NotMade:
    """Return that a person stopped this file, or the feed, for a time."""
    file = f" {hold['file']}" if hold["file"] else ""
    return NotMade(
        label,
        "on hold",
        f"{holds.sentence(hold)}. Nothing was sent. "
        f'`publish release {feed.name}{file} --because "..."` ends the hold.',
    )


def of_unknown_period(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    ledger: Ledger,
    feed: Feed,
) -> list[NotMade]:
    """Refuse each value that had files and whose period cannot be read any more.

    Nobody knows whether it is open. Without a word its changes would wait for ever.
    """
    if not feed.open:
        return []
    since, until = duck.name(feed.open.since), duck.name(feed.open.until)
    unknown = f"not coalesce({since} < {until}, false)"
    values = _values(connection, str(feed.split_by), feed.open.relation.sql, unknown)
    return [
        not_made(settings, ledger, feed, value, None)
        or NotMade(
            gate.label(feed, value),
            "refused",
            f"{feed.open.relation.name} has no readable period of {value} any more "
            f"({feed.open.since}, {feed.open.until}), so nobody knows whether it gets "
            "files. Repair the period at the source, or close or archive it there.",
            1,
        )
        for value in values
        if ledger.last_delivered(feed.name, feed.destination, value)
    ]


def none_open(
    settings: Settings, feed: Feed, landed: list[Source], build: gate.dbt.FileBuild
) -> list[NotMade]:
    """Refuse a run in which no split value is open, unless that is certain.

    It is not if the extract is too old, if dbt was killed before it made the table of
    the open values, or if it made that table of an older extract.
    """
    if not feed.open:
        return []
    if build.build is None:
        return [NotMade(feed.name, "refused", build.message, 1)]
    checks = []
    if feed.guards.get("source_complete"):
        checks.append(extracts.complete(landed, build.began_at))
    if hours := feed.guards.get("max_source_age"):
        at = feed.cadence.last_due(settings.at) if settings.due else settings.at
        checks.append(extracts.fresh(landed, at, hours))
    return [
        NotMade(feed.name, "refused", check.message, 1)
        for check in checks
        if not check.passed
    ][:1]


@dataclass(frozen=True, slots=True)
class Choice:
    """The feeds of a run.

    Attributes:
        feeds: those to publish.
        left_out: the reason for each that the run leaves out, by name.
        refused: the errors of each that is declared wrongly, by name.
    """

    feeds: tuple[Feed, ...]
    left_out: dict[str, str]
    refused: dict[str, str] = field(default_factory=dict)


def choose(
    artifacts: Artifacts, names: Sequence[str], landing: Path, ledger: Ledger
) -> Choice:
    """Choose the feeds with these names, or all if none is given.

    A company may use one source and not another. So a feed that is not named is left
    out if one of its sources was never landed and the ledger has no record of the feed.
    If the ledger has a record, the source was lost: `prepare` raises an error.

    Raises:
        Misuse: a name is not declared, or declared wrongly, no exposure is declared
            rightly, or nothing at all was landed.
    """
    project = feeds.declared(artifacts)
    if wrong := [n for n in map(exposure_of, names) if n in project.errors]:
        raise project.refusal(*wrong)
    if project.errors and not project.feeds:
        raise project.refusal()
    for name in names:
        if not project.named(name):
            known = ", ".join(project.names) or "(none is declared)"
            feed, _, value = name.partition(".")
            # A summary names the file of one term like this.
            hint = f". Its terms go together: `publish {feed}`" if value else ""
            raise Misuse(
                f"expected one of the files {known}; found {name!r}"
                + (hint if project.named(feed) else "")
            )
    if names:
        wanted = {feed.name for name in names for feed in project.named(name)}
        return Choice(tuple(f for f in project.feeds if f.name in wanted), {})
    declared = {feed.name: feed for feed in project.feeds}
    recorded = {record.get("feed") for record in ledger.all()}
    left_out = {
        feed.name: f"nothing of {' and '.join(missing)} was ever landed here"
        for feed in declared.values()
        if (missing := sources.absent(landing, feed.sources))
        and feed.name not in recorded
    }
    if left_out and len(left_out) == len(declared):
        raise Misuse(
            f"expected a landed source in {landing / 'current'}, found none. Run "
            "`extract`, then `dbt build`, or set FEEDS_DATA to the data directory "
            "that they wrote to."
        )
    selected = tuple(feed for name, feed in declared.items() if name not in left_out)
    refused = {name: str(project.refusal(name)) for name in project.errors}
    return Choice(selected, left_out, refused)


def split_values(
    connection: duckdb.DuckDBPyConnection, feed: Feed, ledger: Ledger, at: datetime
) -> Sequence[str | None]:
    """Return the split values that get a file, sorted; [None] for a feed of one file.

    Args:
        connection: from `runtime.duck`.
        feed: the file's declaration.
        ledger: has the last file of each value.
        at: the logical time, UTC.
    """
    if feed.split_by is None:
        return [None]
    if feed.open is None:
        return _values(connection, feed.split_by, feed.model.sql, "true")
    moment = f"timestamp {duck.text(f'{at:%Y-%m-%d %H:%M:%S}')}"
    since, until = duck.name(feed.open.since), duck.name(feed.open.until)
    now = f"{since} <= {moment} and {moment} < {until}"
    chosen = {*_values(connection, feed.split_by, feed.open.relation.sql, now)}
    if feed.open.final:
        chosen |= _closing(connection, feed, feed.open, ledger, moment)
    return sorted(chosen)


def every_split(connection: duckdb.DuckDBPyConnection, feed: Feed) -> Sequence[str]:
    """Return all split values of a split feed, open or not, sorted."""
    relation = feed.open.relation if feed.open else feed.model
    return _values(connection, str(feed.split_by), relation.sql, "true")


def _values(
    connection: duckdb.DuckDBPyConnection, column: str, relation: str, where: str
) -> list[str]:
    rows = connection.execute(
        f"select distinct cast({duck.name(column)} as varchar) from {relation} "
        f"where {where} order by 1"
    ).fetchall()
    return [row[0] for row in rows]


def _closing(
    connection: duckdb.DuckDBPyConnection,
    feed: Feed,
    period: Open,
    ledger: Ledger,
    moment: str,
) -> set[str]:
    """Values that have closed since their last file: they get a final one."""
    closed = connection.execute(
        f"select cast({duck.name(str(feed.split_by))} as varchar), "
        f"{duck.name(period.until)} "
        f"from {period.relation.sql} where {duck.name(period.until)} <= {moment}"
    ).fetchall()
    final = set()
    for value, until in closed:
        # Deltas count too: the term may have opened and closed between two fulls.
        last = ledger.last_delivery_of(feed.state.model, feed.destination, value)
        if last and datetime.fromisoformat(last["logical"]) < until.replace(tzinfo=UTC):
            final.add(value)
    return final


def way_back(feed: Feed) -> str:
    """Return how a feed goes on behind a record of a time that has not come yet."""
    if "{date}" in feed.file and "{timestamp}" not in feed.file:
        return (
            "Correct the clock. When the reader has taken or removed that file, run "
            f'`publish {feed.name} --again --because "..."`. It sends the file of '
            "today."
        )
    return f"Correct the clock. Then run `publish {feed.name}` without --due."
