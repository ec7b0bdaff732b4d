"""`publish check`: the command line."""

import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from publish.check.probe import Probe
from publish.check.report import Report
from publish.partner_files import look
from publish.settings import format_utc
from publish.transport import Destination
from runtime import failpoints
from runtime.command import log_options, report
from runtime.environment import DataDirectory, Environment
from runtime.exits import Misuse, Refused, Temporary
from runtime.lock import directory_lock
from runtime.log import LOG, start_logging
from store import checks, feeds
from store.feeds import Feed, artifacts
from store.ledger import Ledger

_STATUS = {0: "done", 1: "refused", 2: "failed", 75: "temporary"}
# As in `publish`: what a person must fix outweighs what may pass by itself.
_WEIGHT = (0, 75, 1, 2)
# Most names that are listed of files that the ledger does not know.
_NAMES = 10


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
    """Try a tiny delivery to a partner's server, then remove it.

    DEST is a destination as exposures name it, read from DEST_<NAME>_URL and the like;
    without one, all that feeds use, folder by folder.

    The steps are those of a delivery: log in, send, ask size and hash, rename, rename
    over a file, stay there for a second, remove. All names begin with
    partner-feeds-check- and end in .part, so that no pick-up job takes the file. The
    check removes its files after a failure or a signal too, and those that earlier
    checks left.

    It lists files with the names of a feed that the ledger does not know.

    It prints the answer to each step, and what the server tells: its software, TLS
    version or host key, the end of its certificate, the mode of the file. `monitor
    health` reads the last result; `publish` does not.

    Exit codes: 0 ready, 1 not acceptable, 2 wrong settings, 75 unavailable.
    """
    start_logging(log_format, quiet)
    variables = Environment.read()
    failpoints.arm(variables)
    place = DataDirectory.read(variables)
    chosen = list(_chosen(variables, place, destinations, folder))
    wait = variables.number("FEEDS_LOCK_WAIT", 0)
    with directory_lock(checks.folder(place.data), "publish check", wait):
        reports = [
            _check(variables, place, name, where, users)
            for name, where, users in chosen
        ]
    code = max((one.exit_code for one in reports), key=_WEIGHT.index, default=0)
    result = {
        "status": _STATUS[code],
        "exit_code": code,
        "environment": place.environment,
        "checks": [one.to_json() for one in reports],
    }
    report(result, "\n".join(one.to_text() for one in reports), as_json)
    sys.exit(code)


def _check(
    variables: Environment,
    place: DataDirectory,
    name: str,
    folder: str,
    users: Sequence[Feed],
) -> Report:
    """Check one folder, and keep the result."""
    names = tuple(sorted(feed.name for feed in users))
    result = Report(name, folder, names, format_utc(datetime.now(UTC)))
    must_replace = not users or any(feed.repeats_its_name for feed in users)
    try:
        to = Destination.read(variables, name)
        modes = {feed.mode for feed in users} or {None}
        Probe(to, result, must_replace, modes).run()
        if result.verdict == "ready":
            result.unknown = dict(_unknown(variables, place, users))
    except Misuse as error:
        # The other destinations are still checked.
        result.verdict, result.message = "not configured", str(error)
    checks.keep(place.data, name, folder, result.to_json())
    return result


def _unknown(
    variables: Environment, place: DataDirectory, users: Sequence[Feed]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield by feed how many files of its names the ledger does not know, and some."""
    ledger = Ledger.read(place.ledger)
    for feed in users:
        try:
            files = look(variables, place.environment, ledger, feed, compare=False)
        except (Refused, Temporary) as error:
            LOG.warning("no look at the folder", feed=feed.name, because=error)
            continue
        if files:
            names = [file.name for file in files[-_NAMES:]]
            yield feed.name, {"count": len(files), "newest": names}


def _chosen(
    variables: Environment,
    place: DataDirectory,
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
        project = feeds.declared(artifacts.read(Path.cwd(), variables))
        if project.errors:
            if not project.feeds:
                raise project.refusal()
            LOG.warning("feeds left out", because=project.refusal())
        return project.feeds
    except Misuse as error:
        if must:
            raise
        LOG.warning("no look at the folders of feeds", because=error)
        return ()
