"""SFTP, as a partner: the server's key must be known, a rename replaces in one step."""

import errno
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from stat import S_IMODE, S_ISREG
from typing import Any

import paramiko
from paramiko.ssh_exception import IncompatiblePeer

from publish.transport.connection import Entry
from publish.transport.destination import Destination, plain
from publish.transport.digests import Digest, Sent, Tally, blocks
from publish.transport.errors import ServerRefused, ServerUnavailable
from publish.transport.sftp_keys import fingerprint, known, private_key

# It reports by exceptions; its own log would repeat them, with tracebacks.
logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)


class Sftp:
    """The `Connection` of sftp:// URLs."""

    def __init__(self, destination: Destination, folder: str) -> None:
        """Connect, check the server's key, log in.

        Only what the destination's variables name is used: no agent, no keys and no
        known hosts of the user who happens to run this.

        Raises:
            Refused: key, login or folder is not accepted.
            Temporary: the server cannot be reached.
            Misuse: a key file of ours cannot be read.
        """
        self._to = destination
        self._folder = destination.folder(folder) or "."
        self._ssh = paramiko.SSHClient()
        self._ssh.set_missing_host_key_policy(_Unknown(destination))
        known(self._ssh.get_host_keys(), destination)
        key = private_key(destination)
        password = destination.password.reveal() if destination.password else None
        try:
            with self._told(f"connecting to {destination.server}"):
                self._ssh.connect(
                    destination.host, destination.port, destination.user, password,
                    pkey=key, allow_agent=False, look_for_keys=False,
                    timeout=destination.timeout, banner_timeout=destination.timeout,
                    auth_timeout=destination.timeout,
                    channel_timeout=destination.timeout,
                )  # fmt: skip
                # Firewalls forget a silent connection.
                self._transport = self._ssh.get_transport()
                self._sftp = self._ssh.open_sftp()
                if self._transport is not None:
                    self._transport.set_keepalive(60)
            self._wait(destination.timeout)
            with self._told(f"entering the folder {self._folder}"):
                self._sftp.chdir(self._folder)
        except BaseException:
            self._ssh.close()
            raise

    def put(self, source: Path, name: str, tick: Callable[[int], object]) -> Sent:
        """Send a file, counting and hashing, and await every acknowledgement."""
        tally = Tally()
        try:
            with (
                self._told(lambda: f"sending {name} broke after {tally.count} bytes"),
                self._sftp.open(plain(name), "wb") as file,
            ):
                file.set_pipelined(True)
                for block, is_last in _marked(blocks(source)):
                    if is_last:
                        # Not pipelined, a write awaits what was not answered yet;
                        # closing would not, and a full disk would stay unseen.
                        file.set_pipelined(False)
                        self._wait(self._to.reply_timeout)
                    file.write(block)
                    tally.add(block)
                    tick(len(block))
        finally:
            self._wait(self._to.timeout)
        return tally.sent()

    def size(self, name: str) -> int | None:
        """Return the size in bytes, None if there is no such file."""
        found = self._stat(name)
        return found.st_size if found else None

    def hash(self, name: str) -> Digest | None:
        """Return None: OpenSSH offers none. Every packet was authenticated, though."""
        return None

    def modified(self, name: str) -> datetime | None:
        """Return when a file was last changed, None if there is no such file."""
        found = self._stat(name)
        return _time(found) if found else None

    def mode(self, name: str) -> str | None:
        """Return a file's permissions; None if there is no such file."""
        found = self._stat(name)
        return f"{S_IMODE(found.st_mode):04o}" if found and found.st_mode else None

    def rename(self, old: str, new: str) -> None:
        """Give a file a name in one step (posix-rename@openssh.com).

        SFTP's own rename does not replace; it is never used instead.
        """
        with self._told(f"renaming {plain(old)} to {plain(new)}"):
            self._sftp.posix_rename(old, new)

    def remove(self, name: str) -> None:
        """Remove a file; it is no error if there is none."""
        with self._told(f"removing {plain(name)}"), suppress(FileNotFoundError):
            self._sftp.remove(name)

    def list(self) -> list[str]:
        """Return the names in the folder."""
        with self._told("listing the folder"):
            return sorted(self._sftp.listdir())

    def entries(self) -> Sequence[Entry]:
        """Return the files in the folder by name, with size and time."""
        with self._told("listing the folder"):
            found = self._sftp.listdir_attr()
        return sorted(
            (
                Entry(one.filename, one.st_size, _time(one))
                for one in found
                if S_ISREG(one.st_mode or 0)
            ),
            key=lambda entry: entry.name,
        )

    def facts(self) -> Mapping[str, Any]:
        """Tell server, cipher and the key that it proved to hold."""
        transport = self._transport
        return {
            "server": self._to.server,
            "greeting": transport.remote_version if transport else None,
            "encrypted": True,
            "cipher": transport.local_cipher if transport else None,
            "host_key": fingerprint(transport.get_remote_server_key())
            if transport
            else None,
        }

    def close(self) -> None:
        """End the connection."""
        self._ssh.close()

    def _stat(self, name: str) -> paramiko.SFTPAttributes | None:
        with self._told(f"asking the size of {plain(name)}"):
            try:
                return self._sftp.stat(name)
            except FileNotFoundError:
                return None

    def _wait(self, seconds: float) -> None:
        channel = self._sftp.get_channel()
        if channel is not None:
            channel.settimeout(seconds)

    @contextmanager
    def _told(self, what: str | Callable[[], str]) -> Iterator[None]:
        try:
            yield
        except (paramiko.SSHException, OSError, EOFError) as error:
            text = what if isinstance(what, str) else what()
            raise sftp_error(self._to, text, error) from None


class _Unknown(paramiko.MissingHostKeyPolicy):
    """Refuses a server whose key nobody told us, and says which key it showed."""

    def __init__(self, destination: Destination) -> None:
        self._to = destination

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        raise ServerRefused(
            f"{self._to.name}: {hostname} showed the key {key.get_name()} "
            f"{fingerprint(key)}, which {self._to.variable('KNOWN_HOSTS')} and "
            f"{self._to.variable('HOST_KEY')} do not know. If the partner confirms "
            "that it is theirs, add it there."
        )


def _marked(given: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Say of every block whether it is the last one."""
    previous = next(given, None)
    for block in given:
        if previous is not None:
            yield previous, False
        previous = block
    if previous is not None:
        yield previous, True


def _time(found: paramiko.SFTPAttributes) -> datetime | None:
    if found.st_mtime is None:
        return None
    return datetime.fromtimestamp(found.st_mtime, UTC)


def sftp_error(
    to: Destination, what: str, error: Exception
) -> ServerRefused | ServerUnavailable:
    """Class an error of paramiko or the socket and word it."""
    cause = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    text = to.redact(f"{to.name}: {what} failed ({' '.join(cause.split())}).")
    if isinstance(error, paramiko.BadHostKeyException):
        return ServerRefused(
            f"{to.name}: the server's key has changed: expected "
            f"{fingerprint(error.expected_key)}, found {fingerprint(error.key)}. "
            "Nothing was sent. Ask the partner whether they changed it before you "
            f"touch {to.variable('KNOWN_HOSTS')} or {to.variable('HOST_KEY')}."
        )
    if isinstance(error, paramiko.AuthenticationException):
        return ServerRefused(
            f"{text} Mend {to.variable('USER')}, {to.variable('PASSWORD')} or "
            f"{to.variable('KEY_FILE')}."
        )
    if isinstance(error, IncompatiblePeer | PermissionError):
        return ServerRefused(f"{text} This will not pass by itself.")
    if isinstance(error, FileNotFoundError) or error.args[:1] == (errno.ENOTDIR,):
        return ServerRefused(f"{text} Expected that it is there.")
    if _is_status(error):
        return _failed(text, what)
    return ServerUnavailable(f"{text} Try again later.")


def _is_status(error: Exception) -> bool:
    """Tell the server's answer to a request from a broken connection."""
    # Paramiko raises a bare OSError for a status; sockets raise its kinds.
    return type(error) is OSError and str(error) != "Socket is closed"


def _failed(text: str, what: str) -> ServerRefused | ServerUnavailable:
    # SFTP 3 has one word, Failure, for a full disk, a quota and a folder in the way.
    if what.startswith("sending"):
        return ServerUnavailable(
            f"{text} The server gives no reason; usual ones are a full disk or a "
            "quota. Try again later.",
            retry="seldom",
        )
    return ServerRefused(f"{text} This will not pass by itself.")
