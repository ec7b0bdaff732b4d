"""What may go wrong on a connection to the partner's scripted server."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import repeat

from servers.script import Script

GOOD = Script(mode="plain", hash="right")
FAULTS = {
    "ok": GOOD,
    "refuse": replace(GOOD, cwd="550 no such folder"),
    "put": replace(GOOD, keep=0.5, close="rst", cut="STOR"),
    "before": replace(GOOD, cut="RNTO", renames=False),
    "after": replace(GOOD, cut="RNTO"),
    # As "after", and no connection is served until the run has ended.
    "lost": replace(GOOD, cut="RNTO"),
    "down": replace(GOOD, login="421 come again"),
}


def scripts(faults: Iterable[str]) -> Iterator[Script]:
    """Return the script of each connection: those of the faults, then good ones."""
    for fault in faults:
        yield FAULTS[fault]
        if fault == "lost":
            yield from repeat(FAULTS["down"])
    yield from repeat(GOOD)
