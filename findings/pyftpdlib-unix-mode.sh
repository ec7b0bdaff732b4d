#!/usr/bin/env bash
# Guess: the fact unix.mode of MLST and MLSD is an octal number as chmod takes it, 0644 or 644, at
#   every server that offers it.
# Fact: pyftpdlib 2.2.0 sends "unix.mode=0o644", Python's way to write octal numbers. C's
#   strtol with base 8 stops at the letter and gives mode 0. The fact is off until OPTS MLST asks
#   for it, so a first look at the server does not show it.
# Source: RFC 3659, section 7.5 (facts; UNIX.mode is a fact by convention);
#   pyftpdlib/filesystems.py, AbstractedFS.format_mlsx, which sends the result of oct().
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check pyftpdlib==2.2.0
mkdir "$folder/home"
printf 'id\n1\n' > "$folder/home/stock.csv"
chmod 644 "$folder/home/stock.csv"
"$folder/env/bin/python" - "$folder/home" <<'PY'
import ctypes
import ftplib
import importlib.metadata
import logging
import sys
import threading

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

print("pyftpdlib", importlib.metadata.version("pyftpdlib"))
logging.disable(logging.CRITICAL)


class Handler(FTPHandler):
    authorizer = DummyAuthorizer()


Handler.authorizer.add_user("partner", "secret", sys.argv[1], perm="elrw")
server = FTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()

ftp = ftplib.FTP(timeout=10)
ftp.connect(*server.address)
ftp.login("partner", "secret")
before = ftp.sendcmd("MLST stock.csv")
facts = dict(ftp.mlsd(facts=["type", "unix.mode"]))["stock.csv"]
print(before)
print("after OPTS MLST type;unix.mode;", facts)
mode = ctypes.CDLL(None).strtol(facts["unix.mode"].encode(), None, 8)
print("strtol reads the mode as", oct(mode))
surprise = "unix.mode" not in before and facts["unix.mode"] == "0o644" and mode == 0
sys.exit(None if surprise else "the behaviour has changed")
PY
