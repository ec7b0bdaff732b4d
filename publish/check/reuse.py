"""Does a server demand that data connections resume the TLS session? Tried by a list.

A listing needs a data connection, and leaves no trace.
"""

import ftplib
import socket
from contextlib import suppress

from publish.transport import Destination
from publish.transport.ftp_session import Session


class _Stranger(Session):
    """A client that begins a new TLS session for each data connection."""

    def ntransfercmd(
        self, cmd: str, rest: int | str | None = None
    ) -> tuple[socket.socket, int | None]:
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321 (made TLS)
        return self.context.wrap_socket(data, server_hostname=self.host), size


def demanded(to: Destination, folder: str) -> tuple[bool | None, str]:
    """Say whether it does, and its words; None where lists are refused anyway."""
    if _lists(Session(to), to, folder):
        return None, "no listing was given, resumed or not"
    said = _lists(_Stranger(to), to, folder)
    return bool(said), said


def _lists(session: Session, to: Destination, folder: str) -> str:
    """Ask for a listing; return why there was none, "" if there was one."""
    try:
        session.open()
        if to.scheme == "ftps":
            session.secure()
        session.enter()
        session.prepare()
        if path := to.folder(folder):
            session.cwd(path)
        try:
            session.lines("LIST")
        except ftplib.Error as error:
            return to.redact(" ".join(str(error).split()))
        except (OSError, EOFError) as error:
            reason = session.reason() or f"{type(error).__name__}: {error}"
            return to.redact(" ".join(reason.split()))
        return ""
    except ftplib.all_errors as error:
        return to.redact(str(error))
    finally:
        with suppress(*ftplib.all_errors):
            session.close()
