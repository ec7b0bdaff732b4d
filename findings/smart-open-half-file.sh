#!/usr/bin/env bash
# Guess: smart_open.open("ftp://...").read() raises an error when the server breaks the transfer off
#   and says so (426). For an upload it does.
# Fact: smart_open 9.0.2 takes the end of the data connection for the end of the file and does not
#   ask for the server's reply to a download. read() and copyfileobj give the part, with no error.
#   ftplib raises error_temp, fsspec 2026.9.0 too.
# Source: RFC 959, section 5.4 (RETR: 426, 451); smart_open/ftp.py, full_close (the reply is read for
#   uploads only).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check \
    smart_open==9.0.2 fsspec==2026.9.0 pyftpdlib==2.2.0
mkdir "$folder/home"
cd "$folder"
cat > run.py <<'PY'
import errno
import ftplib
import importlib.metadata
import logging
import sys
import threading

import fsspec
import smart_open
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.filesystems import AbstractedFS
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

for name in ("smart_open", "fsspec", "pyftpdlib"):
    print(name, importlib.metadata.version(name))
logging.disable(logging.CRITICAL)
LIMIT, SIZE = 200_000, 1_000_000


class Disk:
    """A file on a disk that cannot be read after LIMIT bytes."""

    def __init__(self, file):
        self.file = file

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


Handler.authorizer.add_user("partner", "secret", "home", perm="elr")
server = FTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
host, port = server.address
with open("home/orders.csv", "wb") as file:
    file.write(b"x" * SIZE)


def with_ftplib():
    with ftplib.FTP(timeout=10) as ftp:
        ftp.connect(host, port)
        ftp.login("partner", "secret")
        chunks = []
        ftp.retrbinary("RETR orders.csv", chunks.append)
        return sum(map(len, chunks))


def with_fsspec():
    files = fsspec.filesystem(
        "ftp", host=host, port=port, username="partner", password="secret"
    )
    with files.open("/orders.csv") as file:
        return len(file.read())


def with_smart_open():
    with smart_open.open(f"ftp://partner:secret@{host}:{port}/orders.csv", "rb") as file:
        return len(file.read())


results = []
for download in (with_ftplib, with_fsspec, with_smart_open):
    try:
        result = download()
    except ftplib.error_temp as error:
        result = str(error)
    print(f"{download.__name__}: {result}")
    results.append(result)
surprise = (
    str(results[0]).startswith("426")
    and str(results[1]).startswith("426")
    and isinstance(results[2], int)
    and 0 < results[2] < SIZE
)
sys.exit(None if surprise else "the behaviour has changed")
PY
env/bin/python run.py
