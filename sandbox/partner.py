"""The partner's FTPS server: explicit TLS on both channels, one user, one folder.

    with partner.serve(folder) as server:
        ...  # deliver to server.host, server.port
        assert [line.split()[0] for line in server.commands][-2:] == ["RNFR", "RNTO"]

It never requires TLS session reuse and hides some faults that other servers show. It
is good for happy paths, but must not be the only server in tests.
"""

import logging
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox import certificates

with warnings.catch_warnings():
    # It uses asyncore, which is deprecated in Python 3.11.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import TLS_FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer

# Without a handler it adds its own, which writes to stderr.
logging.getLogger("pyftpdlib").addHandler(logging.NullHandler())
logging.getLogger("pyftpdlib").propagate = False

# List, make a folder, enter, store, append, rename, delete, read; nothing else.
_RIGHTS = "elradfmw"
_USER, _PASSWORD = "feeds", "sandbox-password"


@dataclass(frozen=True, slots=True)
class Server:
    """A running partner.

    Attributes:
        host: what the certificate names.
        port: of the control channel.
        user: may write.
        password: of the user.
        ca_file: what a client must trust.
        folder: where files arrive.
        commands: what clients sent, in order, as `STOR name`; passwords as `*`.
    """

    host: str
    port: int
    user: str
    password: str
    ca_file: Path
    folder: Path
    commands: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address in the form that destinations are given."""
        return f"ftps://{self.user}@{self.host}:{self.port}"

    def variables(self, destination: str = "ONPART") -> dict[str, str]:
        """The environment that lets `publish` deliver here as `destination`."""
        return {
            f"DEST_{destination}_URL": self.url,
            f"DEST_{destination}_PASSWORD": self.password,
            f"DEST_{destination}_CA_FILE": str(self.ca_file),
        }


@contextmanager
def serve(folder: Path, port: int = 0) -> Iterator[Server]:
    """Receive files into `folder` while the block runs.

    Args:
        folder: the user's root; created if missing. Files are kept there.
        port: on 127.0.0.1; 0 for a free one.

    Yields:
        Address, credentials and the log of commands.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sandbox-") as name:
        files = certificates.make(Path(name))
        commands: list[str] = []
        loop = IOLoop()
        handler = _handler(files.server_file, folder, commands)
        ftp = FTPServer(("127.0.0.1", port), handler, ioloop=loop)
        stop = threading.Event()
        thread = threading.Thread(target=_run, args=(ftp, loop, stop))
        thread.start()
        try:
            yield Server(
                "localhost",
                ftp.address[1],
                _USER,
                _PASSWORD,
                files.ca_file,
                folder,
                commands,
            )
        finally:
            stop.set()
            thread.join()


def _handler(server_file: Path, folder: Path, commands: list[str]) -> type:
    authorizer = DummyAuthorizer()
    authorizer.add_user(_USER, _PASSWORD, str(folder), perm=_RIGHTS)

    class Handler(TLS_FTPHandler):  # type: ignore[misc]
        """One connection of a client. pyftpdlib's settings are class attributes."""

        certfile = str(server_file)
        tls_control_required = True
        tls_data_required = True
        banner = "Sandbox partner"
        # The default delay after a wrong password would slow tests down.
        auth_failed_timeout = 0

        def pre_process_command(self, line: str, cmd: str, arg: str) -> Any:
            commands.append(f"{cmd} {'*' if cmd == 'PASS' else arg}".strip())
            return super().pre_process_command(line, cmd, arg)

    Handler.authorizer = authorizer
    return Handler


def _run(ftp: FTPServer, loop: IOLoop, stop: threading.Event) -> None:
    # Only this thread may use the loop, so it also closes it.
    while not stop.is_set():
        loop.loop(timeout=0.05, blocking=False)
    ftp.close_all()
