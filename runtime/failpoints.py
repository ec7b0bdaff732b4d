"""Named points where a test may end the process, as in fail-rs.

For tests only. `FEEDS_FAILPOINT` names points and what happens there:

    FEEDS_FAILPOINT="after-stor=kill"            SIGKILL, at once
    FEEDS_FAILPOINT="in-stor=term@2"             SIGTERM, at the second visit
    FEEDS_FAILPOINT="before-append:placing=full; after-rnto=raise"

    kill    SIGKILL to ourselves        term   SIGTERM to ourselves
    full    OSError, no space left      raise  RuntimeError, as a bug would
    stop    SIGSTOP to ourselves, until somebody sends SIGCONT

Without the variable a point costs one look-up in an empty dictionary. The environment
prod refuses the variable.
"""

import errno
import os
import re
import signal
from dataclasses import dataclass

from runtime.environment import Environment
from runtime.exits import Misuse

_TERM = re.compile(
    r"(?P<name>[a-z:-]+)=(?P<action>kill|term|stop|full|raise)(@(?P<visit>\d+))?"
)


@dataclass(slots=True)
class _Armed:
    action: str
    visits_left: int


_armed: dict[str, _Armed] = {}


def arm(variables: Environment) -> None:
    """Read FEEDS_FAILPOINT. Without it no failpoint acts.

    Raises:
        Misuse: it cannot be read, or the environment is prod.
    """
    _armed.clear()
    text = variables.optional("FEEDS_FAILPOINT")
    if text is None:
        return
    if variables.text("FEEDS_ENVIRONMENT", "dev") == "prod":
        raise Misuse(
            "FEEDS_FAILPOINT is for tests: it ends commands in the middle. Expected it "
            "unset in the environment prod; unset it."
        )
    for term in text.split(";"):
        match = _TERM.fullmatch(term.strip())
        if match is None:
            raise Misuse(
                "FEEDS_FAILPOINT: expected such as after-stor=kill or in-stor=term@2, "
                f"found {term.strip()!r}"
            )
        _armed[match["name"]] = _Armed(match["action"], int(match["visit"] or 1))


def failpoint(name: str) -> None:
    """Do what FEEDS_FAILPOINT declares for this point, once.

    Raises:
        OSError: ENOSPC, for `full`.
        RuntimeError: for `raise`.
    """
    armed = _armed.get(name)
    if armed is None:
        return
    armed.visits_left -= 1
    if armed.visits_left != 0:
        return
    match armed.action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "term":
            # To this thread: the handler runs before the next line.
            signal.raise_signal(signal.SIGTERM)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"failpoint {name}")
        case _:
            raise RuntimeError(f"failpoint {name}")
