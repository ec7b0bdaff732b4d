"""How a server is set up, and what each server program can do."""

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Self

from servers import trust

if TYPE_CHECKING:
    from servers.server import Server

SCHEMES = {
    "explicit": "ftps",
    "implicit": "ftps+implicit",
    "plain": "ftp",
    "sftp": "sftp",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a server is set up. Policies beyond the defaults are not for every server.

    Attributes:
        mode: explicit or implicit TLS, plain (no TLS), sftp.
        tls: the newest version offered, 1.2 or 1.3.
        certificate: one of `trust.CERTIFICATES`; for sftp, all but good are a host
            key that the client does not know.
        disk: size in bytes of the file system that the folder is; None for a big one.
        session_reuse: data connections must resume the control connection's session.
        read_only: the user may not write into the folder.
        replace: a rename may replace a file.
        rename: files may be renamed at all.
        autorename: an upload under an existing name silently gets another one.
        quota: bytes that the user may store; None for no limit.
        hashes: HASH, XSHA256 and the like are offered: all, or just one algorithm, as
            the server spells it.
        overwrite: an upload may replace a file.
        kex: the only key exchange that sshd offers; "" for its defaults.
        host_key: the only algorithm of its host key; "" for its defaults.
        cache: what is written is stored some seconds later.
        umask: of new files.
        out_of_order: requests are answered in any order (Green End's SFTP server).
    """

    mode: str = "explicit"
    tls: str = "1.3"
    certificate: str = "good"
    disk: int | None = None
    session_reuse: bool = True
    read_only: bool = False
    replace: bool = True
    overwrite: bool = True
    rename: bool = True
    autorename: bool = False
    quota: int | None = None
    hashes: bool | str = False
    kex: str = ""
    host_key: str = ""
    cache: bool = False
    umask: str = "022"
    out_of_order: bool = False

    @classmethod
    def create(cls, kind: "Kind", **given: object) -> Self:
        """Take what a server can do; refuse what it would silently ignore."""
        given = {name: value for name, value in given.items() if value != ""}
        options = cls(**{"mode": kind.modes[0], **given})  # type: ignore[arg-type]
        allowed = {"mode", "tls", "certificate", "disk", "read_only", *kind.policies}
        odd = [each.name for each in fields(cls) if each.name in given]
        odd = [name for name in odd if name not in allowed]
        if odd or options.mode not in kind.modes:
            raise ValueError(f"expected {kind.modes}, {sorted(allowed)}; found {given}")
        if options.certificate not in trust.CERTIFICATES:
            raise ValueError(f"expected {trust.CERTIFICATES}, found {given}")
        return options


@dataclass(frozen=True, slots=True)
class Kind:
    """What one server program can do, and how it is run.

    Attributes:
        modes: the first is the default.
        policies: the odd `Options` it knows.
        logins: finds login attempts in its log; group 1 only where one succeeded.
        command: writes the configuration; the command line and its environment.
        user: the only account.
    """

    modes: tuple[str, ...]
    policies: frozenset[str]
    logins: re.Pattern[str]
    command: Callable[["Server"], tuple[list[str | Path], dict[str, str]]]
    user: str = "feeds"
