"""Real servers for the tests, each a child process on a free port with its own folder.

    with servers.start("vsftpd", mode="implicit", tls="1.2") as to:
        ...  # deliver to to.url as to.user with to.password, trusting to.ca_file
        assert to.names() == ["feed.csv"]

`CELLS` is every server in every way that it can be spoken to. What a machine lacks for
a server is an `UnavailableError`, of which the fixture `server` makes a skip, or a
failure where FEEDS_REQUIRE_SERVERS=1 and `.ci/servers`, which unpacks the packages,
could mend it: not where the machine forbids what a server needs.
"""

from typing import NamedTuple

from servers import openssh, proftpd, pureftpd, python_ftpd, vsftpd
from servers.machine import ForbiddenError, UnavailableError
from servers.options import Kind, Options
from servers.server import Server

__all__ = [
    "CELLS",
    "KINDS",
    "Cell",
    "ForbiddenError",
    "Options",
    "Server",
    "UnavailableError",
    "start",
]

KINDS: dict[str, Kind] = {
    "vsftpd": vsftpd.KIND,
    "proftpd": proftpd.KIND,
    "pure-ftpd": pureftpd.KIND,
    "pyftpdlib": python_ftpd.KIND,
    "openssh": openssh.KIND,
}


class Cell(NamedTuple):
    """One way to speak to one server; `tls` is empty where there is none."""

    kind: str
    mode: str
    tls: str

    def __str__(self) -> str:
        return "-".join(filter(None, self))


def _cells(kind: str, mode: str) -> list[Cell]:
    versions = ("1.2", "1.3") if mode in ("explicit", "implicit") else ("",)
    return [Cell(kind, mode, tls) for tls in versions]


CELLS = [
    cell
    for name, kind in KINDS.items()
    for mode in kind.modes
    for cell in _cells(name, mode)
]


def start(kind: str, **options: object) -> Server:
    """Start a server; see `Options` for what it can be asked for.

    Raises:
        UnavailableError: this machine lacks what the server needs; says what to do.
        ValueError: the server has no such mode or policy.
    """
    return Server(kind, KINDS[kind], Options.of(KINDS[kind], **options)).start()
