"""Clients that are not ours, to check the servers with: curl, sftp, ftplib."""

import ftplib
import io
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from servers import machine
from servers.server import Server
from servers.stub import Stub

_SCHEMES = {"explicit": "ftp", "implicit": "ftps", "plain": "ftp"}


class Ftplib(ftplib.FTP_TLS):
    """The standard library's client; `resume` is what vsftpd and ProFTPD demand."""

    resume = True
    implicit = False
    _sock: socket.socket | None = None

    def ntransfercmd(
        self, cmd: str, rest: int | str | None = None
    ) -> tuple[ssl.SSLSocket, int | None]:
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        session = getattr(self.sock, "session", None) if self.resume else None
        return self.context.wrap_socket(
            data, server_hostname=self.host, session=session
        ), size

    @property
    def sock(self) -> socket.socket | None:
        return self._sock

    @sock.setter
    def sock(self, value: socket.socket | None) -> None:
        """Implicit TLS begins before the greeting."""
        if self.implicit and value is not None and not isinstance(value, ssl.SSLSocket):
            value = self.context.wrap_socket(value, server_hostname=self.host)
        self._sock = value


def _tls(server: Server | Stub, resume: bool) -> Ftplib:
    client = Ftplib(context=ssl.create_default_context(cafile=server.ca_file))
    client.resume, client.implicit = resume, server.mode == "implicit"
    return client


@contextmanager
def login(
    server: Server | Stub, resume: bool = True, password: str = "", timeout: float = 15
) -> Iterator[ftplib.FTP]:
    """A session in which files may be sent; the certificate is checked."""
    plain = server.mode == "plain"
    client = ftplib.FTP() if plain else _tls(server, resume)
    try:
        client.connect(server.host, server.port, timeout)
        if isinstance(client, ftplib.FTP_TLS) and not isinstance(
            client.sock, ssl.SSLSocket
        ):
            client.auth()
        ftplib.FTP.login(client, server.user, password or server.password)
        if isinstance(client, ftplib.FTP_TLS):
            client.prot_p()
        client.voidcmd("TYPE I")
        yield client
        if client.sock is not None:
            client.quit()
    finally:
        client.close()


def upload(
    server: Server | Stub, name: str, content: bytes, resume: bool = True
) -> None:
    """Send under a temporary name, ask the size, give the name."""
    with login(server, resume) as client:
        client.storbinary(f"STOR {name}.part", io.BytesIO(content), 65536)
        assert client.size(f"{name}.part") == len(content)
        client.rename(f"{name}.part", name)


def refusal(session: ftplib.FTP, name: str, content: bytes) -> str:
    """Send what the server will not take; the reason that it gives, empty for none."""
    try:
        session.storbinary(f"STOR {name}", io.BytesIO(content), 65536)
    except ftplib.Error as error:
        return str(error)
    except OSError:
        # It broke the transfer off; the reply waits on the control connection. Read in
        # a thread of its own: with OpenSSL 3.5, the first error stays in its thread's
        # queue and would be raised again here.
        with ThreadPoolExecutor(1) as fresh:
            return fresh.submit(session.getmultiline).result()
    return ""


def curl(server: Server, source: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Send with curl, under a temporary name, then rename."""
    words = ["-Q", f"-RNFR {name}.part", "-Q", f"-RNTO {name}"]
    return _run([*curl_words(server, source, f"{name}.part"), *words])


def curl_words(server: Server, source: Path, name: str) -> list[str]:
    """Return the command line by which curl sends a file under a name."""
    tls = ["--ssl-reqd", "--cacert", str(server.ca_file)]
    return [
        *("curl", "--silent", "--show-error", "--max-time", "20"),
        *("--user", f"{server.user}:{server.password}"),
        *([] if server.mode == "plain" else tls),
        *("-T", str(source)),
        f"{_SCHEMES[server.mode]}://{server.host}:{server.port}/{name}",
    ]


def sftp(
    server: Server, *commands: str, password: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run commands of sftp(1), with the key, or with a password."""
    key = ["-o", f"IdentityFile={server.key_file}", "-o", "PasswordAuthentication=no"]
    ask = server.place / "ask"
    ask.write_text(f"#!/bin/sh\necho '{password}'\n")
    ask.chmod(0o700)
    options = ["-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1"]
    words = [
        *("sftp", "-S", shutil.which("ssh") or str(machine.program("usr/bin/ssh"))),
        *("-F", "none", "-P", str(server.port)),
        *("-o", f"UserKnownHostsFile={server.known_hosts}"),
        *("-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes"),
        *(options if password else key),
        # -b means never to ask, unless that was said before it.
        *("-o", "BatchMode=no", "-b", "-", f"{server.user}@{server.host}"),
    ]
    asking = {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
    return _run(words, "\n".join(commands) + "\n", **asking)


def installed(words: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return a command line and its environment, of this machine or unpacked."""
    name, *rest = words
    if shutil.which(name):
        return words, {}
    unpacked = str(machine.program(f"usr/bin/{name}"))
    return [unpacked, *rest], {"LD_LIBRARY_PATH": machine.libraries()}


def _run(
    words: list[str], given: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    words, libraries = installed(words)
    return subprocess.run(
        words,
        input=given,
        env={**os.environ, **libraries, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
