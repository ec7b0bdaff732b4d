"""pyftpdlib: forgiving; it never demands session reuse and hides some TLS faults."""

import json
import logging
import os
import re
import sys
import warnings
from pathlib import Path
from typing import Any

from servers import machine
from servers.options import Kind
from servers.server import Server


def _command(server: Server) -> tuple[list[str | Path], dict[str, str]]:
    options = server.options
    given = {
        "certificate": str(server.shown),
        "folder": str(server.folder),
        "log": str(server.log),
        "port": server.port,
        "mode": options.mode,
        "tls": options.tls,
        "user": server.user,
        "rights": "elr" if options.read_only else "elradfmwMT",
        "replace": options.replace,
    }
    file = server.place / "pyftpdlib.json"
    file.touch(0o600)
    file.write_text(json.dumps({**given, "password": server.password}))
    return [*machine.python(), "-W", "ignore", "-m", __name__, file], {}


KIND = Kind(
    ("explicit", "implicit", "plain"),
    frozenset({"replace"}),
    re.compile(r"USER 'feeds' (logged in)|USER '\w+' failed login"),
    _command,
)


def serve(given: dict[str, Any]) -> None:
    """Run in the child: the server that the file describes."""
    from OpenSSL import SSL
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
    from pyftpdlib.servers import FTPServer

    plain = given["mode"] == "plain"
    base: Any = FTPHandler if plain else TLS_FTPHandler

    class Handler(base):  # type: ignore[misc]
        """One connection of a client."""

        def ftp_RNTO(self, path: str) -> object:
            if not given["replace"] and os.path.exists(path):  # noqa: PTH110
                self.respond("550 Rename failed: file exists.")
                return None
            return super().ftp_RNTO(path)

    class Implicit(Handler):
        """TLS before the greeting."""

        def handle(self) -> None:
            self.secure_connection(self.ssl_context)

        def handle_ssl_established(self) -> None:
            super().handle()

        def ftp_AUTH(self, line: str) -> None:
            self.respond("550 TLS is on already.")

    handler: Any = Implicit if given["mode"] == "implicit" else Handler
    if not plain:
        handler.certfile = given["certificate"]
        handler.tls_control_required = handler.tls_data_required = True
        # The context that it would make lazily, limited before it is used.
        handler.ssl_context = handler.get_ssl_context()
        if given["tls"] == "1.2":
            handler.ssl_context.set_options(SSL.OP_NO_TLSv1_3)
    authorizer = DummyAuthorizer()
    authorizer.add_user(
        given["user"], given["password"], given["folder"], perm=given["rights"]
    )
    handler.authorizer = authorizer
    logging.basicConfig(filename=given["log"], level=logging.DEBUG)
    ftp = FTPServer(("127.0.0.1", given["port"]), handler)
    if machine.ROOT:
        Path(given["log"]).chmod(0o666)
        os.setgroups([])
        os.setgid(machine.GID)
        os.setuid(machine.UID)
    ftp.serve_forever()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    serve(json.loads(Path(sys.argv[1]).read_text()))
