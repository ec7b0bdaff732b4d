"""Real servers for the tests, each a child process on a free port with its own folder.

    with servers.start("vsftpd", mode="implicit", tls="1.2") as to:
        ...  # deliver to to.url as to.user with to.password, trusting to.ca_file
        assert to.names() == ["feed.csv"]

`CELLS` is every server of CI with every mode and TLS version; docs/servers.yml lists
the others too. If the machine lacks what a
server needs, `start` raises UnavailableError, and the fixture `server` skips the test.
With FEEDS_REQUIRE_SERVERS=1 the test fails instead, unless the machine forbids what the
server needs: `.ci/servers` unpacks all packages. With "all" that holds for the servers
of `make servers` too.
"""

from typing import NamedTuple

from servers import openssh, others, proftpd, pureftpd, python_ftpd, vsftpd
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
    """One server in one mode; `tls` is empty without TLS."""

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
    """Start a server with `Options`.

    Raises:
        UnavailableError: this machine lacks what the server needs; says what to do.
        ValueError: the server has no such mode or policy.
    """
    program = {**KINDS, **others.KINDS}[kind]
    return Server(kind, program, Options.create(program, **options)).start()
