"""SFTP by asyncssh: a known server key, whole files, a rename that replaces."""

import asyncio
import functools
import getpass
import logging
import os
import select
import socket
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from stat import S_IMODE
from typing import Any, TypeVar, cast

import asyncssh
from asyncssh.packet import PacketDecodeError, SSHPacket

from publish.transport.connection import Entry, open_socket
from publish.transport.destination import Destination, plain
from publish.transport.digests import BLOCK, ByteHasher, Digest, Sent, blocks
from publish.transport.errors import (
    ASK_TO_REMOVE,
    ASK_TO_RENAME,
    ASK_TO_WRITE,
    LASTS,
    ServerRefused,
    ServerUnavailable,
)
from publish.transport.sftp_keys import private_key, trusted_keys
from runtime.clock import Deadline

# It reports errors by exceptions; its log would repeat them.
logging.getLogger("asyncssh").setLevel(logging.CRITICAL + 1)

T = TypeVar("T")
# What we accept of a server's key: no SHA-1.
_HOST_KEY_ALGORITHMS = (
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "rsa-sha2-512", "rsa-sha2-256",
)  # fmt: skip
# Blocks of 64 KiB that may be on their way without an answer: 2 MiB, the window of
# OpenSSH.
_IN_FLIGHT = 32
_CLOSE_SECONDS = 5.0
# FTP servers greet at once; a server that says nothing in this time is asked anyway.
_GREETING_SECONDS = 3.0
# OpenSSH 9.8 and later shuts an address out for 15 s and more (PerSourcePenalties).
_SHUT_OUT_SECONDS = 20.0
# Most names of a folder that are read.
_NAMES = 200_000
_TEMPORARY = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)
# TypeError: asyncssh takes a reset connection's address apart, which has none.
_LOST = (asyncssh.ConnectionLost, ConnectionError, TypeError)
_REFUSED = (asyncssh.SFTPPermissionDenied, asyncssh.KeyExchangeFailed)
_LASTING = (asyncssh.KeyExchangeFailed, asyncssh.SFTPError)


class Sftp:
    """The `Connection` of sftp:// URLs."""

    def __init__(self, destination: Destination, folder: str) -> None:
        """Connect, check the server's key, log in, enter the folder.

        Only what the destination's variables name is used: no agent, and no
        configuration, keys or known hosts of the user who runs this.

        Raises:
            Refused: key, login or folder is not accepted.
            Temporary: the server cannot be reached.
            Misuse: a key or a file of keys cannot be read.
        """
        self._destination = destination
        self._deadline = Deadline(destination.deadline)
        self._client = _Client(trusted_keys(destination))
        self._client_key = private_key(destination)
        # In a thread of its own, so that a signal ends what this thread waits for.
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_log_unexpected)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        try:
            with self._errors(f"connecting to {destination.server}"):
                self._connection = self._connect()
                self._sftp = self._wait(
                    # A name that is not UTF-8 is shown, not an error.
                    self._connection.start_sftp_client(path_errors="backslashreplace")
                )
            self._enter(destination.folder(folder) or ".")
        except BaseException:
            self.close()
            raise

    def put(self, source: Path, name: str, tick: Callable[[int], object]) -> Sent:
        """Send a file, counting and hashing, and wait for every acknowledgement.

        Writes are pipelined; their answers may come in any order.
        """
        hasher, waiting = ByteHasher(), deque[Future[int]]()
        last = self._destination.reply_timeout
        with self._errors(
            lambda: f"sending {name} broke after {hasher.count} bytes", ASK_TO_WRITE
        ):
            file = self._wait(self._sftp.open(plain(name), "wb"))
            try:
                for block in blocks(source):
                    if len(waiting) == _IN_FLIGHT:
                        self._result(waiting.popleft())
                    waiting.append(self._start(file.write(block, hasher.count)))
                    hasher.add(block)
                    tick(len(block))
                for write in waiting:
                    self._result(write, last)
                self._wait(file.close(), last)
            except BaseException:
                # The server should free it, but its answer does not matter.
                self._start(file.close())
                raise
        return hasher.sent()

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file, in blocks."""
        with self._errors(f"reading {plain(name)}"):
            file = self._wait(self._sftp.open(name, "rb"))
            try:
                while block := self._wait(file.read(BLOCK)):
                    yield cast("bytes", block)
            finally:
                self._start(file.close())

    def size(self, name: str) -> int | None:
        """Return the size in bytes, None if there is no such file."""
        attributes = self._stat(name)
        return attributes.size if attributes else None

    def hash(self, name: str) -> Digest | None:
        """Return None: OpenSSH offers none. Every packet was authenticated, though."""
        return None

    def modified(self, name: str) -> datetime | None:
        """Return when a file was last changed, None if there is no such file."""
        attributes = self._stat(name)
        return _time(attributes) if attributes else None

    def mode(self, name: str) -> str | None:
        """Return a file's permissions; None if there is no such file."""
        attributes = self._stat(name)
        if attributes is None or attributes.permissions is None:
            return None
        return f"{S_IMODE(attributes.permissions):04o}"

    def set_mode(self, name: str, mode: str) -> None:
        """Give a file permissions (SETSTAT)."""
        what = f"giving {plain(name)} the mode {mode}"
        hint = "Ask the partner to allow it, or leave `mode` out of the exposure."
        with self._errors(what, hint):
            self._wait(self._sftp.chmod(name, int(mode, 8)))

    def rename(self, old: str, new: str) -> None:
        """Give a file a name in one step, replacing a file of that name.

        By posix-rename@openssh.com. Where the server lacks it, by SFTP's own rename:
        most servers refuse to replace a file by it, and some replace it.
        """
        what = f"renaming {plain(old)} to {plain(new)}"
        with (
            self._errors(what, ASK_TO_RENAME),
            suppress(asyncssh.SFTPOpUnsupported),
        ):
            self._wait(self._sftp.posix_rename(old, new))
            return
        without = "without posix-rename@openssh.com, which this server does not offer,"
        hint = (
            "SFTP's own rename gives a file a new name, and mostly replaces none. Ask "
            "the partner to allow renames and to offer posix-rename@openssh.com, or "
            "write {timestamp} into `file` of the exposure, so that every name is new."
        )
        with self._errors(f"{what} {without}", hint):
            self._wait(self._sftp.rename(old, new))

    def remove(self, name: str) -> None:
        """Remove a file; it is no error if there is none."""
        with (
            self._errors(f"removing {plain(name)}", ASK_TO_REMOVE),
            suppress(asyncssh.SFTPNoSuchFile),
        ):
            self._wait(self._sftp.remove(name))

    def list(self) -> list[str]:
        """Return the names in the folder."""
        names = (str(item.filename) for item in self._read_folder())
        return sorted(name for name in names if name not in (".", ".."))

    def entries(self) -> Sequence[Entry]:
        """Return the files in the folder by name, with size and time."""
        return sorted(
            (
                Entry(str(item.filename), item.attrs.size, _time(item.attrs))
                for item in self._read_folder()
                if item.attrs.type == asyncssh.FILEXFER_TYPE_REGULAR
            ),
            key=lambda entry: entry.name,
        )

    def facts(self) -> Mapping[str, Any]:
        """Return what belongs in a receipt: server, cipher, the server's key."""
        return {
            "server": self._destination.server,
            "greeting": self._connection.get_extra_info("server_version"),
            "encrypted": True,
            "cipher": self._connection.get_extra_info("send_cipher"),
            "host_key": _fingerprint(self._connection.get_server_host_key()),
        }

    def close(self) -> None:
        """End the connection."""
        with suppress(OSError, asyncssh.Error):
            end = self._start(_end(self._client.connection))
            end.result(2 * _CLOSE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _connect(self) -> asyncssh.SSHClientConnection:
        destination = self._destination
        _ensure_user_name()
        try:
            sock = open_socket(destination)
            self._expect_ssh(sock)
        except ConnectionResetError:
            raise self._shut_out() from None
        algorithms = self._client.algorithms()
        connecting = asyncssh.connect(
            sock=sock,
            username=destination.user,
            password=destination.password.reveal() if destination.password else None,
            # None, where an empty list would mean the user's own keys.
            client_keys=[self._client_key] if self._client_key else None,
            preferred_auth="publickey,password,keyboard-interactive",
            client_factory=lambda: self._client,
            # Three empty lists, where an empty one would mean the user's own file:
            # `_Client` decides about every key.
            known_hosts=([], [], []),
            server_host_key_algs=",".join(algorithms),
            kex_algs="-*-sha1",
            # Half the CPU time of the default, ChaCha20.
            encryption_algs="^aes128-gcm@openssh.com,aes256-gcm@openssh.com",
            config=None, agent_path=None, gss_auth=False, gss_kex=False,
            host_based_auth=False, x509_trusted_certs=None,
            login_timeout=0, connect_timeout=None,
            utf8_decode_errors="backslashreplace",
        )  # fmt: skip
        try:
            return self._wait(connecting)
        except asyncssh.HostKeyNotVerifiable:
            raise self._untrusted() from None
        except (asyncssh.Error, OSError, TypeError) as error:
            if isinstance(error, _LOST) and not self._client.greeted():
                raise self._shut_out() from None
            offered = self._client.offered()
            if offered and not set(offered) & set(algorithms):
                raise ServerRefused(
                    f"{destination.name}: expected a server key by one of "
                    f"{', '.join(algorithms)}, {destination.server} offers "
                    f"{', '.join(offered)}. Ask the partner for a key that is not by "
                    "SHA-1."
                ) from None
            raise
        finally:
            if self._client.connection is None:
                sock.close()

    def _expect_ssh(self, connected: socket.socket) -> None:
        """Refuse a server that greets as FTP does; asyncssh would wait for more."""
        ready, _, _ = select.select([connected], [], [], _GREETING_SECONDS)
        try:
            greeting = connected.recv(4, socket.MSG_PEEK) if ready else b""
        except ConnectionResetError:
            connected.close()
            raise
        if greeting.startswith(b"220"):
            connected.close()
            raise ServerRefused(
                f"{self._destination.name}: {self._destination.server} is an FTP "
                f"server. Write ftps:// in {self._destination.variable('URL')}."
            )

    def _shut_out(self) -> ServerUnavailable:
        return ServerUnavailable(
            f"{self._destination.name}: {self._destination.server} closed the "
            "connection before its greeting. It may be shutting this address out for "
            "a while, as OpenSSH 9.8 and later does after failed logins "
            "(PerSourcePenalties). Try again later.",
            pause=_SHUT_OUT_SECONDS,
        )

    def _untrusted(self) -> ServerRefused:
        destination, shown = self._destination, self._client.shown
        expected = ", ".join(_fingerprint(key) for key in self._client.trusted)
        problem = f"has changed: expected {expected}" if expected else "is not known"
        algorithm = shown.get_algorithm() if shown else ""
        return ServerRefused(
            f"{destination.name}: the key of {destination.host} {problem}, found "
            f"{algorithm} {_fingerprint(shown)}. Nothing was sent. Ask the partner "
            f"whether it is theirs, then put it into {destination.variable('HOST_KEY')}"
            f" or {destination.variable('KNOWN_HOSTS')}, or run `publish trust "
            f'{destination.name} --fingerprint ... --because "..."`.'
        )

    def _enter(self, folder: str) -> None:
        with self._errors(f"entering the folder {folder}"):
            # chdir alone accepts a folder that is missing.
            if not self._wait(self._sftp.isdir(folder)):
                raise asyncssh.SFTPNoSuchFile(f"no folder {folder}")
            self._wait(self._sftp.chdir(folder))

    def _stat(self, name: str) -> asyncssh.SFTPAttrs | None:
        with self._errors(f"asking the size of {plain(name)}"):
            try:
                return self._wait(self._sftp.stat(name))
            except asyncssh.SFTPNoSuchFile:
                return None

    def _read_folder(self) -> Sequence[asyncssh.SFTPName]:
        async def read() -> Sequence[asyncssh.SFTPName]:
            names = []
            async for name in self._sftp.scandir("."):
                names.append(name)
                if len(names) > _NAMES:
                    raise asyncssh.SFTPBadMessage(f"more than {_NAMES} names")
            return names

        with self._errors("listing the folder"):
            return self._wait(read(), self._destination.reply_timeout)

    def _wait(self, call: Awaitable[T], seconds: float | None = None) -> T:
        return self._result(self._start(call), seconds)

    def _start(self, call: Awaitable[T]) -> Future[T]:
        async def wait() -> T:
            return await call

        return asyncio.run_coroutine_threadsafe(wait(), self._loop)

    def _result(self, future: Future[T], seconds: float | None = None) -> T:
        seconds = seconds or self._destination.timeout
        seconds = self._deadline.left(seconds)
        try:
            return future.result(seconds)
        except TimeoutError:
            if future.done():
                raise
            future.cancel()
            raise TimeoutError(f"no answer within {seconds:g} s") from None

    @contextmanager
    def _errors(
        self, what: str | Callable[[], str], hint: str = LASTS
    ) -> Iterator[None]:
        try:
            yield
        except (asyncssh.Error, OSError) as error:
            text = what if isinstance(what, str) else what()
            raise _error(self._destination, text, error, hint) from None


def presented_key(destination: Destination) -> asyncssh.SSHKey:
    """Return the key that a server shows, without a login.

    Raises:
        Refused, Temporary: it shows none.
    """
    algorithms = _Client(trusted_keys(destination)).algorithms()

    async def ask() -> asyncssh.SSHKey | None:
        async with asyncio.timeout(destination.timeout):
            return await asyncssh.get_server_host_key(
                sock=open_socket(destination), kex_algs="-*-sha1", config=None,
                server_host_key_algs=",".join(algorithms),
            )  # fmt: skip

    what = f"asking the key of {destination.server}"
    try:
        key = asyncio.run(ask())
    except (asyncssh.Error, OSError) as error:
        raise _error(destination, what, error, LASTS) from None
    if key is None:
        raise ServerRefused(f"{destination.name}: {what} failed: it shows none.")
    return key


class _Client(asyncssh.SSHClient):
    """Decides whether a server's key is trusted, and keeps the one it showed."""

    def __init__(self, trusted: Sequence[asyncssh.SSHKey]) -> None:
        self.trusted = trusted
        self.shown: asyncssh.SSHKey | None = None
        self.connection: asyncssh.SSHClientConnection | None = None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self.connection = conn
        # asyncssh reports an error in the last packet one step of the loop later than
        # the end of the connection: let the error, which is the reason, come first.
        loop = asyncio.get_running_loop()
        end = functools.partial(loop.call_soon, conn.connection_lost, None)
        conn.eof_received = end  # type: ignore[method-assign, assignment]

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        self.shown = key
        return any(key.public_data == known.public_data for known in self.trusted)

    def greeted(self) -> bool:
        """Say whether the server has sent the name of its software, which is first."""
        return bool(
            self.connection and self.connection.get_extra_info("server_version")
        )

    def offered(self) -> Sequence[str]:
        """Return the algorithms of keys that the server offers; empty if unknown.

        asyncssh does not compare them; the server just ends the connection. They are
        the second list of KEXINIT (RFC 4253, 7.1), after a byte and 16 random ones.
        """
        packet = SSHPacket(getattr(self.connection, "_server_kexinit", b""))
        try:
            packet.get_bytes(17)
            packet.get_namelist()
            return [name.decode("ascii", "replace") for name in packet.get_namelist()]
        except PacketDecodeError:
            return []

    def algorithms(self) -> Sequence[str]:
        """Return what we accept; those of the keys that we trust come first."""
        known = {name.decode() for key in self.trusted for name in key.sig_algorithms}
        return sorted(_HOST_KEY_ALGORITHMS, key=lambda name: name not in known)


def _log_unexpected(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what no task asked for, except how the connection ended, which we report.

    asyncssh splits a write into several tasks and forgets those that were under way.
    """
    if not isinstance(context.get("exception"), (asyncssh.Error, OSError)):
        loop.default_exception_handler(context)


async def _end(connection: asyncssh.SSHClientConnection | None) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if connection is not None:
        connection.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await connection.wait_closed()
        except TimeoutError:
            connection.abort()
            await connection.wait_closed()
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _ensure_user_name() -> None:
    """Let asyncssh read a name of the local user; it fails without one.

    A container's user number has none. The name is not sent.
    """
    try:
        getpass.getuser()
    except (KeyError, OSError):  # KeyError before Python 3.13
        os.environ["LOGNAME"] = str(os.getuid())


def _fingerprint(key: asyncssh.SSHKey | None) -> str:
    """Return a key's fingerprint as ssh-keygen -l shows it."""
    return key.get_fingerprint() if key else "unknown"


def _time(attributes: asyncssh.SFTPAttrs) -> datetime | None:
    if attributes.mtime is None:
        return None
    return datetime.fromtimestamp(attributes.mtime, UTC)


def _error(
    destination: Destination, what: str, error: Exception, hint: str
) -> ServerRefused | ServerUnavailable:
    """Class an error of asyncssh or the socket and word it."""
    name = type(error).__name__
    if isinstance(error, asyncssh.SFTPError):
        name = f"{name}, status {error.code}"
    cause = f"{name}: {error}" if str(error) else name
    text = destination.redact(
        f"{destination.name}: {what} failed ({' '.join(cause.split())})."
    )
    if isinstance(error, asyncssh.KeyExchangeFailed):
        hint = (
            "We take what is sent, the server offers what is received. Ask the partner "
            "to offer one that we take."
        )
    if isinstance(error, asyncssh.PermissionDenied):
        names = ("USER", "PASSWORD", "KEY_FILE")
        user, password, key = (destination.variable(name) for name in names)
        return ServerRefused(f"{text} Fix {user}, {password} or {key}.")
    if isinstance(error, asyncssh.SFTPNoSuchFile | asyncssh.SFTPNoSuchPath):
        return ServerRefused(f"{text} Expected that it is there.")
    if isinstance(error, _TEMPORARY) or not isinstance(error, _LASTING):
        return ServerUnavailable(f"{text} Try again later.")
    if what.startswith("sending") and not isinstance(error, _REFUSED):
        # SFTP 3 has one code, Failure, for a full disk and for a quota.
        hint = "Usual reasons are a full disk or a quota. Try again later."
        return ServerUnavailable(f"{text} {hint}", retry="retry_once")
    return ServerRefused(f"{text} {hint}")
