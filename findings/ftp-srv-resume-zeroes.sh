#!/usr/bin/env bash
# Guess: an upload that is resumed with REST and STOR writes from that place on and keeps what is
#   before it. A server that cannot do so refuses REST.
# Fact: npm's ftp-srv 4.6.3 answers 350 to REST and 226 to STOR, and empties the file first. The part
#   that the first attempt had delivered is zero bytes then; the size is right. pyftpdlib 2.2.0 keeps
#   the part. A resumed upload with APPE is right in both.
# Source: RFC 3659, section 5 (REST with STOR continues a transfer); ftp-srv, src/fs.js, write (the
#   flag w together with a start).
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
mkdir ftp-srv pyftpdlib
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check pyftpdlib==2.2.0
npm install --silent --no-audit --no-fund --prefix "$folder" ftp-srv@4.6.3 > /dev/null
cat > server.cjs <<'JS'
const { FtpSrv } = require("ftp-srv");
const fs = require("fs");
const net = require("net");
const probe = net.createServer().listen(0, "127.0.0.1", () => {
  const { port } = probe.address();
  probe.close(async () => {
    const quiet = new Proxy({}, { get: (_, name) => (name === "child" ? () => quiet : () => {}) });
    const url = `ftp://127.0.0.1:${port}`;
    const server = new FtpSrv({ url, log: quiet, pasv_url: "127.0.0.1" });
    server.on("login", (_, accept) => accept({ root: `${__dirname}/ftp-srv` }));
    await server.listen();
    fs.writeFileSync("port.new", String(port));
    fs.renameSync("port.new", "port");
  });
});
JS
node server.cjs &
server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
node -p '"ftp-srv " + require("ftp-srv/package.json").version'
env/bin/python - <<'PY'
import ftplib
import importlib.metadata
import io
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


Handler.authorizer.add_user("partner", "secret", "pyftpdlib", perm="elraw")
other = FTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=other.serve_forever, daemon=True).start()
with open("port") as file:
    ports = {"ftp-srv": int(file.read()), "pyftpdlib": other.address[1]}
results = {}
for name, port in ports.items():
    with open(f"{name}/stock.csv", "wb") as file:
        file.write(b"part,pie")
    with ftplib.FTP(timeout=10) as ftp:
        ftp.connect("127.0.0.1", port)
        ftp.login("partner", "secret")
        reply = ftp.storbinary("STOR stock.csv", io.BytesIO(b"ces\n"), rest=8)
    with open(f"{name}/stock.csv", "rb") as file:
        results[name] = (reply[:3], file.read())
    print(name, reply, results[name][1])
surprise = results == {
    "ftp-srv": ("226", b"\0" * 8 + b"ces\n"),
    "pyftpdlib": ("226", b"part,pieces\n"),
}
sys.exit(None if surprise else "the behaviour has changed")
PY
