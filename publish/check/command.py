"""`publish check`: the command line."""

import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from publish.check.need import Need
from publish.check.profile import Checks
from publish.check.report import Report, unconfigured
from publish.settings import stamp
from publish.transport import Destination
from runtime import failpoints
from runtime.command import LOG, log_options, report, start_logging
from runtime.environment import Environment, Place
from runtime.exits import Misuse
from runtime.lock import one_writer
from store import feeds
from store.feeds import Feed, artifacts
from store.ledger import Ledger

_STATUS = {0: "done", 1: "refused", 2: "failed", 75: "temporary"}
# As in `publish`: what a person must mend outweighs what may pass by itself.
_WEIGHT = (0, 75, 1, 2)


@click.command()
@click.argument("destinations", nargs=-1, metavar="[DEST]...")
@click.option(
    "--folder", metavar="PATH",
    help="Of a destination that no feed uses yet.  [default: where the login leads]",
)  # fmt: skip
@log_options
def check(
    destinations: tuple[str, ...],
    folder: str | None,
    as_json: bool,
    log_format: str,
    quiet: bool,
) -> None:
    """Find out whether a partner's server is fit to deliver to.

    DEST is a destination as exposures name it, read from DEST_<NAME>_URL and the like;
    without one, all that feeds use, folder by folder.

    Tried with small files of its own, as a delivery does it: login, certificate,
    session reuse, sending, size, hash, renaming over a file, removing, free space,
    clock, speed. Their names begin with partner-feeds-check- and end in .part, so that
    no pick-up job takes them; all of them are removed again, also after a failure or a
    signal, and what could not be removed is said.

    It says how files will be delivered there, and what cannot be promised. `publish`
    refuses early what the last check saw to be impossible, and names that check in the
    receipt; it never needs one.

    Exit codes: 0 ready, 1 not acceptable, 2 wrong settings, 75 unreachable.
    """
    start_logging(log_format, quiet)
    variables = Environment.read()
    failpoints.arm(variables)
    place = Place.of(variables)
    checks = Checks.of(place.data)
    ledger = Ledger(place.ledger)
    chosen = list(_chosen(variables, place, destinations, folder))
    with one_writer(
        checks.path, "publish check", variables.number("FEEDS_LOCK_WAIT", 0)
    ):
        made = [
            _one(variables, checks, ledger, name, where, users)
            for name, where, users in chosen
        ]
    code = max((one.exit_code for one in made), key=_WEIGHT.index, default=0)
    result = {
        "status": _STATUS[code],
        "exit_code": code,
        "environment": place.environment,
        "checks": [one.told() for one in made],
    }
    report(result, "\n".join(one.words() for one in made), as_json)
    sys.exit(code)


def _one(
    variables: Environment,
    checks: Checks,
    ledger: Ledger,
    name: str,
    folder: str,
    users: Sequence[Feed],
) -> Report:
    # SSH and X.509 take their time to load; no other command needs them.
    from publish.check.examine import examine

    def tell(step: str) -> None:
        LOG.info(f"check destination={name} folder={folder!r} step={step!r}")

    need = Need.of(users, folder, ledger)
    try:
        to = Destination.of(variables, name)
        return examine(checks, to, folder, need, tell)
    except Misuse as error:
        # One destination that is set wrongly keeps no other from its check.
        at = stamp(datetime.now(UTC))
        return unconfigured(name, folder, need.feeds, str(error), at)


def _chosen(
    variables: Environment,
    place: Place,
    names: Sequence[str],
    folder: str | None,
) -> Iterator[tuple[str, str, list[Feed]]]:
    """Give every destination and folder to check, with the feeds that use it."""
    groups: dict[str, dict[str, list[Feed]]] = {}
    for feed in _declared(variables, must=not names):
        where = feed.folder_in(place.environment)
        groups.setdefault(feed.destination, {}).setdefault(where, []).append(feed)
    known = {name.lower(): name for name in groups}
    named = [known.get(name.lower(), name) for name in names]
    for name in dict.fromkeys(named) or sorted(groups):
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
            raise Misuse(f"expected the name of a destination, found {name!r}")
        if folder is not None and name in groups:
            raise Misuse(
                f"--folder is for a destination that no feed uses; {name} is used with "
                f"{', '.join(groups[name])}. Leave --folder out."
            )
        yield from (
            (name, where, users)
            for where, users in groups.get(name, {folder or "": []}).items()
        )


def _declared(variables: Environment, must: bool) -> tuple[Feed, ...]:

    try:
        return feeds.read(artifacts.read(Path.cwd(), variables))
    except Misuse as error:
        if must:
            raise
        LOG.warning(f"feeds are not known, so their folders are not: {error}")
        return ()
