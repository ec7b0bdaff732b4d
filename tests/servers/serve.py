"""Run one of the servers that PyPI has, in the environment of `make servers`.

python serve.py NAME GIVEN.json
"""

import asyncio
import json
import os
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any


def serve_asyncssh(given: dict[str, Any]) -> None:
    """asyncssh's own SFTP server, in one folder."""
    import asyncssh

    class Login(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (given["user"], given["password"])

    async def serve() -> None:
        await asyncssh.listen(
            "127.0.0.1",
            given["port"],
            server_host_keys=[given["host_key"]],
            server_factory=Login,
            sftp_factory=lambda channel: asyncssh.SFTPServer(
                channel, chroot=given["folder"].encode()
            ),
        )
        await asyncio.Event().wait()

    asyncio.run(serve())


def serve_aioftp(given: dict[str, Any]) -> None:
    """aioftp: plain FTP, or implicit TLS."""
    import aioftp

    context = None
    if given["mode"] == "implicit":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(given["certificate"])
    user = aioftp.User(given["user"], given["password"], base_path=given["folder"])
    server = aioftp.Server([user], ssl=context)
    asyncio.run(server.run("127.0.0.1", given["port"]))


def _portal(realm: Any, user: Any, password: Any) -> Any:
    from twisted.cred import checkers, portal

    known = checkers.InMemoryUsernamePasswordDatabaseDontUse()
    known.addUser(user, password)
    return portal.Portal(realm, [known])


def serve_twisted_ftp(given: dict[str, Any]) -> None:
    """Twisted's FTP server."""
    from twisted.internet import reactor
    from twisted.protocols import ftp
    from twisted.python.filepath import FilePath

    class Realm:
        def requestAvatar(self, user: object, mind: object, *interfaces: Any) -> Any:
            folder = FilePath(given["folder"])
            return interfaces[0], ftp.FTPShell(folder), lambda: None

    portal = _portal(Realm(), given["user"], given["password"])
    reactor.listenTCP(given["port"], ftp.FTPFactory(portal))
    reactor.run()


def serve_conch(given: dict[str, Any]) -> None:
    """Twisted Conch with SFTP for the system's users; needs root."""
    from twisted.conch.ssh import factory, keys
    from twisted.conch.ssh.userauth import SSHUserAuthServer
    from twisted.conch.unix import UnixConchUser
    from twisted.internet import reactor
    from twisted.python.filepath import FilePath

    key = keys.Key.fromFile(given["host_key"])

    class User(UnixConchUser):
        # Its SFTP server asks a path of it, and gets a text.
        def getHomeDir(self) -> Any:
            return FilePath(super().getHomeDir())

    class Realm:
        def requestAvatar(self, user: bytes, mind: object, *interfaces: Any) -> Any:
            one = User(user.decode())
            return interfaces[0], one, one.logout

    class Factory(factory.SSHFactory):
        def getService(self, transport: object, service: bytes) -> Any:
            if service == b"ssh-userauth":
                return SSHUserAuthServer
            return super().getService(transport, service)

    ssh = Factory()
    ssh.publicKeys = {key.sshType(): key.public()}
    ssh.privateKeys = {key.sshType(): key}
    user, password = given["user"].encode(), given["password"].encode()
    ssh.portal = _portal(Realm(), user, password)
    reactor.listenTCP(given["port"], ssh)
    reactor.run()


def serve_inetd(given: dict[str, Any]) -> None:
    """Start `command` for each connection, as inetd does."""
    with socket.create_server(("127.0.0.1", given["port"])) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                subprocess.Popen(given["command"], stdin=connection, stdout=connection)


if __name__ == "__main__":
    os.umask(0o022)
    known = {name: each for name, each in globals().items() if name[:6] == "serve_"}
    known[f"serve_{sys.argv[1]}"](json.loads(Path(sys.argv[2]).read_text()))
