"""What an error of SSH or SFTP means: may it pass, and who acts."""

import errno

import paramiko
from paramiko.ssh_exception import IncompatiblePeer

from publish.deliver.destination import Destination
from publish.deliver.hostkeys import fingerprint
from publish.deliver.replies import RefusedThere, TemporaryThere


def end_of(
    to: Destination, what: str, error: Exception
) -> RefusedThere | TemporaryThere:
    """Class an error of paramiko or the socket and word it."""
    cause = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    text = to.redact(f"{to.name}: {what} failed ({' '.join(cause.split())}).")
    if isinstance(error, paramiko.BadHostKeyException):
        return RefusedThere(
            f"{to.name}: the server's key has changed: expected "
            f"{fingerprint(error.expected_key)}, found {fingerprint(error.key)}. "
            "Nothing was sent. Ask the partner whether they changed it before you "
            f"touch {to.variable('KNOWN_HOSTS')} or {to.variable('HOST_KEY')}."
        )
    if isinstance(error, paramiko.AuthenticationException):
        return RefusedThere(
            f"{text} Mend {to.variable('USER')}, {to.variable('PASSWORD')} or "
            f"{to.variable('KEY_FILE')}."
        )
    if isinstance(error, IncompatiblePeer | PermissionError):
        return RefusedThere(f"{text} This will not pass by itself.")
    if isinstance(error, FileNotFoundError) or error.args[:1] == (errno.ENOTDIR,):
        return RefusedThere(f"{text} Expected that it is there.")
    if _is_status(error):
        return _failed(text, what)
    return TemporaryThere(f"{text} Try again later.")


def _is_status(error: Exception) -> bool:
    """Tell the server's answer to a request from a broken connection."""
    # Paramiko raises a bare OSError for a status; sockets raise its kinds.
    return type(error) is OSError and str(error) != "Socket is closed"


def _failed(text: str, what: str) -> RefusedThere | TemporaryThere:
    # SFTP 3 has one word, Failure, for a full disk, a quota and a folder in the way.
    if what.startswith("sending"):
        return TemporaryThere(
            f"{text} The server gives no reason; usual ones are a full disk or a "
            "quota. Try again later.",
            retry="seldom",
        )
    return RefusedThere(f"{text} This will not pass by itself.")
