"""One check, from the first look at the network to the last file removed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from publish.check.certificate import shown
from publish.check.files import Files
from publish.check.need import Need
from publish.check.network import reach
from publish.check.observed import Observed
from publish.check.opening import open_probe
from publish.check.profile import Checks
from publish.check.report import Report
from publish.check.reuse import demanded
from publish.check.strategy import judge
from publish.check.traces import Traces
from publish.transport import Destination
from runtime.exits import Refused, Temporary

# A server that has not answered about one MiB by then does not answer.
_LONGEST_REPLY = 60.0


def examine(
    checks: Checks,
    to: Destination,
    folder: str,
    need: Need,
    tell: Callable[[str], object] = lambda step: None,
) -> Report:
    """Try one folder of a destination; own files are removed whatever happens.

    Args:
        checks: where profiles are kept, and the names that could not be removed.
        to: the destination.
        folder: as exposures write it, its placeholders filled.
        need: what the feeds of this folder ask for.
        tell: told the name of each step as it begins.

    Raises:
        Interrupted: by a signal, after cleaning up.
    """
    seen, ended = Observed(), None
    hurried = replace(to, reply_timeout=min(to.reply_timeout, _LONGEST_REPLY))
    traces = Traces(checks, hurried, folder)
    try:
        try:
            _try_all(hurried, folder, need, seen, traces, tell)
        except (Refused, Temporary) as stop:
            ended = stop
        tell("cleaning up")
        left = traces.clean()
    except BaseException:
        traces.clean(hurry=True)
        raise
    made = judge(to, folder, need, seen, ended, left, _now())
    if made.exit_code != Temporary.code:
        # Who cannot be reached today is still who was seen last time.
        checks.keep(to, folder, made)
    return made


def _try_all(
    to: Destination,
    folder: str,
    need: Need,
    seen: Observed,
    traces: Traces,
    tell: Callable[[str], object],
) -> None:
    tell("reaching the server")
    reach(to, seen)
    tell("logging in")
    try:
        probe = open_probe(to, folder)
    except (Refused, Temporary):
        # What it shows may be the very reason; a certificate is no secret.
        seen.certificate = seen.certificate or shown(to)
        raise
    try:
        probe.inspect(seen)
    finally:
        probe.close()
    if to.scheme in ("ftps", "ftps+implicit"):
        tell("asking whether TLS sessions must be resumed")
        seen.session_reuse, seen.said["session-reuse"] = demanded(to, folder)
    Files(to, folder, need, seen, traces, tell).run()


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
