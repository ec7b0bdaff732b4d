#!/usr/bin/env bash
# Guess: an FTP client raises an error when the server answers 426 or 451 at the end of a transfer.
#   The reply is the only sign that the file is whole; the data connection is closed in both cases.
# Fact: ftputil 5.2.0 waits for the reply and then ignores 150, 426, 450 and 451. The disk of the
#   server is full in the middle of an upload, or cannot be read in the middle of a download: upload
#   and download return without an error, and the file is a part. ftplib raises error_temp.
# Source: RFC 959, sections 4.2.1 and 5.4 (STOR and RETR: 426, 451); ftputil's page "ftputil", upload
#   and download (exceptions of FTPIOError); ftputil/file.py, FTPFile.close.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check ftputil==5.2.0 pyftpdlib==2.2.0
mkdir "$folder/home"
cd "$folder"
cat > run.py <<'PY'
import errno
import ftplib
import importlib.metadata
import logging
import os
import sys
import threading

import ftputil
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.filesystems import AbstractedFS
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

for name in ("ftputil", "pyftpdlib"):
    print(name, importlib.metadata.version(name))
logging.disable(logging.CRITICAL)
LIMIT, SIZE = 200_000, 1_000_000


class Disk:
    """A file on a disk that fails after LIMIT bytes."""

    def __init__(self, file):
        self.file = file

    def write(self, data):
        if self.file.tell() + len(data) > LIMIT:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(data)

    def read(self, size):
        if self.file.tell() + size > LIMIT:
            raise OSError(errno.EIO, "Input/output error")
        return self.file.read(size)

    def __getattr__(self, name):
        return getattr(self.file, name)


class Files(AbstractedFS):
    def open(self, filename, mode):
        return Disk(super().open(filename, mode))


class Handler(FTPHandler):
    authorizer = DummyAuthorizer()
    abstracted_fs = Files
    use_sendfile = False


Handler.authorizer.add_user("partner", "secret", "home", perm="elrw")
server = FTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()


class Session(ftplib.FTP):
    def __init__(self):
        super().__init__(timeout=10)
        self.connect(*server.address)
        self.login("partner", "secret")


for name in ("stock.csv", "home/orders.csv"):
    with open(name, "wb") as file:
        file.write(b"x" * SIZE)
chunks = []
try:
    reply = Session().retrbinary("RETR orders.csv", chunks.append)
except ftplib.error_temp as error:
    reply = str(error)
print("ftplib, download:", reply)
with ftputil.FTPHost(session_factory=Session) as host:
    host.upload("stock.csv", "stock.csv")
    host.download("orders.csv", "orders.csv")
uploaded, downloaded = os.path.getsize("home/stock.csv"), os.path.getsize("orders.csv")
print(f"ftputil, upload: no error, {uploaded} of {SIZE} bytes")
print(f"ftputil, download: no error, {downloaded} of {SIZE} bytes")
surprise = reply.startswith("426") and max(uploaded, downloaded) < SIZE
sys.exit(None if surprise else "the behaviour has changed")
PY
env/bin/python -W ignore run.py
