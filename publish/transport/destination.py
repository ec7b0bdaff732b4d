"""Where a partner receives files: the variables `DEST_<NAME>_*`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast
from urllib.parse import SplitResult, unquote, urlsplit

from publish.transport import accepted
from publish.transport.accepted import Accepted
from runtime.environment import DataDirectory, Environment, Secret
from runtime.exits import Misuse, Refused

Scheme = Literal["ftp", "ftps", "ftps+implicit", "sftp", "s3", "file"]
# The default port of each scheme; file has none, and s3 has one in its endpoint.
_PORTS = {
    "ftp": 21, "ftps": 21, "ftps+implicit": 990, "sftp": 22, "s3": 0, "file": 0
}  # fmt: skip
_EXPECTED = (
    "ftps://user@host/folder (explicit TLS), ftps+implicit://, sftp://, "
    "s3://bucket/folder, file:///folder, or ftp:// (clear text, if explicitly allowed)"
)
# Rules of Amazon, "General purpose bucket naming rules".
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[A-Za-z0-9-]+")


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
class Storage:
    """The service of s3://.

    Attributes:
        endpoint: DEST_<NAME>_ENDPOINT, "https://host:port"; "" for Amazon's own.
        region: DEST_<NAME>_REGION; us-east-1 if there is an endpoint.
        token: DEST_<NAME>_SESSION_TOKEN, of a temporary key.
        proxy: the address of the company's proxy, from FEEDS_HTTP_PROXY.
    """

    endpoint: str = ""
    region: str = ""
    token: Secret | None = None
    proxy: Secret | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """A partner's server. Its text form has no password.

    Attributes:
        name: as in the exposure.
        scheme: of the URL.
        host: empty for file; for s3 the bucket.
        port: the scheme's default unless the URL has one.
        user: from the URL, or DEST_<NAME>_USER; for s3 the id of the access key.
        password: DEST_<NAME>_PASSWORD; None for file, and for sftp with a key; for s3
            the secret access key.
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
        storage: the service, for s3.
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
    storage: Storage = field(default_factory=Storage)
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
                f"{prefix}_USER is not set, and {prefix}_URL names no user. "
                + (
                    "Set it to the id of the access key."
                    if scheme == "s3"
                    else f"Write {scheme}://user@host/folder."
                )
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
            storage=_storage(variables, prefix) if scheme == "s3" else Storage(),
            accepted=known,
        )

    @property
    def server(self) -> str:
        """The address without user and folder, for messages and receipts."""
        if self.scheme == "s3":
            where = self.storage.endpoint or f"Amazon, {self.storage.region}"
            return f"s3://{self.host} ({where})"
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
        for secret in (self.password, self.ssh.passphrase, self.storage.token):
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
        form = "bucket" if address.scheme == "s3" else "user@host"
        raise Misuse(
            f"{prefix}_URL: expected {address.scheme}://{form}/folder, found no "
            f"{form.rpartition('@')[2]}"
        )
    elif address.scheme == "s3":
        if not _BUCKET.fullmatch(address.netloc.rpartition("@")[2]):
            raise Misuse(
                f"{prefix}_URL: expected s3://bucket/folder, with a bucket of 3 to 63 "
                "lower-case letters, digits, dots and hyphens; a server goes into "
                f"{prefix}_ENDPOINT"
            )
    else:
        try:
            address.hostname.encode("idna")
        except UnicodeError:
            raise Misuse(f"{prefix}_URL: the host is not a name") from None


def _storage(variables: Environment, prefix: str) -> Storage:
    endpoint = variables.optional(f"{prefix}_ENDPOINT") or ""
    if endpoint:
        address = urlsplit(_line(f"{prefix}_ENDPOINT", endpoint.rstrip("/")))
        try:
            good = address.hostname and (address.port or 1)
        except ValueError:
            good = None
        rest = (address.path, address.query, address.fragment, address.username)
        if address.scheme not in ("https", "http") or not good or any(rest):
            raise Misuse(
                f"{prefix}_ENDPOINT: expected https://host or https://host:port, and "
                "nothing after it, found something else"
            )
        if address.scheme == "http" and not variables.flag(f"{prefix}_ALLOW_PLAINTEXT"):
            raise Misuse(
                f"{prefix}_ENDPOINT: http:// sends the file in clear text. Use "
                f"https://, or set {prefix}_ALLOW_PLAINTEXT=1, which is recorded in "
                "every receipt."
            )
        endpoint = address.geturl()
    region = variables.text(f"{prefix}_REGION", "us-east-1" if endpoint else None)
    if not _REGION.fullmatch(region):
        raise Misuse(
            f"{prefix}_REGION: expected such as eu-central-1, found {region!r}"
        )
    token = variables.optional(f"{prefix}_SESSION_TOKEN")
    # HTTP is loaded only where it is used.
    from runtime.http import Proxy

    url = endpoint or f"https://s3.{region}.amazonaws.com"
    proxy = Proxy.from_environment(variables).address_for(url)
    return Storage(
        endpoint,
        region,
        Secret(token) if token else None,
        Secret(proxy) if proxy else None,
    )


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
