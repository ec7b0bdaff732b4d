"""Each feed and file: the last package, what is held, sent, due and picked up."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from monitor.context import CLOCK, Context, duration_text
from monitor.findings import CheckResult, Finding, listed
from runtime import duck
from runtime.files import parse_time
from store.feeds import Feed
from store.ledger import Record
from store.outbox import packages
from store.package import Package
from store.partner_state import path_of


def check(evidence: Context) -> CheckResult:
    """Look at every declared feed by the ledger and the packages."""
    facts: dict[str, Any] = {}
    findings: list[Finding] = []
    for feed in evidence.feeds:
        facts[feed.name] = _facts(evidence, feed)
        held = tuple(_held(evidence, feed))
        tries = tuple(_tries(evidence, feed))
        findings += [*held, *tries]
        findings += _due(evidence, feed, [*held, *tries])
        findings += _picked_up(evidence, feed)
        findings += _kept(evidence, feed)
    return CheckResult({"feeds": facts}, tuple(findings))


def _facts(evidence: Context, feed: Feed) -> dict[str, Any]:
    sent = evidence.history.all("delivered", feed=feed.name)
    return {
        "destination": feed.destination,
        "last_due": f"{feed.cadence.last_due(evidence.at):{CLOCK}}",
        "last_delivered": _short(sent[-1]) if sent else None,
        "files": {
            name: {"event": record["event"], "at": record["at"]}
            for name, record in evidence.history.newest(feed.name).items()
        },
        "last_package": max(
            (
                package.run_id
                for package in packages(evidence.place.outbox)
                if package.feed == feed.name
            ),
            default=None,
        ),
    }


def _short(record: Record) -> dict[str, Any]:
    return {name: record.get(name) for name in ("file", "name", "at", "rows", "run_id")}


def _held(evidence: Context, feed: Feed) -> Iterator[Finding]:
    for file, record in evidence.history.newest(feed.name).items():
        if record["event"] != "held":
            continue
        if evidence.history.approval(file, record["sha256"]):
            says = f"{record['name']} was approved, and no publish has run since"
            yield Finding("FILE_RELEASED", file, says, record["at"])
            continue
        reasons = record.get("reasons") or []
        said = [f"{r['id']}: {_seen(r['says'])}" for r in reasons[:3]]
        if len(reasons) > len(said):
            said.append(f"And {len(reasons) - len(said)} more")
        why = ". ".join(said)
        examples = [str(each) for r in reasons for each in r.get("examples", ())]
        package = f"outbox/{file}/{record['run_id']}"
        yield Finding(
            "FILE_HELD",
            file,
            f"{record['name']} is held. {why or listed(record['checks'])}",
            record["at"],
            tuple(examples[:3]),
            step=f"Look at {package}/gates.html; {_release(record)}",
        )


def _seen(says: str) -> str:
    """Return what a check saw, without its advice: the next step has that."""
    return says.partition(" If it is right, `publish approve")[0].rstrip(".")


def _release(record: Record) -> str:
    if hard := record.get("hard"):
        return f"mend the cause, then publish again. Nobody may release {listed(hard)}."
    return (
        "mend the cause, then publish again; or, if the file is right, "
        f'`publish approve {record["sha256"][:12]} --because "..."`.'
    )


def _tries(evidence: Context, feed: Feed) -> Iterator[Finding]:
    known, newest = evidence.history, evidence.history.newest(feed.name)
    last: dict[str, Record] = {}
    for intent in known.all("intent", feed=feed.name):
        end = known.outcome(intent["attempt"])
        if end is None:
            if evidence.at - parse_time(intent["at"]) > evidence.patience.grace:
                says = f"{intent['name']}: attempt {intent['attempt']} has no end"
                yield Finding("DELIVERY_OPEN", intent["file"], says, intent["at"])
        elif end["event"] == "unknown":
            says = (
                f"whether {intent['name']} reached {intent['destination']} is unknown: "
                "neither it nor its part is there as sent. The try before: "
                f"{end.get('why', 'no reason recorded')}"
            )
            step = (
                "Ask the partner whether the file came, then `publish settle "
                f'{intent["attempt"]} --as delivered|not-delivered --because "..."`. '
                f"Until then nothing more of {feed.name} is sent."
            )
            yield Finding(
                "DELIVERY_UNKNOWN", intent["file"], says, end["at"], step=step
            )
        last[intent["file"]] = end or intent
    for file, end in last.items():
        settled = newest.get(file)
        if end["event"] == "failed" and not (settled and settled["at"] > end["at"]):
            says = f"{file} was not delivered: {end.get('why', 'no reason recorded')}"
            step = (
                "Mend what the sentence names (`publish check "
                f"{feed.destination}` tries the server), then `publish`."
            )
            yield Finding("DELIVERY_FAILED", file, says, end["at"], step=step)


def _due(evidence: Context, feed: Feed, known: list[Finding]) -> Iterator[Finding]:
    if not any(evidence.landed(source) for source in feed.sources):
        return  # a company without the source has no file of it
    settled = evidence.history.all("delivered", "nothing", feed=feed.name)
    due = feed.cadence.last_due(evidence.at)
    events = ("delivered", "nothing", "held", "intent")
    if not evidence.history.all(*events, feed=feed.name):
        yield Finding("FILE_NEVER_SENT", feed.name, f"{feed.name}: nothing sent yet")
        return
    late = evidence.at - due > evidence.patience.grace
    sent = settled and settled[-1]["logical"] >= f"{due:{CLOCK}}"
    told = any(f.since and parse_time(f.since) >= due for f in known)
    if not late or sent or told or not _is_open(evidence, feed, due):
        return
    last = settled[-1]["logical"] if settled else "never"
    yield Finding(
        "FILE_OVERDUE",
        feed.name,
        f"{feed.name} was due at {due:{CLOCK}}, "
        f"{duration_text(evidence.at - due)} ago; the "
        f"last one is of {last}",
        f"{due:{CLOCK}}",
    )


def _is_open(evidence: Context, feed: Feed, due: datetime) -> bool:
    """Say whether any split value was to get a file then."""
    if feed.open is None:
        return True
    since, until = duck.name(feed.open.since), duck.name(feed.open.until)
    stamp = f"timestamp '{due:%Y-%m-%d %H:%M:%S}'"
    with evidence.warehouse() as connection:
        row = connection.execute(
            f"select count(*) from {feed.open.relation.sql} where {since} <= {stamp} "
            f"and ({until} is null or {stamp} < {until})"
        ).fetchone()
    return bool(row and row[0])


def _picked_up(evidence: Context, feed: Feed) -> Iterator[Finding]:
    if not (agreed := feed.pickup):
        return
    within = timedelta(hours=agreed["within_hours"])
    seen = {r["attempt"]: r for r in evidence.history.all("observed", feed=feed.name)}
    newest = {r["name"]: r for r in evidence.history.all("delivered", feed=feed.name)}
    for name, record in newest.items():
        if evidence.at - parse_time(record["at"]) <= within:
            continue
        state = seen.get(record["attempt"], {}).get("state")
        told = f"{name}, delivered at {record['at']}"
        since = f"{parse_time(record['at']) + within:{CLOCK}}"
        if state is None:
            says = f"{told}: nobody has looked since whether it was taken"
            yield Finding("PICKUP_NOT_LOOKED", name, says, since)
        elif state != "taken":
            says = f"{told}, still lies there; {duration_text(within)} were agreed"
            yield Finding("NOT_PICKED_UP", name, says, since)


def _kept(evidence: Context, feed: Feed) -> Iterator[Finding]:
    last = {r["file"]: r for r in evidence.history.all("delivered", feed=feed.name)}
    for file, record in last.items():
        state = record.get("state")
        if state:
            model, digest = state["model"], state["sha256"]
            if not path_of(evidence.place.delivered, model, digest).exists():
                says = f"{model}/{digest[:12]}... of {record['name']} is gone"
                yield Finding("STATE_MISSING", file, says, record["at"])
        if not Package.from_record(evidence.place.outbox, record).folder.is_dir():
            says = f"outbox/{file}/{record['run_id']} is gone"
            yield Finding("PACKAGE_MISSING", file, says, record["at"])
