#!/usr/bin/env bash
# Guess: SIZE of an empty file answers "213 0".
# Fact: npm's ftp-srv 4.6.3 answers "213 File status", a success without a number. The reply's text
#   is the size, and a text that counts as false in JavaScript is replaced by the standard text of
#   the code. Python's ftplib and npm's basic-ftp raise an error. A file of one byte is right.
# Source: RFC 3659, section 4 (SIZE); ftp-srv, src/commands/registration/size.js and the method
#   reply of src/connection.js.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
cd "$folder"
mkdir home
: > home/empty.csv
printf 1 > home/one.csv
npm install --silent --no-audit --no-fund --prefix "$folder" ftp-srv@4.6.3 > /dev/null
cat > server.cjs <<'JS'
const { FtpSrv } = require("ftp-srv");
const net = require("net");
const probe = net.createServer().listen(0, "127.0.0.1", () => {
  const { port } = probe.address();
  probe.close(async () => {
    const quiet = new Proxy({}, { get: (_, name) => (name === "child" ? () => quiet : () => {}) });
    const server = new FtpSrv({ url: `ftp://127.0.0.1:${port}`, log: quiet });
    server.on("login", (_, accept) => accept({ root: `${__dirname}/home` }));
    await server.listen();
    require("fs").writeFileSync("port", String(port));
  });
});
JS
node server.cjs &
server=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
node -p '"ftp-srv " + require("ftp-srv/package.json").version'
python3 - "$(cat port)" <<'PY'
import ftplib
import sys

ftp = ftplib.FTP(timeout=10)
ftp.connect("127.0.0.1", int(sys.argv[1]))
ftp.login("partner", "secret")
ftp.voidcmd("TYPE I")
replies = {name: ftp.sendcmd(f"SIZE {name}") for name in ("one.csv", "empty.csv")}
print(replies)
try:
    size = ftp.size("empty.csv")
except ValueError as error:
    size = f"ValueError: {error}"
print("ftplib, size of empty.csv:", size)
surprise = replies == {"one.csv": "213 1", "empty.csv": "213 File status"}
sys.exit(None if surprise else "the behaviour has changed")
PY
