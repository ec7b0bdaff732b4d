"""A scripted SFTP server: policies that OpenSSH does not have.

with SftpStub(posix_rename=False) as to:
    ...  # deliver to to.url
"""

import asyncio
import shutil
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import asyncssh

PASSWORD = "s3cret-of-the-partner"


@dataclass
class SftpStub:
    """The running server.

    Attributes:
        posix_rename: posix-rename@openssh.com is known.
        replaces: SFTP's own rename replaces a file.
        takes: every file is moved out of the folder as it is closed.
        refusal: the text of the refusal of every upload; b"" for none.
        removed: names of files that were moved out of the folder.
        written: every open file, with its path.
    """

    posix_rename: bool = True
    replaces: bool = False
    takes: bool = False
    refusal: bytes = b""
    removed: list[str] = field(default_factory=list)
    written: dict[Any, Path] = field(default_factory=dict, repr=False)

    def __enter__(self) -> Self:
        self.place = Path(tempfile.mkdtemp(prefix="feeds-sftp-stub-"))
        self.folder = self.place / "partner data"
        self.folder.mkdir()
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        self._listener = starting.result(20)
        self.port = self._listener.get_port()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        shutil.rmtree(self.place, ignore_errors=True)

    def variables(self, destination: str = "ONPART") -> dict[str, str]:
        """The environment that lets `publish` deliver here as `destination`."""
        key = self._key.export_public_key().decode().strip()
        return {
            f"DEST_{destination}_URL": f"sftp://feeds@localhost:{self.port}",
            f"DEST_{destination}_PASSWORD": PASSWORD,
            f"DEST_{destination}_HOST_KEY": key,
        }

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[self._key],
            server_factory=_Login,
            sftp_factory=lambda channel: _Files(channel, self),
        )

    async def _end(self) -> None:
        self._listener.close()
        await self._listener.wait_closed()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for file in self.written:  # of a client that went away
            file.close()


class _Login(asyncssh.SSHServer):
    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return password == PASSWORD


class _Files(asyncssh.SFTPServer):
    def __init__(self, channel: Any, stub: SftpStub) -> None:
        super().__init__(channel, chroot=str(stub.folder).encode())
        self._stub = stub
        self._written = stub.written

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        if self._stub.refusal:
            raise asyncssh.SFTPFailure(self._stub.refusal)  # type: ignore[arg-type]
        file = super().open(path, pflags, attrs)
        self._written[file] = self._stub.folder / path.decode().lstrip("/")
        return file

    def close(self, file_obj: Any) -> None:
        super().close(file_obj)  # type: ignore[no-untyped-call]
        path = self._written.pop(file_obj)
        if self._stub.takes:
            path.rename(self._stub.place / path.name)
            self._stub.removed.append(path.name)

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        if self._stub.replaces:
            super().posix_rename(oldpath, newpath)  # type: ignore[no-untyped-call]
        else:
            super().rename(oldpath, newpath)  # type: ignore[no-untyped-call]

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        if not self._stub.posix_rename:
            raise asyncssh.SFTPOpUnsupported("")
        super().posix_rename(oldpath, newpath)  # type: ignore[no-untyped-call]
