"""Check each feed: held files, attempts, due times, and the state kept of them."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from monitor.context import CLOCK, Context, duration_text
from monitor.findings import CheckResult, Finding, listed
from runtime.files import parse_time
from store import adopted, answers, feedback, holds
from store.feeds import Feed
from store.ledger import Record
from store.package import Package
from store.partner_state import current


def check(context: Context) -> CheckResult:
    """Check every declared feed by the ledger and the packages."""
    facts: dict[str, Any] = {}
    findings: list[Finding] = []
    for feed in context.feeds:
        facts[feed.name] = _facts(context, feed)
        open_ = [*_held(context, feed), *_attempts(context, feed)]
        findings += [*open_, *_due(context, feed, open_), *_missing(context, feed)]
        findings += [*_on_hold(context, feed), *_rejected(context, feed)]
        findings += _ahead(context, feed)
    findings += _states_missing(context)
    return CheckResult({"feeds": facts}, tuple(findings))


def _facts(context: Context, feed: Feed) -> dict[str, Any]:
    sent = context.intact_ledger.all("delivered", feed=feed.name)
    return {
        "destination": feed.destination,
        "last_due": f"{feed.cadence.last_due(context.at):{CLOCK}}",
        "last_delivered": _short(sent[-1]) if sent else None,
        "adopted": [
            adopted.sentence(record)
            for record in adopted.current(context.intact_ledger, feed.name)
        ],
        "files": {
            name: {"event": record["event"], "at": record["at"]}
            for name, record in context.intact_ledger.newest(feed.name).items()
        },
        "last_package": next(
            (
                package.run_id
                for package in reversed(context.packages)
                if package.feed == feed.name
            ),
            None,
        ),
    }


def _short(record: Record) -> dict[str, Any]:
    return {name: record.get(name) for name in ("file", "name", "at", "rows", "run_id")}


def _held(context: Context, feed: Feed) -> Iterator[Finding]:
    for file, record in context.intact_ledger.newest(feed.name).items():
        if record["event"] != "held" or _is_over(context, feed, file):
            continue
        if context.intact_ledger.approval(file, record["sha256"]):
            message = f"{record['name']} is approved; no publish has run since"
            yield Finding("FILE_RELEASED", file, message, record["at"])
            continue
        reasons = record.get("reasons") or []
        sentences = [f"{r['id']}: {_without_advice(r['says'])}" for r in reasons[:3]]
        if len(reasons) > len(sentences):
            sentences.append(f"And {len(reasons) - len(sentences)} more")
        why = ". ".join(sentences) or listed(record["checks"])
        examples = [str(each) for r in reasons for each in r.get("examples", ())]
        page = f"outbox/{file}/{record['run_id']}/gates.html"
        yield Finding(
            "FILE_HELD",
            file,
            f"{record['name']} is held. {why}",
            record["at"],
            tuple(examples[:3]),
            step=f"Read {page}. {_release(record)}",
        )


def _without_advice(message: str) -> str:
    """Return a check's message without its advice, which the next step has."""
    return message.partition(" If it is right, `publish approve")[0].rstrip(".")


def _release(record: Record) -> str:
    if hard := record.get("hard"):
        return f"Fix the cause, then publish again. Nobody can approve {listed(hard)}."
    return (
        "Fix the cause, then publish again. If the file is right, run "
        f'`publish approve {record["sha256"][:12]} --because "..."`.'
    )


def _on_hold(context: Context, feed: Feed) -> Iterator[Finding]:
    for hold in holds.current(context.intact_ledger, feed.name, context.at):
        file = hold["file"] or feed.name
        step = f'To send it before: `publish release {feed.name} --because "..."`.'
        message = f"{file} is {holds.sentence(hold)}"
        yield Finding("FILE_ON_HOLD", file, message, hold["at"], step=step)


def _rejected(context: Context, feed: Feed) -> Iterator[Finding]:
    """Report the rows that a partner rejected, until a later file is delivered."""
    ledger = context.intact_ledger
    last = {r["file"]: r for r in ledger.all("delivered", feed=feed.name)}
    for file, delivered in last.items():
        reports = [
            report
            for report in feedback.reports(ledger, file)
            if report["at"] >= delivered["at"]
        ]
        codes: Counter[str] = Counter()
        for report in reports:
            codes.update(report["codes"])
        if not reports:
            continue
        counts = tuple(
            f"{code or '(no code)'} {n:,}" for code, n in codes.most_common()
        )
        unknown = sum(report["unknown"] for report in reports)
        message = (
            f"{feed.destination} rejected {codes.total():,} rows of {file}: "
            f"{listed(counts)}"
            + (f"; keys that are not in the file: {unknown:,}" if unknown else "")
        )
        since, keys = reports[0]["at"], reports[-1]["unknown_keys"]
        yield Finding("ROWS_REJECTED", file, message, since, tuple(keys[:3]))


def _attempts(context: Context, feed: Feed) -> Iterator[Finding]:
    ledger = context.intact_ledger
    last: dict[str, Record] = {}
    for intent in ledger.all("intent", feed=feed.name):
        end = ledger.outcome(intent["attempt"])
        if end is None:
            if context.at - parse_time(intent["at"]) > context.thresholds.grace:
                message = f"{intent['name']}: attempt {intent['attempt']} has no end"
                yield Finding("DELIVERY_OPEN", intent["file"], message, intent["at"])
        elif end["event"] == "unknown":
            yield _unknown(intent, end)
        last[intent["file"]] = end or intent
    newest = ledger.newest(feed.name)
    for file, end in last.items():
        settled = newest.get(file)
        if end["event"] == "failed" and not (
            (settled and settled["at"] > end["at"]) or _is_over(context, feed, file)
        ):
            why = end.get("why", "no reason is recorded")
            step = (
                "Fix what the message names (`publish check "
                f"{feed.destination}` tests the server). Then run `publish`."
            )
            message = f"{file} was not delivered: {why}"
            yield Finding("DELIVERY_FAILED", file, message, end["at"], step=step)


def _unknown(intent: Record, end: Record) -> Finding:
    message = (
        f"it is not known whether {intent['name']} reached {intent['destination']}: "
        "neither the file nor its .part is there as sent. The error of the attempt: "
        f"{end.get('why', 'none is recorded')}"
    )
    step = (
        "Ask the partner whether the file arrived. Then run `publish settle "
        f'{intent["attempt"]} --as delivered|not-delivered --because "..."`. '
        f"Until then nothing more of {intent['feed']} is sent."
    )
    return Finding("DELIVERY_UNKNOWN", intent["file"], message, end["at"], step=step)


def _due(context: Context, feed: Feed, open_: list[Finding]) -> Iterator[Finding]:
    if not any(context.landed_if_readable(source) for source in feed.sources):
        return  # a company without the source has no such file
    settled = context.intact_ledger.all("delivered", "nothing", feed=feed.name)
    due = feed.cadence.last_due(context.at)
    events = ("delivered", "nothing", "held", "intent")
    if not context.intact_ledger.all(*events, feed=feed.name):
        yield Finding(
            "FILE_NEVER_SENT", feed.name, f"{feed.name}: nothing was sent yet"
        )
        return
    late = context.at - due > context.thresholds.grace
    sent = settled and settled[-1]["logical"] >= f"{due:{CLOCK}}"
    reported = any(f.since and parse_time(f.since) >= due for f in open_)
    if not late or sent or reported or not _expected(context, feed, due):
        return
    last = settled[-1]["logical"] if settled else "never"
    yield Finding(
        "FILE_OVERDUE",
        feed.name,
        f"{feed.name} was due at {due:{CLOCK}}, "
        f"{duration_text(context.at - due)} ago; the last run was for {last}",
        f"{due:{CLOCK}}",
    )


def _ahead(context: Context, feed: Feed) -> Iterator[Finding]:
    """Report files whose last record is of a time that has not come yet."""
    last = {
        record["file"]: record
        for record in context.intact_ledger.all("delivered", "nothing", feed=feed.name)
    }
    for file, record in last.items():
        if record["logical"] > context.clock_limit:
            message = (
                f"the last run of {file} was for {record['logical']}, which has not "
                "come yet. `publish --due` refuses to send it until then"
            )
            yield Finding("CLOCK_AHEAD", file, message, record["at"])


def _expected(context: Context, feed: Feed, due: datetime) -> bool:
    """Return whether a file was to be sent at the due time.

    Not if no split value was open then, or if a person's hold of each file ended later.
    """
    files: list[str | None] = [None]
    if feed.open:
        stamp = f"{due:{CLOCK}}"
        files = [
            f"{feed.name}.{row['value']}"
            for row in context.ask(answers.periods(feed)) or ()
            if row["since"] and row["since"] <= stamp
            and (row["until"] is None or stamp < row["until"])
        ]  # fmt: skip
    ledger = context.intact_ledger
    return any(
        holds.last_end(ledger, feed.name, file) <= f"{due:{CLOCK}}" for file in files
    )


def _is_over(context: Context, feed: Feed, file: str) -> bool:
    """Return whether no run will send a file of this split value again.

    The source no longer has the value, or its period is over. A closed value waits for
    its final file, if the feed has one.
    """
    query = answers.periods(feed)
    rows = context.ask(query) if query else None
    if rows is None:
        return False
    value = file.removeprefix(f"{feed.name}.")
    ends = [row["until"] for row in rows if row["value"] == value]
    now = f"{context.at:{CLOCK}}"
    if any(until is None or now < until for until in ends):
        return False
    if feed.open is None or not feed.open.final:
        return True
    last = context.intact_ledger.last_delivery_of(
        feed.state.model, feed.destination, value
    )
    return not any(last and last["logical"] < until for until in ends)


def _states_missing(context: Context) -> Iterator[Finding]:
    for state in current(context.intact_ledger):
        path = state.path(context.place.delivered)
        if not path.exists():
            subject = f"{state.model}.{state.split}".rstrip(".")
            message = f"delivered/{state.model}/{path.stem[:12]}... is missing"
            yield Finding("STATE_MISSING", subject, message)


def _missing(context: Context, feed: Feed) -> Iterator[Finding]:
    last = {
        r["file"]: r for r in context.intact_ledger.all("delivered", feed=feed.name)
    }
    for file, record in last.items():
        if not Package.from_record(context.place.outbox, record).folder.is_dir():
            message = f"outbox/{file}/{record['run_id']} is missing"
            yield Finding("PACKAGE_MISSING", file, message, record["at"])
