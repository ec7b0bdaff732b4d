"""A server that tests start: its address, its files, its log."""

import os
import shutil
import signal
import socket
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from servers import machine, trust
from servers.options import SCHEMES, Kind, Options
from servers.process import Process


@dataclass
class Server:
    """A server that runs, or ran.

    Attributes:
        kind: its name in `KINDS`.
        host: the name that a good certificate has.
        port: stays the same when it is started again.
        place: everything of this server; removed by `close`.
        ca_file: what a client trusts.
        shown: certificate and key that the server shows.
    """

    kind: str
    program: Kind
    options: Options
    host: str = "localhost"
    password: str = "s3cret-of-the-partner"
    port: int = 0
    process: Process | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        # Not below pytest's folders: those are private, and servers change their user.
        self.place = Path(tempfile.mkdtemp(prefix=f"feeds-{self.kind}-"))
        self.place.chmod(0o755)
        shown = trust.make(self.place, self.options.certificate)
        self.ca_file, self.shown = shown.ca_file, shown.server_file
        self.folder.mkdir()
        self._before: list[str] = []
        self._reserved: socket.socket | None = None
        try:
            if self.options.disk is not None:
                self._before = machine.small_disk(self.folder, self.options.disk)
            if machine.ROOT:
                os.chown(self.shown, machine.UID, machine.GID)
                if not self.options.read_only:
                    os.chown(self.folder, machine.UID, machine.GID)
            self.folder.chmod(0o555 if self.options.read_only else 0o755)
        except BaseException:
            self.close()
            raise

    @property
    def folder(self) -> Path:
        """Where files arrive."""
        return self.place / "partner data"

    @property
    def log(self) -> Path:
        """What the server wrote about logins, and mostly commands."""
        return self.place / "log"

    @property
    def output(self) -> Path:
        """What the server wrote to stdout and stderr."""
        return self.place / "output"

    @property
    def key_file(self) -> Path:
        """sftp: the private key that may log in, beside the password."""
        return self.place / "client_key"

    @property
    def known_hosts(self) -> Path:
        """sftp: what a client trusts."""
        return self.place / "known_hosts"

    @property
    def user(self) -> str:
        return self.program.user

    @property
    def mode(self) -> str:
        """explicit, implicit, plain or sftp."""
        return self.options.mode

    @property
    def url(self) -> str:
        """The address in the form that destinations are given; no path: `folder`."""
        scheme = SCHEMES[self.mode]
        return f"{scheme}://{self.user}@{self.host}:{self.port}"

    def variables(self, destination: str = "ONPART") -> dict[str, str]:
        """The environment that lets `publish` deliver here as `destination`."""
        trusted = ("KNOWN_HOSTS", self.known_hosts)
        if self.mode != "sftp":
            trusted = ("CA_FILE", self.ca_file)
        return {
            f"DEST_{destination}_URL": self.url,
            f"DEST_{destination}_PASSWORD": self.password,
            f"DEST_{destination}_{trusted[0]}": str(trusted[1]),
        }

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def lay(self, name: str, content: bytes) -> Path:
        """Put a file there as the server's user would have."""
        path = self.folder / name
        path.write_bytes(content)
        os.chown(path, machine.UID, machine.GID)
        return path

    def logins(self) -> list[bool]:
        """Every login attempt so far: whether it succeeded."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return [bool(logins[1]) for logins in self.program.logins.finditer(text)]

    def start(self) -> Self:
        """Start, or start again on the same port and folder; wait until it answers."""
        if self._reserved is None:
            self.port, self._reserved = machine.reserve_port()
        try:
            words, environment = self.program.command(self)
            self.process = Process([*self._before, *words], environment, self.output)
            self.process.wait(self.port)
            return self
        except BaseException as error:
            error.add_note(self.last_output())
            self.close()
            raise

    def last_output(self) -> str:
        """Return the end of all that the server wrote, for the report of a failure."""
        files = [file for file in (self.output, self.log) if file.exists()]
        return "\n".join(file.read_text(errors="replace")[-3000:] for file in files)

    def kill(self) -> None:
        """Kill it and its sessions, as if the machine had gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it and its sessions by SIGTERM; `start` starts it again."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.end(how)
            self.process = None

    def close(self) -> None:
        """Kill it and remove everything."""
        self.kill()
        if self._reserved is not None:
            self._reserved.close()
        machine.unmount(self.folder)
        shutil.rmtree(self.place, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
