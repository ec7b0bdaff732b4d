"""A partner's FTPS server (pyftpdlib) that loses replies on demand.

`python -m faults.partner PLACE CERTIFICATE FOLDER PASSWORD` writes its port. The file
PLACE/fault holds a code and how often: `250 1` closes the control connection instead of
answering the next RNTO with 250; `226 1` does so when an upload has arrived whole; `451
2` answers the next two RNTO with 451 and does nothing; `450 1` refuses an upload.
PLACE/log has a line `RNTO name 250` for every rename that happened.
"""

import sys
from pathlib import Path

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer


class Handler(TLS_FTPHandler):
    """One connection of a client."""

    tls_control_required = tls_data_required = True
    auth_failed_timeout = 0
    place: Path
    _command = ""

    def _has_fault(self, code: str) -> bool:
        path = self.place / "fault"
        words = path.read_text().split() if path.exists() else []
        if not words or words[0] != code or int(words[1]) < 1:
            return False
        path.write_text(f"{code} {int(words[1]) - 1}")
        return True

    def pre_process_command(self, line: str, cmd: str, arg: str) -> object:
        self._command = cmd
        return super().pre_process_command(line, cmd, arg)

    def respond(self, resp: str, *rest: object, **more: object) -> None:
        code = resp[:3]
        lost = {"226": "STOR", "250": "RNTO"}.get(code) == self._command
        if lost and self._has_fault(code):
            self.close()
        else:
            super().respond(resp, *rest, **more)

    def ftp_STOR(self, file: str, mode: str = "w") -> object:
        if self._has_fault("450"):
            self.respond("450 Busy, come again.")
            return None
        return super().ftp_STOR(file, mode)

    def ftp_RNTO(self, path: str) -> object:
        if self._has_fault("451"):
            self.respond("451 Permission denied, or so.")
            return None
        done = super().ftp_RNTO(path)
        if done:
            with (self.place / "log").open("a") as log:
                log.write(f"RNTO {Path(path).name} 250\n")
        return done


def main() -> None:
    """Serve until killed."""
    place, certificate, folder, password = sys.argv[1:]
    Handler.place, Handler.certfile = Path(place), certificate
    authorizer = DummyAuthorizer()
    authorizer.add_user("feeds", password, folder, perm="elradfmwMT")
    Handler.authorizer = authorizer
    server = FTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
