"""Parts that lie about in a partner's folder: ours go, anybody else's are named."""

import re
from collections.abc import Callable

from publish.deliver import Connection
from runtime.command import LOG
from runtime.exits import Stop

# NAME.<run id>-<token>.part, as `publish.handover` makes it; -2 for a second try.
_PART = re.compile(
    r".+\.(?P<attempt>\d{8}T\d{6}Z-[0-9a-f]{8}(?:-\d+)?-[0-9a-f]{6}(?:-\d+)?)\.part"
)


def sweep(connection: Connection, ended: Callable[[str], bool]) -> dict[str, list[str]]:
    """Remove parts of attempts that our ledger knows to have ended.

    Parts that look like ours, but of an attempt that our ledger does not know, may
    belong to a run of another machine: they are reported and left. All other names
    are none of our business.

    Args:
        connection: the folder; an error of it is logged, for nothing depends on this.
        ended: whether an attempt is in our ledger, and its end too.

    Returns:
        The names under "removed" and "left", without those that are empty.
    """
    found: dict[str, list[str]] = {"removed": [], "left": []}
    try:
        for name in connection.list():
            part = _PART.fullmatch(name)
            if part and ended(part["attempt"]):
                connection.remove(name)
                found["removed"].append(name)
            elif part:
                found["left"].append(name)
    except Stop as stop:
        LOG.warning(f"the partner's folder was not swept: {stop}")
    for fate, names in found.items():
        if names:
            LOG.warning(f"parts {fate}={len(names)} such as={names[0]}")
    return {fate: names for fate, names in found.items() if names}
