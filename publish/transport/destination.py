"""Where a partner receives files: the variables `DEST_<NAME>_*`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast
from urllib.parse import SplitResult, unquote, urlsplit

from publish.transport import accepted
from publish.transport.accepted import Accepted
from runtime.environment import DataDirectory, Environment, Secret
from runtime.exits import Misuse, Refused

Scheme = Literal["ftp", "ftps", "ftps+implicit", "sftp", "file"]
# The default port of each scheme; file has none.
_PORTS = {"ftp": 21, "ftps": 21, "ftps+implicit": 990, "sftp": 22, "file": 0}
_EXPECTED = (
    "ftps://user@host/folder (explicit TLS), ftps+implicit://, sftp://, "
    "file:///folder, or ftp:// (clear text, if explicitly allowed)"
)


@dataclass(frozen=True, slots=True)
class Ssh:
    """Keys for sftp://: the server's key, and perhaps one of ours.

    Attributes:
        known_hosts: DEST_<NAME>_KNOWN_HOSTS, a file in OpenSSH's format.
        host_key: DEST_<NAME>_HOST_KEY, "ssh-ed25519 AAAA...".
        key_file: DEST_<NAME>_KEY_FILE, our private key.
        passphrase: DEST_<NAME>_KEY_PASSPHRASE.
    """

    known_hosts: Path | None = None
    host_key: str | None = None
    key_file: Path | None = None
    passphrase: Secret | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """A partner's server. Its text form has no password.

    Attributes:
        name: as in the exposure.
        scheme: of the URL.
        host: empty for file.
        port: the scheme's default unless the URL has one.
        user: from the URL, or DEST_<NAME>_USER.
        password: DEST_<NAME>_PASSWORD; None for file, and for sftp with a key.
        path: path of the URL. As in curl: for FTP it is below the folder of the login
            unless it begins with two slashes; for SFTP it is below the root unless it
            begins with `/~`.
        ca_file: DEST_<NAME>_CA_FILE; None for the system's authorities.
        verify: DEST_<NAME>_TLS_VERIFY (1); 0 is recorded in every receipt.
        tls_max: DEST_<NAME>_TLS_MAX, "1.2" or "1.3"; None for the newest.
        epsv: DEST_<NAME>_EPSV (0): ask for data ports by EPSV on IPv4 too.
        timeout: DEST_<NAME>_TIMEOUT (30) seconds for connecting and each command;
            above 10, because some servers check a password slowly.
        reply_timeout: DEST_<NAME>_REPLY_TIMEOUT (300) seconds for the reply after
            the last byte: some servers copy or scan the file first.
        deadline: DEST_<NAME>_DEADLINE (14400) seconds for everything between connecting
            and closing.
        ssh: keys, for sftp.
        accepted: the server's key or certificate that a person accepted.
    """

    name: str
    scheme: Scheme
    host: str
    port: int
    user: str
    password: Secret | None
    path: str
    ca_file: Path | None
    verify: bool
    tls_max: str | None
    epsv: bool
    timeout: float
    reply_timeout: float
    deadline: float
    ssh: Ssh = field(default_factory=Ssh)
    accepted: Accepted | None = None

    @classmethod
    def read(
        cls, variables: Environment, name: str, needs_key: bool = True
    ) -> "Destination":
        """Read the variables of a destination, and what a person accepted of it.

        Args:
            variables: the environment.
            name: as in the exposure.
            needs_key: sftp: a key of the server must be named or accepted.

        Raises:
            Misuse: one is missing or wrong; the message names it, and no password.
        """
        prefix = f"DEST_{name.upper()}"
        address = _address(variables, prefix)
        scheme = cast("Scheme", address.scheme)
        known = accepted.read(DataDirectory.read(variables).data, name)
        ssh = Ssh()
        if scheme == "sftp":
            ssh = _ssh(variables, prefix, needs_key and known is None)
        ca_file = variables.authorities(f"{prefix}_CA_FILE")
        password = None
        if ssh.key_file is None or variables.optional(f"{prefix}_PASSWORD"):
            password = _password(variables, prefix) if scheme != "file" else None
        user = unquote(address.username or "") or variables.optional(f"{prefix}_USER")
        if scheme != "file" and not user:
            raise Misuse(
                f"{prefix}_USER is not set, and {prefix}_URL names no user. Write "
                f"{scheme}://user@host/folder."
            )
        tls_max = variables.optional(f"{prefix}_TLS_MAX")
        if tls_max not in (None, "1.2", "1.3"):
            raise Misuse(f"{prefix}_TLS_MAX must be 1.2 or 1.3, but is {tls_max!r}.")
        return cls(
            name=name,
            scheme=scheme,
            host=address.hostname or "",
            port=address.port or _PORTS[scheme],
            user=_line(f"{prefix}_USER", user or ""),
            password=password,
            path=_line(f"{prefix}_URL", unquote(address.path)),
            ca_file=ca_file,
            verify=variables.flag(f"{prefix}_TLS_VERIFY", True),
            tls_max=tls_max,
            epsv=variables.flag(f"{prefix}_EPSV", False),
            timeout=variables.number(f"{prefix}_TIMEOUT", 30, 1, 3600),
            reply_timeout=variables.number(f"{prefix}_REPLY_TIMEOUT", 300, 1, 36000),
            deadline=variables.number(f"{prefix}_DEADLINE", 14400, 1, 864000),
            ssh=ssh,
            accepted=known,
        )

    @property
    def server(self) -> str:
        """The address without user and folder, for messages and receipts."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def variable(self, ending: str) -> str:
        """Return the name of one of the variables, such as CA_FILE."""
        return f"DEST_{self.name.upper()}_{ending}"

    def accepted_instead_of(self, named: Sequence[str]) -> Accepted | None:
        """Return what a person accepted in place of what the variables name.

        Args:
            named: the fingerprints of the keys or authorities of the variables.
        """
        known = self.accepted
        applies = known and known.applies(self.server, tuple(sorted(named)))
        return known if applies else None

    def folder(self, folder: str) -> str:
        """Return the remote folder of an exposure; "" for the login's own.

        Raises:
            Refused: it has a control character.
        """
        path, from_root = self.path, self.path.startswith("//")
        if self.scheme == "sftp":
            from_root = path.strip("/") != "" and path.split("/")[1] != "~"
            path = path.removeprefix("/~")
        joined = "/".join(part for part in f"{path}/{folder}".split("/") if part)
        return plain(f"/{joined}" if from_root else joined)

    def redact(self, text: str) -> str:
        """Remove our secrets from a text: a server may repeat what we sent."""
        for secret in (self.password, self.ssh.passphrase):
            if secret is not None:
                text = text.replace(secret.reveal(), "…")
        return text


def plain(name: str) -> str:
    """Return a name that fits one line of a protocol.

    Raises:
        Refused: it has a control character, such as the end of a line, after which a
            server would read another command.
    """
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        raise Refused(
            f"expected a name without control characters, found {name!r}. Rename it in "
            "the exposure."
        )
    return name


def _address(variables: Environment, prefix: str) -> SplitResult:
    # urlsplit silently removes control characters.
    address = urlsplit(_line(f"{prefix}_URL", variables.text(f"{prefix}_URL")))
    if address.password is not None:
        raise Misuse(
            f"{prefix}_URL has a password, which process lists and logs would show. "
            f"Put it in {prefix}_PASSWORD."
        )
    if address.scheme not in _PORTS:
        raise Misuse(
            f"{prefix}_URL: expected {_EXPECTED}; found {address.scheme or 'no scheme'}"
        )
    if address.query or address.fragment:
        raise Misuse(f"{prefix}_URL: write ? as %3F and # as %23 in a folder's name")
    _check_host(address, prefix)
    if address.scheme == "ftp" and not variables.flag(f"{prefix}_ALLOW_PLAINTEXT"):
        raise Misuse(
            f"{prefix}_URL: ftp:// sends password and file in clear text. Use "
            f"ftps://, or set {prefix}_ALLOW_PLAINTEXT=1, which is recorded in every "
            "receipt."
        )
    return address


def _check_host(address: SplitResult, prefix: str) -> None:
    try:
        _ = address.port
    except ValueError:
        raise Misuse(f"{prefix}_URL: the port is not a number up to 65535") from None
    if address.scheme == "file":
        if address.netloc not in ("", "localhost"):
            raise Misuse(
                f"{prefix}_URL: expected file:///folder, found a host. Mount the share "
                "and name its folder."
            )
    elif not address.hostname:
        raise Misuse(
            f"{prefix}_URL: expected {address.scheme}://user@host/folder, found no host"
        )
    else:
        try:
            address.hostname.encode("idna")
        except UnicodeError:
            raise Misuse(f"{prefix}_URL: the host is not a name") from None


def _ssh(variables: Environment, prefix: str, needs_key: bool) -> Ssh:
    known_hosts = _file(variables, f"{prefix}_KNOWN_HOSTS")
    host_key = variables.optional(f"{prefix}_HOST_KEY")
    if needs_key and known_hosts is None and host_key is None:
        raise Misuse(
            f"sftp:// needs the server's key: set {prefix}_KNOWN_HOSTS (a file) or "
            f"{prefix}_HOST_KEY (ssh-ed25519 AAAA...), as given by the partner. "
            "`publish trust` shows the key of a server; ask the partner whether it is "
            "theirs."
        )
    passphrase = variables.optional(f"{prefix}_KEY_PASSPHRASE")
    return Ssh(
        known_hosts,
        host_key,
        _file(variables, f"{prefix}_KEY_FILE"),
        Secret(passphrase) if passphrase else None,
    )


def _password(variables: Environment, prefix: str) -> Secret:
    password = variables.secret(f"{prefix}_PASSWORD")
    if any(letter in password.reveal() for letter in "\r\n\0"):
        raise Misuse(f"{prefix}_PASSWORD has an end of line, which FTP cannot send.")
    return password


def _file(variables: Environment, name: str) -> Path | None:
    path = variables.optional(name)
    if path and not Path(path).is_file():
        raise Misuse(f"{name}: expected a file, found none at {path}")
    return Path(path) if path else None


def _line(name: str, text: str) -> str:
    try:
        return plain(text)
    except Refused:
        raise Misuse(f"{name} has a control character. Remove it.") from None
