"""`publish resend`: the exact bytes of an earlier package go out once more."""

from datetime import UTC, datetime
from typing import Any

import click

from publish.deliver import delivery
from publish.operation import Operation, decision_options
from publish.partner_files import PartnerFolders
from publish.settings import format_utc
from runtime import duck
from runtime.command import report, show_progress
from runtime.environment import Limits
from runtime.exits import Misuse, Refused
from runtime.log import start_logging
from store import copies, feeds, holds, outbox, partner_state
from store.feeds import Feed
from store.ledger import Ledger, Record
from store.package import Package


@click.command()
@click.argument("run")
@click.argument("file", required=False)
@click.option(
    "--step-back", is_flag=True, help="Send a file older than what the partner has."
)
@decision_options(dry_run="Say what would be sent.")
def resend(
    run: str,
    file: str | None,
    step_back: bool,
    because: str,
    dry_run: bool,
    as_json: bool,
    log_format: str,
    quiet: bool,
) -> None:
    """Send the file of RUN again, as it was delivered, under the same name.

    FILE is the name of the file if several have this run. An older file than the
    partner has is a step back: only if each file replaces all rows of the last one.
    """
    start_logging(log_format, quiet)
    operation = Operation.read(because, dry_run)
    package = outbox.find(operation.place.outbox, f"{file}/{run}" if file else run)
    declared = operation.feed(package.feed)
    copies.refuse_copy(operation.place.data)
    with operation.ledger() as ledger:
        settings = operation.settings(datetime.now(UTC), show_progress(quiet))
        if not dry_run:
            delivery.recover(settings, ledger, declared)
            PartnerFolders(settings, ledger, [declared]).check(declared)
        record = _delivered(ledger, package)
        last = _check(operation, ledger, declared, package, record)
        is_back = last is not record
        if is_back:
            _raise_if_not_replaced(operation, declared, record, last, step_back)
        intent = _intent(operation, ledger, record, declared, is_back)
        if dry_run:
            result: Record = intent
        else:
            paths = [package.folder / item["name"] for item in intent["items"]]
            if is_back:
                intent["state"] = _state_after(operation, ledger, declared, record)
            result = delivery.send(settings, ledger, intent, paths)
    verb = "would be sent" if dry_run else "was sent"
    text = f"{record['name']} {verb} to {record['destination']} again"
    if is_back:
        text += f": a step back from {last['name']}. The next run starts from it"
    shown = {name: intent[name] for name in ("file", "run_id", "name", "resend_of")}
    shown["attempt"] = result["attempt"]
    report({"status": "done", "dry_run": dry_run, **shown}, f"{text}.", as_json)


def _delivered(ledger: Ledger, package: Package) -> Record:
    """Return the newest delivery of a package.

    Raises:
        Refused: it was never delivered.
    """
    for record in reversed(ledger.all("delivered", feed=package.feed)):
        if (record["file"], record["run_id"]) == (package.file, package.run_id):
            return record
    raise Refused(
        f"expected a delivered run, found {package.name}, which is {package.outcome}. "
        f"`publish {package.feed}` sends what was never delivered."
    )


def _check(
    operation: Operation,
    ledger: Ledger,
    feed: Feed,
    package: Package,
    record: Record,
) -> Record:
    """Check that a file can go out again; return what the partner has of it now.

    Raises:
        Refused: the package was pruned or changed, or its state is gone, the feed has
            another destination now, or is on hold, or the partner has unknown files.
    """
    now = datetime.now(UTC)
    if hold := holds.active(ledger, feed.name, package.file, now):
        raise Refused(f"{package.file} is {holds.sentence(hold)}. Release it first.")
    if record["destination"] != feed.destination:
        raise Refused(
            f"{record['name']} was delivered to {record['destination']}; {feed.name} "
            f"goes to {feed.destination} now."
        )
    package.check("Nothing was sent. Restore the package from a copy.")
    if package.digest != record["package"]:
        raise Refused(
            f"expected {package.folder} with the digest {record['package']}, found "
            f"{package.digest}. Nothing was sent. Restore it from a copy."
        )
    model = record["state"]["model"]
    if gap := copies.gap(ledger, model, feed.destination, record["split"]):
        raise Refused(
            f"{feed.destination} has files that the ledger does not know, since a copy "
            f"was put back ({gap['at']}). Run `publish {feed.name}`: it sends the file "
            "of today."
        )
    states = [
        partner_state.State(
            model, feed.destination, record["split"] or "", record["state"]["sha256"]
        )
    ]
    partner_state.files(operation.place.delivered, states)
    last = ledger.last_file(model, feed.destination, record["split"])
    return last or record


def _raise_if_not_replaced(
    operation: Operation, feed: Feed, record: Record, last: Record, step_back: bool
) -> None:
    """Check that a step back is possible, and asked for.

    Raises:
        Refused: it is not.
    """
    since = f"{last['name']} was {last['event']} after it, at {last['at']}"
    if feed.delta:
        raise Refused(
            f"{record['name']} cannot go out again: {since}, and each file has the "
            f"changes to the one before. If {feed.destination} lost rows, name those "
            f"that it has by `publish adopt {feed.name} FILE --replace`; the next file "
            "has what is missing."
        )
    if feed.replaces_by:
        declared = feeds.declared(operation.artifacts).feeds
        same = [f.name for f in declared if f.is_whole and f.state == feed.state]
        full = (same or [feed.name])[0]
        raise Refused(
            f"{record['name']} cannot go out again: {since}, and readers keep the rows "
            f"of other files. Send a full file of today: `publish {full} --again "
            '--because "..."`.'
        )
    if not step_back:
        raise Refused(
            f"{record['name']} is older than what {feed.destination} has: {since}. "
            "--step-back sends it, and the next run starts from it."
        )


def _state_after(
    operation: Operation, ledger: Ledger, feed: Feed, record: Record
) -> dict[str, str]:
    """Write what a partner has after a step back; return the `state` of the ledger.

    These are the rows of the older file, and as former rows the last values of all
    keys that the partner had and that this file does not have.
    """
    place = operation.place
    model, split = record["state"]["model"], record["split"] or ""
    old = partner_state.State(model, feed.destination, split, record["state"]["sha256"])
    now = [
        state
        for state in partner_state.current(ledger, model)
        if (state.destination, state.split) == (feed.destination, split)
    ]
    at = partner_state.moment(datetime.now(UTC))
    rows = partner_state.present(
        partner_state.rows(partner_state.files(place.delivered, [old]))
    )
    rows = f"(select * replace ({at} as _delivered_at) from {rows})"
    before = partner_state.rows(partner_state.files(place.delivered, now))
    rows = partner_state.replaced(partner_state.former(before), rows, feed.key)
    with (
        outbox.work(place.data, f"resend.{feed.name}") as work,
        duck.open_session(Limits.read(operation.variables), work) as connection,
    ):
        query = f"select * from {rows}"
        digest = partner_state.write(
            connection, query, place.delivered, model, feed.sort
        )
    return {"model": model, "sha256": digest}


def _intent(
    operation: Operation, ledger: Ledger, record: Record, feed: Feed, is_back: bool
) -> dict[str, Any]:
    """Return the fields of the new `intent`: those of the first, as they were."""
    records = ledger.attempt(record["attempt"])
    first = next((r for r in records if r["event"] == "intent"), None)
    if first is None:
        raise Misuse(f"the ledger has no intent of {record['attempt']}")
    skipped = ("event", "at", "previous", "again", "seconds", "try", "first")
    intent = {name: each for name, each in first.items() if name not in skipped}
    attempt = delivery.new_attempt(str(record["run_id"]))
    now = datetime.now(UTC)
    # A repeated file settles no later day; a step back does, so that no run with --due
    # sends at once what the partner was to lose.
    times = (
        {"logical": format_utc(now), "period": format_utc(feed.cadence.last_due(now))}
        if is_back
        else {}
    )
    return {
        **intent,
        **times,
        "attempt": attempt,
        "items": [
            {**item, "part": f"{item['name']}.{attempt}.part"}
            for item in first["items"]
        ],
        "resend_of": {
            "attempt": record["attempt"],
            "logical": record["logical"],
            "step_back": is_back,
            "by": operation.by,
            "because": operation.because,
        },
    }
