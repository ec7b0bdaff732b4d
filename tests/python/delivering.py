"""Connections and servers that the tests of transports share."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from commands import clean_environment

from publish.transport import Destination, connect
from publish.transport.connection import Connection
from runtime.environment import Environment
from sandbox import certificates

CONTENT = b"a,b\n1,2\n" * 40_000  # five blocks
ODD_NAME = "Größe 1 & 2.csv"


class Partner(Protocol):
    """A real server, or the scripted one."""

    def variables(self, destination: str = "ONPART") -> dict[str, str]: ...


def destination(to: Partner, **more: str) -> Destination:
    """Return a server as a destination; `TIMEOUT="5"` sets DEST_ONPART_TIMEOUT."""
    changed = {f"DEST_ONPART_{name}": text for name, text in more.items()}
    patient = {"DEST_ONPART_ALLOW_PLAINTEXT": "1", "DEST_ONPART_TIMEOUT": "10"}
    given = {**patient, **to.variables(), **changed}
    return Destination.read(Environment(given), "onpart")


@contextmanager
def opened(to: Partner, folder: str = "", **more: str) -> Iterator[Connection]:
    """Open a connection to a server while the block runs."""
    connection = connect(destination(to, **more), folder)
    try:
        yield connection
    finally:
        connection.close()


def ignore(size: int) -> None:
    """Show no progress."""


_SERVER = """
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer
TLS_FTPHandler.certfile, folder, address, extra = sys.argv[1:]
TLS_FTPHandler.tls_control_required = TLS_FTPHandler.tls_data_required = True
TLS_FTPHandler.authorizer = DummyAuthorizer()
TLS_FTPHandler.authorizer.add_user("feeds", "pass-of-tests", folder, perm="elradfmwM")
exec(extra)
server = FTPServer((address, 0), TLS_FTPHandler)
print(server.address[1], flush=True)
server.serve_forever()
"""


@contextmanager
def serving(
    shown: certificates.Certificates,
    folder: Path,
    address: str = "127.0.0.1",
    extra: str = "",
) -> Iterator[int]:
    """Start a pyftpdlib server; `extra` is code that changes `TLS_FTPHandler`."""
    words = [sys.executable, "-W", "ignore", "-c", _SERVER]
    words += [str(shown.server_file), str(folder), address, extra]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=clean_environment(),
    ) as child:  # fmt: skip
        assert child.stdout is not None
        try:
            yield int(child.stdout.readline())
        finally:
            child.kill()
