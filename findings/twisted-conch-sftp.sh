#!/usr/bin/env bash
# Guess: an SFTP server that answers OK to SETSTAT with a size has cut the file to this size, and a
#   RENAME onto a name that is taken is an error, as in OpenSSH and asyncssh.
# Fact: the server of Twisted Conch 26.10.0 answers OK to a truncation and leaves the file as it is:
#   of six attributes it sets the owner, the mode and the times only. A RENAME replaces the file that
#   has the name. asyncssh 2.24.1 truncates, and refuses the RENAME.
# Source: draft-ietf-secsh-filexfer-02 (SFTP version 3), section 5 (size in SETSTAT) and section 6.5
#   (RENAME: an error if newpath exists); twisted/conch/unix.py, SFTPServerForUnixConchUser.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check \
    'Twisted[conch]==26.10.0' paramiko==5.1.0 asyncssh==2.24.1
mkdir "$folder/conch" "$folder/asyncssh"
cd "$folder"
cat > server.py <<'PY'
import os

from cryptography.hazmat.primitives.asymmetric import ed25519
from twisted.conch.avatar import ConchUser
from twisted.conch.interfaces import IConchUser
from twisted.conch.ssh import factory, filetransfer, keys, session
from twisted.conch.unix import SFTPServerForUnixConchUser
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.python import components, filepath
from zope.interface import implementer


class User(ConchUser):
    """A user of the server's own account."""

    def __init__(self):
        super().__init__()
        self.channelLookup[b"session"] = session.SSHSession
        self.subsystemLookup[b"sftp"] = filetransfer.FileTransferServer

    def getUserGroupId(self):
        return os.getuid(), os.getgid()

    def getHomeDir(self):
        return filepath.FilePath(os.path.abspath("conch"))

    def _runAsUser(self, calls, *args, **kwargs):
        if callable(calls):
            return calls(*args, **kwargs)
        for function, *rest in calls:
            result = function(*rest[0] if rest else ())
        return result


@implementer(IRealm)
class Realm:
    def requestAvatar(self, avatarId, mind, *interfaces):
        return IConchUser, User(), lambda: None


components.registerAdapter(SFTPServerForUnixConchUser, User, filetransfer.ISFTPServer)
key = keys.Key(ed25519.Ed25519PrivateKey.generate())
server = factory.SSHFactory()
server.publicKeys = {b"ssh-ed25519": key.public()}
server.privateKeys = {b"ssh-ed25519": key}
server.getPrimes = lambda: None
checker = InMemoryUsernamePasswordDatabaseDontUse(partner=b"secret")
server.portal = Portal(Realm(), [checker])
port = reactor.listenTCP(0, server, interface="127.0.0.1").getHost().port
with open("port.new", "w") as file:
    file.write(str(port))
os.rename("port.new", "port")
reactor.run()
PY
env/bin/python server.py > server.log 2>&1 &
server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
cat > client.py <<'PY'
import asyncio
import importlib.metadata
import os
import sys

import asyncssh
import paramiko

for name in ("Twisted", "paramiko", "asyncssh"):
    print(name, importlib.metadata.version(name))


def ask(home, folder, port):
    for name, text in (("stock.csv", "0123456789"), ("a.csv", "a"), ("b.csv", "b")):
        with open(f"{home}/{name}", "w") as file:
            file.write(text)
    transport = paramiko.Transport(("127.0.0.1", port))
    transport.connect(username="partner", password="secret")
    sftp = paramiko.SFTPClient.from_transport(transport)
    sftp.truncate(f"{folder}/stock.csv", 4)
    try:
        sftp.rename(f"{folder}/a.csv", f"{folder}/b.csv")
        renamed = "no error"
    except OSError:
        renamed = "an error"
    transport.close()
    with open(f"{home}/b.csv") as file:
        text = file.read()
    result = (os.path.getsize(f"{home}/stock.csv"), renamed, text)
    print(f"{home}: after truncate(4) {result[0]} bytes; rename: {renamed}, {text!r}")
    return result


class Login(asyncssh.SSHServer):
    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return (username, password) == ("partner", "secret")


async def ask_asyncssh():
    listener = await asyncssh.create_server(
        Login,
        "127.0.0.1",
        0,
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=b"asyncssh"),
    )
    return await asyncio.to_thread(ask, "asyncssh", "", listener.get_port())


with open("port") as file:
    conch = ask("conch", os.path.abspath("conch"), int(file.read()))
surprise = conch == (10, "no error", "a") and asyncio.run(ask_asyncssh()) == (
    4,
    "an error",
    "b",
)
sys.exit(None if surprise else "the behaviour has changed")
PY
env/bin/python client.py
