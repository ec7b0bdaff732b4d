"""How a file reaches a partner: one small interface, chosen by the scheme of a URL."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from runtime.environment import Environment, Secret
from runtime.exits import Misuse


@dataclass(frozen=True, slots=True)
class Sent:
    """What left our side: bytes counted and hashed while they were sent."""

    bytes: int
    sha256: str


class Connection(Protocol):
    """A folder at a partner, open. Names are plain file names in that folder.

    Every method raises `Refused` where a person must act and `Temporary` where the
    same may succeed later, with the other side's own words.
    """

    def put(self, source: Path, name: str, tick: Callable[[int], object]) -> Sent:
        """Send a file under `name`; `tick` is told the size of every block."""

    def size(self, name: str) -> int | None:
        """Return the size in bytes, None if there is no such file."""

    def hash(self, name: str) -> str | None:
        """Return the SHA-256 in hexadecimal, None where the server offers none."""

    def rename(self, old: str, new: str) -> None:
        """Give a file a name, replacing a file of that name."""

    def remove(self, name: str) -> None:
        """Remove a file; it is no error if there is none."""

    def list(self) -> list[str]:
        """Return the names in the folder."""

    def facts(self) -> Mapping[str, Any]:
        """Tell what belongs in a receipt: server, TLS version, certificate check."""

    def close(self) -> None:
        """End the connection; never raises."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a partner receives files, from `DEST_<NAME>_*`; nothing shows the password.

    Attributes:
        name: as the exposure says it.
        scheme: ftps or file.
        host: empty for file.
        port: 21 unless the URL has one.
        user: from the URL, or DEST_<NAME>_USER.
        password: DEST_<NAME>_PASSWORD.
        path: path of the URL; for ftps relative to the folder of the login.
        ca_file: DEST_<NAME>_CA_FILE; None for the system's authorities.
        verify: DEST_<NAME>_TLS_VERIFY (1); 0 is recorded in every receipt.
        timeout: DEST_<NAME>_TIMEOUT (30) seconds for connecting and each command.
        reply_timeout: DEST_<NAME>_REPLY_TIMEOUT (300) seconds for the reply after
            the last byte: some servers copy or scan first.
    """

    name: str
    scheme: str
    host: str
    port: int
    user: str
    password: Secret | None
    path: str
    ca_file: Path | None
    verify: bool
    timeout: float
    reply_timeout: float

    @classmethod
    def of(cls, variables: Environment, name: str) -> "Destination":
        """Read the variables of a destination.

        Raises:
            Misuse: one is missing or wrong; names it, never a password.
        """
        prefix = f"DEST_{name.upper()}"
        address = urlsplit(variables.text(f"{prefix}_URL"))
        if address.password is not None:
            raise Misuse(
                f"{prefix}_URL holds a password, which would be seen in lists and "
                f"logs. Put it in {prefix}_PASSWORD."
            )
        if address.scheme not in ("ftps", "file"):
            raise Misuse(
                f"{prefix}_URL: expected ftps:// (explicit TLS) or file://, found "
                f"{address.scheme or 'no scheme'}"
            )
        remote = address.scheme == "ftps"
        if remote and not address.hostname:
            raise Misuse(
                f"{prefix}_URL: expected ftps://user@host/folder, found no host"
            )
        try:
            port = address.port or 21
        except ValueError:
            raise Misuse(f"{prefix}_URL: the port is not a number") from None
        user = unquote(address.username or "") or variables.optional(f"{prefix}_USER")
        ca_file = variables.optional(f"{prefix}_CA_FILE")
        if ca_file and not Path(ca_file).is_file():
            raise Misuse(f"{prefix}_CA_FILE: expected a file, found none at {ca_file}")
        return cls(
            name=name,
            scheme=address.scheme,
            host=address.hostname or "",
            port=port,
            user=user or "",
            password=variables.secret(f"{prefix}_PASSWORD") if remote else None,
            path=unquote(address.path),
            ca_file=Path(ca_file) if ca_file else None,
            verify=variables.flag(f"{prefix}_TLS_VERIFY", True),
            timeout=variables.number(f"{prefix}_TIMEOUT", 30, 1, 3600),
            reply_timeout=variables.number(f"{prefix}_REPLY_TIMEOUT", 300, 1, 36000),
        )


def connect(destination: Destination, folder: str) -> Connection:
    """Open `folder` (of the exposure) at a destination."""
    # Here, so that each transport may import this module's values.
    from publish.deliver import folder as local
    from publish.deliver import ftp

    if destination.scheme == "file":
        return local.Folder(destination, folder)
    return ftp.Ftps(destination, folder)
