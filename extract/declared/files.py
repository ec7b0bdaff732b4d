"""Files of a folder, here or on an SFTP server, by dlt's filesystem."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import fsspec
import msgspec
import paramiko
from dlt.common.configuration.specs import SFTPCredentials
from dlt.common.storages.fsspec_filesystem import fsspec_filesystem, glob_files
from fsspec.implementations.sftp import SFTPFileSystem
from msgspec import UNSET

from extract.declared.declaration import (
    FileResource,
    Filesystem,
    SftpCredentials,
    path_of,
    proof_of,
    resolved,
)
from extract.declared.decoding import PAGES
from extract.declared.reading import Reading, Tick, count_records, settle
from extract.entities import Entity
from extract.strict_json import parse_count
from extract.transport import HttpLimits, RequestCounts
from runtime.display import beginning
from runtime.environment import Environment, Limits
from runtime.exits import Misuse, Refused, Temporary
from runtime.failpoints import failpoint
from runtime.files import atomic_write, read_json, sha256_of, write_json

_LOCAL = (28, 122)  # ENOSPC, EDQUOT


class File(NamedTuple):
    """A file of the source: its path there, bytes, and time of the last change."""

    path: str
    bytes: int
    modified: str

    @property
    def name(self) -> str:
        """Its name without a folder."""
        return self.path.rpartition("/")[2]


class _KnownHosts(SFTPFileSystem):  # type: ignore[misc]
    """fsspec's SFTP, for servers of a file of known hosts alone.

    By default fsspec accepts any key, and with its policy `reject` none: it reads no
    file of known hosts.
    """

    def _connect(self) -> None:
        known = self.ssh_kwargs.pop("known_hosts")
        options = {
            # dlt sends these too, which paramiko 5 does not have.
            name: value
            for name, value in self.ssh_kwargs.items()
            if not name.startswith("gss_")
        }
        self.client = paramiko.SSHClient()
        self.client.load_host_keys(known)
        self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        self.client.connect(self.host, **options)
        self.ftp = self.client.open_sftp()


class Folder:
    """A folder that is declared, here or on an SFTP server.

    Args:
        name: of the source.
        declared: its declaration.
        variables: the environment, which has its secrets.

    Raises:
        Misuse: a variable is not set, or a file of the login is not there.
    """

    def __init__(self, name: str, declared: Filesystem, variables: Environment) -> None:
        self._file = path_of(name)
        self._url = declared.bucket_url
        self.address = declared.bucket_url.rstrip("/")
        self.counts = RequestCounts()
        self._login: Any = None
        self._options: dict[str, Any] = {"skip_instance_cache": True}
        if self.address.startswith("sftp://"):
            if declared.credentials is UNSET:
                raise Misuse(
                    f"{self._file}: filesystem.credentials: expected sftp_username, "
                    "known_hosts, and sftp_password or sftp_key_filename; found none."
                )
            timeout = variables.settings(HttpLimits, "FEEDS_HTTP_").timeout
            self._login = self._credentials(declared.credentials, variables, timeout)
            self._options["known_hosts"] = declared.credentials.known_hosts
        self._files: Any = None

    def _credentials(
        self, declared: SftpCredentials, variables: Environment, timeout: float
    ) -> SFTPCredentials:
        for field in ("known_hosts", "sftp_key_filename"):
            path = getattr(declared, field)
            if path is not UNSET and not Path(path).is_file():
                raise Misuse(
                    f"{self._file}: filesystem.credentials.{field}: expected a file, "
                    f"found none at {path}."
                )
        login = SFTPCredentials()
        for field, value in resolved(msgspec.to_builtins(declared), variables).items():
            if field != "known_hosts":
                setattr(login, field, value)
        # Else keys of the person who runs this would be tried.
        login.sftp_allow_agent = login.sftp_look_for_keys = False
        login.sftp_timeout = login.sftp_banner_timeout = timeout
        login.sftp_auth_timeout = login.sftp_channel_timeout = timeout
        return login

    def __enter__(self) -> "Folder":
        fsspec.register_implementation("sftp", _KnownHosts, clobber=True)
        with self._explained():
            self._files, _ = fsspec_filesystem(
                self._url, self._login, kwargs=self._options
            )
        return self

    def __exit__(self, *error: object) -> None:
        if self._login is not None:
            self._files.client.close()

    def settle(
        self, entity: Entity, resource: FileResource, folder: Path, limits: Limits,
        tick: Tick,
    ) -> tuple[Reading, int]:  # fmt: skip
        """Read the files of one list until they are complete by their proof.

        Args:
            entity: the list, as landing has it.
            resource: its declaration.
            folder: where files and pages go; a file that is there and did not change is
                not read again.
            limits: memory and threads for DuckDB.
            tick: called once for each page.

        Raises:
            Refused: a file is not of its form; names file and row.
            Temporary: there is no file, the server is not available, or files change.
        """

        def read(number: int) -> Reading:
            reading = Reading(folder / f"read-{number}", tick)
            reading.before = self.count(resource)
            first = reading.folder / "files"
            files = self._fetch(resource, first)
            if proof_of(resource) == "second_reading":
                second = reading.folder / "again"
                again = self._fetch(resource, second)
                reading.flaw = _changed(files, again, first, second)
            if not reading.flaw:
                for file, place in files:
                    for body in self._pages(file, place, resource, limits):
                        reading.add(body, count_records(body))
            reading.after = self.count(resource)
            return reading

        return settle(entity, read)

    def count(self, resource: FileResource) -> int | None:
        """Return the number in the file beside the files; None if there is none."""
        if resource.complete is UNSET or resource.complete.count is UNSET:
            return None
        name = resource.complete.count
        path = self._files._strip_protocol(f"{self.address}/{name}")
        with self._explained(), self._files.open(path, "rb") as file:
            text = file.read(100).decode("ascii", "replace").strip()
        try:
            return parse_count(text)
        except Refused as error:
            raise Refused(f"{self.address}/{name}: {error}") from None

    def _list(self, resource: FileResource) -> list[File]:
        root = self._files._strip_protocol(self._url).rstrip("/")
        with self._explained():
            items = glob_files(self._files, self._url, resource.file_glob)
            files = sorted(
                File(
                    # Its file_url is percent-encoded in a folder here alone.
                    f"{root}/{item['relative_path']}",
                    int(item["size_in_bytes"]),
                    item["modification_date"].isoformat(),
                )
                for item in items
            )
        if not files:
            raise Temporary(
                f"{self.address}/{resource.file_glob}: expected at least one file, "
                "found none. Nothing was landed; try later."
            )
        return files

    def _fetch(self, resource: FileResource, folder: Path) -> list[tuple[File, Path]]:
        """Copy the files of a list to `folder`; one that is there stays."""
        folder.mkdir(parents=True, exist_ok=True)
        fetched = []
        for number, file in enumerate(self._list(resource), 1):
            place = folder / f"{number:06d}"
            about = place.with_suffix(".json")
            if not (place.exists() and _is(about, file)):
                with self._explained(), atomic_write(place) as part:
                    self._files.get_file(file.path, str(part))
                    failpoint("in-file")
                write_json(about, file._asdict())
                self.counts.requests += 1
                self.counts.bytes += place.stat().st_size
            fetched.append((file, place))
        return fetched

    def _pages(
        self, file: File, place: Path, resource: FileResource, limits: Limits
    ) -> Iterator[bytes]:
        try:
            yield from PAGES[resource.format](place, resource, limits)
        except Refused as error:
            raise Refused(f"{file.name}: {error} Nothing was landed.") from None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say what an error of the server means.

        Raises:
            Misuse: the login, the server's key or a right is wrong.
            Temporary: the server is not available, or a file is not there yet.
        """
        try:
            yield
        except paramiko.BadHostKeyException:
            raise Misuse(
                f"{self.address}: expected the key that known_hosts of {self._file} "
                "has, found another one. Ask whoever runs the server."
            ) from None
        except (paramiko.AuthenticationException, PermissionError) as error:
            raise Misuse(
                f"{self.address}: access is denied ({beginning(str(error), 200)}). "
                f"Check credentials in {self._file}."
            ) from None
        except paramiko.SSHException as error:
            message = beginning(str(error), 200)
            if "known_hosts" in message or "private key" in message:
                raise Misuse(
                    f"{self.address}: {message}. Check credentials in {self._file}."
                ) from None
            raise Temporary(f"{self.address}: {message}. Try later.") from None
        except (OSError, EOFError) as error:
            if isinstance(error, OSError) and error.errno in _LOCAL:
                raise
            message = beginning(str(error), 200) or "the connection ended"
            raise Temporary(
                f"{self.address}: {message}. Nothing was landed; try later."
            ) from None


def _changed(
    files: list[tuple[File, Path]],
    again: list[tuple[File, Path]],
    first: Path,
    second: Path,
) -> str | None:
    """Return what differs between two readings of the same files."""
    if [file.path for file, _ in files] != [file.path for file, _ in again]:
        return "two readings have other files"
    for (file, place), (_, other) in zip(files, again, strict=True):
        if sha256_of(place) != sha256_of(other):
            return f"{file.name} changed while it was read"
    return None


def _is(about: Path, file: File) -> bool:
    """Return whether a copy is of this file as it is now."""
    try:
        return read_json(about) == file._asdict()
    except (OSError, ValueError):
        return False
