#!/usr/bin/env bash
# Guess: when the data connection of an FTP upload is reset in the middle (the sender was killed,
#   a firewall dropped it), the server answers 426, "connection closed; transfer aborted", as
#   vsftpd and ProFTPD do. Only an orderly close means the end of the file.
# Fact: pyftpdlib 2.2.0 answers "226 Transfer complete." and keeps the half file. A client that
#   goes by the reply takes the half for delivered; only the size shows it.
# Source: RFC 959, section 4.2.2 (426); pyftpdlib/ioloop.py, AsyncChat.recv (a reset is treated as
#   a close), and pyftpdlib/handlers/ftp/data.py, DTPHandler.handle_close.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check pyftpdlib==2.2.0
mkdir "$folder/home"
"$folder/env/bin/python" - "$folder/home" <<'PY'
import ftplib
import importlib.metadata
import logging
import socket
import struct
import sys
import threading
import time

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
ftp.voidcmd("TYPE I")
data = ftp.transfercmd("STOR stock.csv")
print("the file has 1000000 bytes; after 300000 the connection is reset")
data.sendall(b"x" * 300_000)
time.sleep(0.5)
data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
data.close()
try:
    reply = ftp.getresp()
except ftplib.Error as error:
    reply = str(error)
size = ftp.size("stock.csv")
print("reply:", reply)
print("size at the server:", size)
surprise = reply.startswith("226") and size < 1_000_000
sys.exit(None if surprise else "the behaviour has changed")
PY
