#!/usr/bin/env bash
# Guess: LIST with the name of a file answers with one line for this file. A client asks so whether
#   its upload has arrived, and with what size.
# Fact: the server of aioftp 0.28.3 answers 226 with an empty list for a file that is there, as it
#   does for a name that does not exist in other servers. pyftpdlib 2.2.0 sends the line.
# Source: RFC 959, section 4.1.3, LIST (a file: current information on the file);
#   aioftp/server.py, Server.list.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install -q --disable-pip-version-check aioftp==0.28.3 pyftpdlib==2.2.0
mkdir "$folder/home"
cd "$folder"
env/bin/python - <<'PY'
import asyncio
import ftplib
import importlib.metadata
import logging
import sys
import threading

import aioftp
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

for name in ("aioftp", "pyftpdlib"):
    print(name, importlib.metadata.version(name))
logging.disable(logging.CRITICAL)
with open("home/stock.csv", "w") as file:
    file.write("part,pieces\n")


class Handler(FTPHandler):
    authorizer = DummyAuthorizer()


Handler.authorizer.add_user("partner", "secret", "home", perm="elr")
pyftpdlib_server = FTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=pyftpdlib_server.serve_forever, daemon=True).start()


def listing(port):
    lines = []
    with ftplib.FTP(timeout=10) as ftp:
        ftp.connect("127.0.0.1", port)
        ftp.login("partner", "secret")
        reply = ftp.retrlines("LIST stock.csv", lines.append)
    print(f"{reply!r} {lines}")
    return reply[:3], len(lines)


async def aioftp_listing():
    server = aioftp.Server([aioftp.User("partner", "secret", base_path="home")])
    await server.start("127.0.0.1", 0)
    result = await asyncio.to_thread(listing, server.server_port)
    await server.close()
    return result


surprise = (
    listing(pyftpdlib_server.address[1]) == ("226", 1)
    and asyncio.run(aioftp_listing()) == ("226", 0)
)
sys.exit(None if surprise else "the behaviour has changed")
PY
