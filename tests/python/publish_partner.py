"""A partner's FTPS server for tests, with moods.

`python publish_partner.py CERTIFICATE ROOT MOOD PASSWORD` writes its port. It is
pyftpdlib, a real server; a mood is something that real servers do at times: store half
and say 226, refuse to replace, break off, offer a hash.
"""

import hashlib
import os
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer


class Moody(TLS_FTPHandler):
    """A server in the mood that the command line asked for."""

    tls_control_required = True
    tls_data_required = True
    mood = ""

    def __init__(self, *given: object, **named: object) -> None:
        super().__init__(*given, **named)
        if "XSHA256" in self.proto_cmds:
            self._extra_feats.append("XSHA256")

    def on_file_received(self, file: str) -> None:
        if self.mood == "half":
            os.truncate(file, os.path.getsize(file) // 2)  # noqa: PTH202
        if self.mood == "full":
            os.remove(file)  # noqa: PTH107

    def ftp_STOR(self, file: str, mode: str = "w") -> object:
        if self.mood == "refuse":
            self.respond("553 Permission denied.")
            return None
        if self.mood == "busy":
            self.respond("450 Busy, come again.")
            return None
        return super().ftp_STOR(file, mode)

    def ftp_RNTO(self, path: str) -> object:
        if self.mood == "no-replace" and os.path.exists(path):  # noqa: PTH110
            self.respond("550 Rename failed: file exists.")
            return None
        if self.mood == "lying":
            self.respond("250 Renaming ok.")
            return None
        done = super().ftp_RNTO(path)
        if self.mood == "deaf":
            self.close()  # the reply is lost
        if self.mood == "picked-up":
            os.remove(path)  # noqa: PTH107
        if self.mood == "picked-up-deaf":
            os.remove(path)  # noqa: PTH107
            self.close()
        return done

    def ftp_XSHA256(self, path: str) -> None:
        with open(path, "rb") as file:  # noqa: PTH123
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.respond(f"250 {digest.upper()}")


def main() -> None:
    certificate, root, mood, password = sys.argv[1:]
    Moody.certfile = certificate
    Moody.mood = mood
    if mood in ("hash", "wrong-hash"):
        entry = {"perm": "r", "auth": True, "arg": True, "help": "hash"}
        Moody.proto_cmds = {**Moody.proto_cmds, "XSHA256": entry}
        if mood == "wrong-hash":
            Moody.ftp_XSHA256 = lambda self, path: self.respond(f"250 {'0' * 64}")
    authorizer = DummyAuthorizer()
    authorizer.add_user("feeds", password, root, perm="elradfmwMT")
    Moody.authorizer = authorizer
    server = FTPServer(("127.0.0.1", 0), Moody)
    sys.stdout.write(f"{server.address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
