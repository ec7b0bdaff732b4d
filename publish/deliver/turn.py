"""One at a time at a partner's folder, whichever data directory on this machine asks.

The lock of a data directory keeps two runs of one ledger apart. Two data directories
may deliver to the same folder; theirs is a lock per server and folder, under the
user's state folder. It cannot see another machine, another user, or another spelling
of the address: against those, every try has a part name of its own.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from publish.deliver.destination import Destination
from runtime.environment import Environment
from runtime.lock import one_writer


@contextmanager
def turn(
    variables: Environment, destination: Destination, folder: str
) -> Iterator[None]:
    """Hold the folder of an exposure at a destination while the block runs.

    Args:
        variables: FEEDS_LOCK_WAIT (0) is how many seconds to wait for the other one;
            XDG_STATE_HOME (~/.local/state) is where the locks lie.
        destination: the server.
        folder: of the exposure.

    Raises:
        Temporary: somebody else is delivering there; names who, and since when.
    """
    state = variables.optional("XDG_STATE_HOME")
    locks = Path(state) if state else Path.home() / ".local" / "state"
    address = "\n".join(
        (destination.server, destination.user, destination.path, folder.strip("/"))
    )
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", f"{destination.host or 'file'}{folder}")
    key = f"{plain.strip('-')}-{hashlib.sha256(address.encode()).hexdigest()[:12]}"
    with one_writer(
        locks / "partner-feeds" / key,
        f"a delivery to {destination.name}",
        variables.number("FEEDS_LOCK_WAIT", 0),
    ):
        yield
