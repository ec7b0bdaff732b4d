"""A scripted FTP server: it does on demand what real servers do seldom.

    with Stub(Script(final="426 broken", keep=0.5)) as to:
        ...  # deliver to to.url
        assert to.commands[-1] == "QUIT"

It has a thread for each client. A script's odd behaviour lasts for the first `times`
uploads; after that the server does everything right.
"""

import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from servers import trust
from servers.conversation import Conversation
from servers.options import SCHEMES
from servers.script import Script

PASSWORD = "s3cret-of-the-partner"


@dataclass
class Stub:
    """The running server, and what clients sent.

    Attributes:
        script: may be changed while it runs; the next command follows the new one.
        scripts: one for each of the next connections; after the last, it stays.
        commands: what clients sent, in order; passwords as `*`.
        uploads: how many STOR were begun.
        moved: names of files that were moved out of the folder.
        reused: for every data connection, whether it resumed a session.
    """

    script: Script = field(default_factory=Script)
    scripts: Iterator[Script] = field(default_factory=lambda: iter(()))
    host: str = "localhost"
    user: str = "feeds"
    password: str = PASSWORD
    commands: list[str] = field(default_factory=list)
    uploads: int = 0
    moved: list[str] = field(default_factory=list)
    reused: list[bool] = field(default_factory=list)

    def __enter__(self) -> Self:
        self.place = Path(tempfile.mkdtemp(prefix="feeds-stub-"))
        shown = trust.make(self.place, self.script.certificate)
        self.ca_file = shown.ca_file
        self.folder = self.place / "partner data"
        self.folder.mkdir()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(shown.server_file)
        version = ssl.TLSVersion[f"TLSv{self.script.tls.replace('.', '_')}"]
        self.context.minimum_version = self.context.maximum_version = version
        self._open: set[socket.socket] = set()
        self.stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        listener = self.opened(socket.create_server(("127.0.0.1", 0)))
        self.port: int = listener.getsockname()[1]
        self._run(self._accept, listener)
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for thread in self._threads:
            thread.join()
        shutil.rmtree(self.place, ignore_errors=True)

    def kill(self) -> None:
        """Drop every connection and accept no more, as if the machine had gone."""
        self.stopping.set()
        for opened in list(self._open):
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            with suppress(OSError):
                opened.close()

    @property
    def mode(self) -> str:
        """explicit, implicit or plain."""
        return self.script.mode

    @property
    def url(self) -> str:
        """The address in the form that destinations are given."""
        return f"{SCHEMES[self.mode]}://{self.user}@{self.host}:{self.port}"

    def variables(self, destination: str = "ONPART") -> dict[str, str]:
        """The environment that lets `publish` deliver here as `destination`."""
        return {
            f"DEST_{destination}_URL": self.url,
            f"DEST_{destination}_PASSWORD": self.password,
            f"DEST_{destination}_CA_FILE": str(self.ca_file),
        }

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def words(self) -> list[str]:
        """The commands without what they were given."""
        return [command.split()[0] for command in self.commands]

    def take(self, path: Path, seconds: float) -> None:
        """Move a file out of the folder after so many seconds, or at once."""

        def move() -> None:
            self.stopping.wait(seconds)
            # A client may have renamed it; a job by name takes it no more.
            with suppress(FileNotFoundError):
                path.rename(self.place / path.name)
                self.moved.append(path.name)

        if not seconds:
            return move()
        thread = threading.Thread(target=move)
        self._threads.append(thread)
        return thread.start()

    def opened(self, connection: socket.socket) -> socket.socket:
        """Remember a socket, so that `kill` ends it."""
        self._open.add(connection)
        if self.stopping.is_set():
            connection.close()
        return connection

    def _run(
        self, what: Callable[[socket.socket], None], connection: socket.socket
    ) -> None:
        thread = threading.Thread(target=what, args=(connection,))
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while not self.stopping.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.script = next(self.scripts, self.script)
            self._run(self._serve, self.opened(client))

    def _serve(self, client: socket.socket) -> None:
        # What a client breaks off, and what `kill` breaks off, is no error here.
        conversation = Conversation(self, client)
        with suppress(OSError, ValueError):
            conversation.run()
        with suppress(OSError):
            conversation.control.close()
