"""Is there a way to the server? Its name, its addresses, and a first connection."""

import socket
import time

from publish.check.observed import Observed
from publish.transport import Destination
from publish.transport.errors import ServerUnavailable


def reach(to: Destination, seen: Observed) -> None:
    """Resolve the host's name and connect to its port, without a word.

    Raises:
        Temporary: the name is not known, or nobody answers; says which.
    """
    if to.scheme == "file":
        return
    try:
        found = socket.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ServerUnavailable(
            f"{to.name}: the name {to.host} is not resolved ({error}). Look at "
            f"{to.variable('URL')}, or at this machine's name service."
        ) from None
    seen.addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    began = time.perf_counter()
    try:
        socket.create_connection((to.host, to.port), to.timeout).close()
    except OSError as error:
        raise ServerUnavailable(
            f"{to.name}: nobody answers at {to.server} "
            f"({', '.join(seen.addresses)}): {error}. Ask the partner whether port "
            f"{to.port} is open for this machine."
        ) from None
    seen.connect_ms = round((time.perf_counter() - began) * 1000, 2)
