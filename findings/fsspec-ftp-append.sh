#!/usr/bin/env bash
# Guess: open(path, "ab") of fsspec's FTP file system adds to the file, or raises an error if it
#   cannot append.
# Fact: fsspec 2026.9.0 replaces the file: it sends the new part with STOR from the first byte. What
#   was in the file before is lost, with no error. The same call on fsspec's local file system
#   appends, and smart_open 9.0.2 sends APPE for the mode "a".
# Source: fsspec's page "API Reference", AbstractFileSystem.open (mode as in the builtin open);
#   fsspec/implementations/ftp.py, FTPFile._upload_chunk.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check \
    fsspec==2026.9.0 smart_open==9.0.2 pyftpdlib==2.2.0
mkdir "$folder/home"
cd "$folder"
env/bin/python - <<'PY'
import importlib.metadata
import logging
import sys
import threading

import fsspec
import smart_open
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

for name in ("fsspec", "smart_open", "pyftpdlib"):
    print(name, importlib.metadata.version(name))
logging.disable(logging.CRITICAL)


class Handler(FTPHandler):
    authorizer = DummyAuthorizer()


Handler.authorizer.add_user("partner", "secret", "home", perm="elraw")
server = FTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
host, port = server.address
login = {"username": "partner", "password": "secret"}
openers = {
    "fsspec, FTP": lambda: fsspec.filesystem("ftp", host=host, port=port, **login).open(
        "/log.csv", "ab"
    ),
    "fsspec, local": lambda: fsspec.filesystem("file").open("home/log.csv", "ab"),
    "smart_open, FTP": lambda: smart_open.open(
        f"ftp://partner:secret@{host}:{port}/log.csv", "ab"
    ),
}
results = {}
for name, opener in openers.items():
    with open("home/log.csv", "w") as file:
        file.write("monday\n")
    with opener() as file:
        file.write(b"tuesday\n")
    with open("home/log.csv") as file:
        results[name] = file.read().split()
    print(f"{name}: {results[name]}")
surprise = results == {
    "fsspec, FTP": ["tuesday"],
    "fsspec, local": ["monday", "tuesday"],
    "smart_open, FTP": ["monday", "tuesday"],
}
sys.exit(None if surprise else "the behaviour has changed")
PY
